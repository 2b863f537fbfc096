"""The two ends of an HTTP/2 conversation: frames that they say, and what they hear.

Written and read with hyperframe and hpack: whoever used drainproxy's own code for this would
prove only that it agrees with itself.
"""

from collections.abc import Callable
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    AltSvcFrame,
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = 9
MOST_STREAM = 2**31 - 1

# RFC 9113 7, and the settings of 6.5.2 that tests speak of.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = range(5, 10)
ENHANCE_YOUR_CALM, INADEQUATE_SECURITY = 11, 12
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, WINDOW, MAX_FRAME = range(1, 6)
ENABLE_CONNECT = 8

Fields = tuple[tuple[bytes, bytes], ...]
# ("headers", 1, fields, "end") and so on: its name, its stream if it may have one, what it says.
Heard = tuple[Any, ...]

GET: Fields = (
    *((b":method", b"GET"), (b":scheme", b"http")),
    *((b":path", b"/"), (b":authority", b"a.example")),
)
POST: Fields = ((b":method", b"POST"), *GET[1:])
CALL: Fields = (
    *((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.Service/Do")),
    *((b":authority", b"a.example"), (b"te", b"trailers"), (b"content-type", b"application/grpc")),
)
WEBSOCKET: Fields = ((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:])
CONNECT: Fields = ((b":method", b"CONNECT"), (b":authority", b"a.example:443"))
OK: Fields = ((b":status", b"200"), (b"x-app", b"yes"))
GRPC_OK: Fields = ((b":status", b"200"), (b"content-type", b"application/grpc"))
EVENTS: Fields = ((b":status", b"200"), (b"content-type", b"text/event-stream"))
SWITCHED: Fields = ((b":status", b"200"),)
TRAILERS: Fields = ((b"x-checksum", b"1"),)


def _and_end(flags: list[str], end: bool) -> list[str]:
    return [*flags, "END_STREAM"] if end else flags


def data(stream: int, payload: bytes = b"", *, end: bool = False, pad: int | None = None) -> bytes:
    flags = _and_end([] if pad is None else ["PADDED"], end)
    frame = DataFrame(stream or 1, payload, flags=flags, pad_length=pad or 0)
    frame.stream_id = stream
    return frame.serialize()


def headers_frame(stream: int, block: bytes) -> bytes:
    """HEADERS with any block."""
    return HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"]).serialize()


def continuation(stream: int, part: bytes = b"", *, end: bool = False) -> bytes:
    return ContinuationFrame(stream, part, flags=["END_HEADERS"] if end else []).serialize()


def reset(stream: int, code: int = CANCEL) -> bytes:
    return RstStreamFrame(stream, code).serialize()


def settings(values: dict[int, int] | None = None) -> bytes:
    return SettingsFrame(0, values or {}).serialize()


SETTINGS_ACK = SettingsFrame(0, flags=["ACK"]).serialize()


def ping(data: bytes = b"pingpong", *, ack: bool = False) -> bytes:
    return PingFrame(0, data, flags=["ACK"] if ack else []).serialize()


def goaway(last: int, code: int = NO_ERROR, debug: bytes = b"") -> bytes:
    return GoAwayFrame(0, last, code, debug).serialize()


def window_update(stream: int, increment: int) -> bytes:
    return WindowUpdateFrame(stream, increment).serialize()


def priority(stream: int, depends_on: int = 0) -> bytes:
    return PriorityFrame(stream, depends_on, 15).serialize()


def unknown(stream: int = 0, body: bytes = b"?", kind: int = 0xBE) -> bytes:
    frame = ExtensionFrame(kind, stream, 0, body)
    frame.body_len = len(body)
    return frame.serialize()


def alt_svc(stream: int = 0) -> bytes:
    """RFC 7838: a type that hyperframe knows and RFC 9113 does not."""
    return AltSvcFrame(stream, b"a.example", b"h2").serialize()


def keep_to(encoder: Encoder, size: int) -> None:
    """hpack forgets a change that changes nothing more, and tells of one that is void by now: a
    block begins with the smallest size since the last one, and the one that counts (RFC 7541 4.2).
    """
    changes = encoder.table_size_changes
    if encoder.header_table_size != size:
        encoder.header_table_size = size
    changes[:] = sorted({min(changes, default=size), *changes[-1:]})


class End:
    """One end: the tables of what it says and of what it hears, and a frame that came in part."""

    def __init__(self) -> None:
        self.encoder, self.decoder = Encoder(), Decoder()
        self._rest = b""
        self._block: tuple[Any, bytes] | None = None

    def writes_with_table(self, size: int) -> None:
        """What the other end allows, and has been told that we know it."""
        keep_to(self.encoder, size)

    def block(self, fields: Fields) -> bytes:
        return self.encoder.encode(fields)

    def headers(
        self,
        stream: int,
        fields: Fields,
        *,
        end: bool = False,
        most: int | None = None,
        pad: int | None = None,
        depends_on: int | None = None,
    ) -> bytes:
        """HEADERS; where `most` bytes of the block are not all, and CONTINUATIONs."""
        block = self.block(fields)
        most = most or max(1, len(block))
        flags = _and_end(["END_HEADERS"] if most >= len(block) else [], end)
        flags += [] if pad is None else ["PADDED"]
        flags += [] if depends_on is None else ["PRIORITY"]
        frame = HeadersFrame(stream, block[:most], flags=flags, pad_length=pad or 0)
        frame.depends_on = depends_on or 0
        return frame.serialize() + _continued(stream, block, most)

    def push(self, stream: int, promised: int, fields: Fields, most: int | None = None) -> bytes:
        block = self.block(fields)
        most = most or max(1, len(block))
        flags = ["END_HEADERS"] if most >= len(block) else []
        frame = PushPromiseFrame(stream, promised, block[:most], flags=flags)
        return frame.serialize() + _continued(stream, block, most)

    def hears(self, data: bytes) -> list[Heard]:
        """What these bytes say; the part of a frame is kept for the next time."""
        data = self._rest + data
        heard = []
        while len(data) >= HEAD:
            frame, length = Frame.parse_frame_header(memoryview(data[:HEAD]))
            if len(data) < HEAD + length:
                break
            frame.parse_body(memoryview(data[HEAD : HEAD + length]))
            data = data[HEAD + length :]
            said = self._understand(frame, length)
            if said:
                heard.append(said)
        self._rest = data
        return heard

    @property
    def between_frames(self) -> bool:
        """Nothing of a frame or a header block has come that is not whole."""
        return not self._rest and self._block is None

    def _understand(self, frame: Frame, length: int) -> Heard | None:
        if isinstance(frame, HeadersFrame | PushPromiseFrame | ContinuationFrame):
            return self._block_part(frame)
        assert self._block is None, f"{frame} tears a header block"
        if isinstance(frame, DataFrame):
            end = ("end",) if "END_STREAM" in frame.flags else ()
            return "data", frame.stream_id, frame.data, *end
        return _UNDERSTAND[type(frame)](frame)

    def _block_part(self, frame: Any) -> Heard | None:
        if isinstance(frame, ContinuationFrame):
            assert self._block is not None, f"{frame} continues nothing"
            first, block = self._block
            assert first.stream_id == frame.stream_id
        else:
            assert self._block is None, f"{frame} tears a header block"
            first, block = frame, b""
        self._block = first, block + frame.data
        if "END_HEADERS" not in frame.flags:
            return None
        self._block = None
        fields = tuple(
            (bytes(name), bytes(value))
            for name, value in self.decoder.decode(block + frame.data, raw=True)
        )
        if isinstance(first, PushPromiseFrame):
            return "push", first.stream_id, first.promised_stream_id, fields
        end = ("end",) if "END_STREAM" in first.flags else ()
        return "headers", first.stream_id, fields, *end


_UNDERSTAND: dict[type, Callable[[Any], Heard]] = {
    RstStreamFrame: lambda f: ("reset", f.stream_id, f.error_code),
    SettingsFrame: lambda f: (
        ("settings ack",) if "ACK" in f.flags else ("settings", dict(f.settings))
    ),
    PingFrame: lambda f: ("ping ack" if "ACK" in f.flags else "ping", f.opaque_data),
    GoAwayFrame: lambda f: (
        ("goaway", f.last_stream_id, f.error_code)
        + ((f.additional_data.decode(),) if f.additional_data else ())
    ),
    WindowUpdateFrame: lambda f: ("window", f.stream_id, f.window_increment),
    PriorityFrame: lambda f: ("priority", f.stream_id),
    ExtensionFrame: lambda f: ("unknown", f.stream_id, f.body),
    AltSvcFrame: lambda f: ("alt-svc", f.stream_id),
}


def _continued(stream: int, block: bytes, most: int) -> bytes:
    """The CONTINUATIONs for what is beyond `most` bytes, as many each."""
    return b"".join(
        continuation(stream, block[at : at + most], end=at + most >= len(block))
        for at in range(most, len(block), most)
    )
