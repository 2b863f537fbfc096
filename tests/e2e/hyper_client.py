"""An HTTP/2 client by hand, read and written with hyperframe and hpack: it does what a good client
never does, and keeps all that came in its order.

    async with connected(port) as client:
        stream = client.ask("/now", name="one")
        await client.until(lambda: client.streams[stream].ended)
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 15.0
MOST_STREAM = 2**31 - 1
# RFC 9113 6.5.2, 6.9.2 and 4.2.
DEFAULT_WINDOW, MAX_FRAME = 65535, 16384
# What we let the app send before it hears of us again: more than any test asks for.
_LARGE_WINDOW = 1 << 24
_FRAME_HEAD = 9

Fields = Iterable[tuple[str, str]]


@dataclass
class Answer:
    """What came on one stream; `heads` are all its header blocks."""

    heads: list[dict[str, str]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> str:
        """Of the answer; empty if none came."""
        return next((head[":status"] for head in self.heads if ":status" in head), "")

    @property
    def trailers(self) -> dict[str, str]:
        """What ended it; a head that ends it, as one of gRPC may, is meant too."""
        return self.heads[-1] if self.ended and self.heads else {}

    @property
    def nothing(self) -> bool:
        """Nobody said a word on this stream."""
        return not self.heads and not self.data and not self.ended and self.reset is None


class Client(asyncio.Protocol):
    """`acknowledges` PINGs as they come, or leaves that to the test; `greets` at once, or in one
    piece with what the test says first."""

    def __init__(self, *, acknowledges: bool = True, greets: bool = True) -> None:
        self.acknowledges = acknowledges
        self._greets = greets
        self.frames: list[Frame] = []
        self.streams: dict[int, Answer] = {}
        self.goaways: list[tuple[int, int]] = []
        # Not acknowledged yet.
        self.pings: list[bytes] = []
        # How the connection ended: "", "eof", or what the system said.
        self.end = ""
        self._encoder, self._decoder = Encoder(), Decoder()
        # What the app takes on the connection, and on each stream.
        self.window = DEFAULT_WINDOW
        self._first_window = DEFAULT_WINDOW
        self._windows: dict[int, int] = {}
        self._numbers = count(1, 2)
        self._rest = b""
        self._said = bytearray()
        self._news, self._lost = asyncio.Event(), asyncio.Event()
        self._transport: Any = None

    # The connection

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self._greets:
            self.greet()

    def greet(self) -> None:
        """The first words of a connection."""
        values = {SettingsFrame.INITIAL_WINDOW_SIZE: _LARGE_WINDOW}
        self._write(SettingsFrame(0, settings=values), before=PREFACE)
        self._write(WindowUpdateFrame(0, window_increment=_LARGE_WINDOW))

    def data_received(self, data: bytes) -> None:
        data, at = self._rest + data, 0
        while len(data) - at >= _FRAME_HEAD:
            body = at + _FRAME_HEAD
            frame, length = Frame.parse_frame_header(memoryview(data)[at:body])
            if len(data) - body < length:
                break
            frame.parse_body(memoryview(data)[body : body + length])
            at = body + length
            self.frames.append(frame)
            self._came(frame)
        self._rest = data[at:]
        self._news.set()

    def eof_received(self) -> bool:
        self.end = "eof" if not self._rest else "eof in the middle of a frame"
        self._news.set()
        # What we still say must not reset the connection.
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.end = self.end or repr(error)
        self._news.set()
        self._lost.set()

    async def close(self) -> None:
        """Part without a word."""
        self._transport.abort()
        await self._lost.wait()

    async def until(self, there: Callable[[], bool]) -> None:
        """Wait for what comes, or for what the app gets."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not there():
                    self._news.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.02)
        except TimeoutError:
            last = [repr(frame) for frame in self.frames[-20:]]
            raise AssertionError(f"never came; end: {self.end!r}, last frames: {last}") from None

    # What comes

    def _came(self, frame: Frame) -> None:
        match frame:
            case SettingsFrame():
                self._settings(frame)
            case PingFrame() if "ACK" not in frame.flags:
                self.pings.append(frame.opaque_data)
                if self.acknowledges:
                    self.acknowledge()
            case GoAwayFrame():
                self.goaways.append((frame.last_stream_id, frame.error_code))
            case WindowUpdateFrame(stream_id=0):
                self.window += frame.window_increment
            case WindowUpdateFrame():
                self._windows[frame.stream_id] += frame.window_increment
            case HeadersFrame() | DataFrame() | RstStreamFrame():
                self._of_a_stream(frame)
            case _:
                assert isinstance(frame, PingFrame), f"what is {frame}?"

    def _of_a_stream(self, frame: Frame) -> None:
        answer = self.streams[frame.stream_id]
        assert not answer.ended or isinstance(frame, RstStreamFrame), f"{frame} after the end"
        assert answer.reset is None, f"{frame} after a reset"
        match frame:
            case HeadersFrame():
                assert "END_HEADERS" in frame.flags
                came = self._decoder.decode(frame.data)
                answer.heads.append({str(name): str(value) for name, value in came})
            case DataFrame():
                answer.data += frame.data
            case RstStreamFrame():
                answer.reset = frame.error_code
        answer.ended |= "END_STREAM" in frame.flags

    def _settings(self, frame: SettingsFrame) -> None:
        if "ACK" in frame.flags:
            return
        first = frame.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self._first_window)
        for stream in self._windows:
            self._windows[stream] += first - self._first_window
        self._first_window = first
        self._write(SettingsFrame(0, flags=["ACK"]))

    # What we say

    def ask(self, path: str, *fields: tuple[str, str], ends: bool = True, **named: str) -> int:
        """A POST on a new stream; `named` are fields that begin with x-."""
        base = ((":method", "POST"), (":scheme", "http"), (":path", path))
        own = [(f"x-{name}", value) for name, value in named.items()]
        return self.begin([*base, (":authority", "a.example"), *fields, *own], ends=ends)

    def begin(self, fields: Fields, *, ends: bool) -> int:
        """Any request on a new stream."""
        stream = next(self._numbers)
        self.streams[stream] = Answer()
        self._windows[stream] = self._first_window
        self.say_head(stream, fields, ends=ends)
        return stream

    def say_head(self, stream: int, fields: Fields, *, ends: bool) -> None:
        """HEADERS, trailers too."""
        flags = ["END_HEADERS", *(["END_STREAM"] if ends else [])]
        self._write(HeadersFrame(stream, self._encoder.encode(fields), flags=flags))

    def say_now(self, stream: int, data: bytes, *, ends: bool = False, padding: int = 0) -> None:
        """DATA, which must fit into the windows."""
        flags = [*(["END_STREAM"] if ends else []), *(["PADDED"] if padding else [])]
        frame = DataFrame(stream, data, flags=flags, pad_length=padding)
        length = frame.flow_controlled_length
        assert length <= min(self.window, self._windows[stream])
        self.window -= length
        self._windows[stream] -= length
        self._write(frame)

    async def say(self, stream: int, data: bytes, *, ends: bool = False, padding: int = 0) -> None:
        """The same at the pace of whoever reads it, in as many frames as it takes."""
        pieces = [data[at : at + MAX_FRAME // 2] for at in range(0, len(data), MAX_FRAME // 2)]
        for number, piece in enumerate(pieces, 1):
            need = len(piece) + (1 + padding if padding else 0)
            await self.until(lambda need=need: self._fits(stream, need))  # type: ignore[misc]
            self.say_now(stream, piece, ends=ends and number == len(pieces), padding=padding)

    def _fits(self, stream: int, length: int) -> bool:
        return length <= min(self.window, self._windows[stream])

    def acknowledge(self) -> None:
        """Answer all PINGs that came."""
        for data in self.pings:
            self._write(PingFrame(0, data, flags=["ACK"]))
        self.pings.clear()

    def _write(self, frame: Frame, before: bytes = b"") -> None:
        """What is said without a pause goes out in one piece."""
        if not self._said:
            asyncio.get_running_loop().call_soon(self._flush)
        self._said += before + frame.serialize()

    def _flush(self) -> None:
        self._transport.write(bytes(self._said))
        self._said.clear()


@asynccontextmanager
async def connected(port: int, **how: bool) -> AsyncIterator[Client]:
    """A client of this port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    made = Client(**how)
    await loop.create_connection(lambda: made, "127.0.0.1", port)
    try:
        yield made
    finally:
        await made.close()
