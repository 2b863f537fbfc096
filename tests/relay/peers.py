"""A client and an app built on h2, what they say and hear, and what an onlooker knows of it.

h2 holds its peer to the rules and raises where one is broken. GOAWAY is kept from it: it would
end all streams at once, which no GOAWAY of these conversations means.
"""

from collections.abc import Iterator
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    PushedStreamReceived,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

from tests.relay.frames import CANCEL, HEAD, MOST_STREAM, PREFACE, Fields, goaway, keep_to

DATA, HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, CONTINUATION = 0, 1, 3, 5, 7, 9
END_STREAM, END_HEADERS = 1, 4


def cut_frames(data: bytearray) -> Iterator[bytes]:
    """The whole frames at the beginning of `data`, which are taken out of it."""
    while len(data) >= HEAD and len(data) >= (size := HEAD + int.from_bytes(data[:3])):
        yield bytes(data[:size])
        del data[:size]


def about(frame: bytes) -> tuple[int, int, int]:
    """The type, the flags and the stream of a frame."""
    return frame[3], frame[4], int.from_bytes(frame[5:9]) & MOST_STREAM


class Message:
    """One direction of one stream: its heads and trailers, its body, and whether it has ended."""

    def __init__(self) -> None:
        self.heads: list[Fields] = []
        self.body = b""
        self.ended = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{self.heads} {self.body!r} {self.ended}"

    def begins(self, whole: "Message") -> bool:
        """Whether this is what has come of `whole`, so far."""
        if self.ended:
            return self == whole
        return whole.heads[: len(self.heads)] == self.heads and whole.body.startswith(self.body)


class Messages(dict[int, Message]):
    """By stream."""

    def __missing__(self, stream: int) -> Message:
        return self.setdefault(stream, Message())


class Peer:
    """One of the two engines, and what it has said and heard."""

    def __init__(self, *, client: bool, greedy: bool = False) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=client, header_encoding=None))
        # It opens more streams than it may.
        self.greedy = greedy
        self.sent, self.got = Messages(), Messages()
        # Streams on which it may speak, and those whose end was no regular one.
        self.speaking: list[int] = []
        self.broken: set[int] = set()
        self.unread: list[tuple[int, int]] = []
        # The last streams of the GOAWAYs that it has heard.
        self.goaways: list[int] = []
        # The last stream that it serves, as it has said itself.
        self.last = MOST_STREAM
        # What it has said and nobody has got yet, and the part of a frame that it has got.
        self.out, self.rest = bytearray(), bytearray()
        self.unacknowledged = True
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.out += self.h2.data_to_send()

    # Saying

    def says_head(self, stream: int, fields: Fields, *, end: bool = False) -> None:
        self.h2.send_headers(stream, fields, end_stream=end)
        self.sent[stream].heads.append(fields)
        self._said(stream, end)

    def says_data(self, stream: int, body: bytes, *, end: bool, pad: int | None) -> None:
        """As much of it as has room."""
        room = self.h2.local_flow_control_window(stream) - (pad + 1 if pad is not None else 0)
        room = min(room, self.h2.max_outbound_frame_size - 256)
        if room <= 0:
            return
        end = end and len(body) <= room
        self.h2.send_data(stream, body[:room], end_stream=end, pad_length=pad)
        self.sent[stream].body += body[:room]
        self._said(stream, end)

    def says_reset(self, stream: int, code: int = CANCEL) -> None:
        self.h2.reset_stream(stream, code)
        self.broken.add(stream)
        self._said(stream, True, reset=True)

    def _said(self, stream: int, end: bool, *, reset: bool = False) -> None:
        if end and not reset:
            self.sent[stream].ended = True
        if end and stream in self.speaking:
            self.speaking.remove(stream)
        self.flush()

    def says_settings(self, values: dict[int, int]) -> None:
        """h2 takes the acknowledgement of one SETTINGS for that of a later one as well."""
        if not self.unacknowledged:
            self.h2.update_settings(values)
            self.unacknowledged = True
            self.flush()

    def says_goaway(self, last: int) -> None:
        self.last = min(last, self.last)
        self.out += goaway(self.last)

    def reads(self) -> None:
        """Give back the window of what has come."""
        while self.unread:
            size, stream = self.unread.pop()
            self.h2.acknowledge_received_data(size, stream)
        self.flush()

    # Hearing

    def hears(self, data: bytes) -> list[bytes]:
        """Returns the frames; h2 raises if one of them is wrong."""
        self.rest += data
        frames = []
        for frame in cut_frames(self.rest):
            frames.append(frame)
            if frame[3] == GOAWAY:
                self._hears_goaway(int.from_bytes(frame[9:13]) & MOST_STREAM)
                continue
            for event in self.h2.receive_data(frame):
                self._understand(event)
            keep_to(self.h2.encoder, self.h2.encoder.header_table_size)
            if self.greedy:
                self.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
                self.h2.remote_settings.acknowledge()
        self.flush()
        return frames

    def _hears_goaway(self, last: int) -> None:
        assert last <= min(self.goaways, default=MOST_STREAM), "the last id rises"
        self.goaways.append(last)
        for stream in [stream for stream in self.h2.streams if stream > last and stream & 1]:
            self.broken.add(stream)
            if not self.h2.streams[stream].closed:
                self.says_reset(stream)

    def _understand(self, event: Event) -> None:
        stream: int = getattr(event, "stream_id", None) or 0
        match event:
            case RequestReceived() | ResponseReceived() | InformationalResponseReceived():
                self.got[stream].heads.append(_fields(event))
                if isinstance(event, RequestReceived) and stream <= self.last:
                    self.speaking.append(stream)
            case TrailersReceived():
                self.got[stream].heads.append(_fields(event))
            case DataReceived(data=data):
                self.got[stream].body += data or b""
                self.unread.append((event.flow_controlled_length or 0, stream))
            case PushedStreamReceived():
                self.got[event.pushed_stream_id or 0].heads.append(_fields(event))
            case SettingsAcknowledged():
                self.unacknowledged = False
            case StreamEnded():
                self.got[stream].ended = True
            case StreamReset():
                self.broken.add(stream)
                if stream in self.speaking:
                    self.speaking.remove(stream)


def _fields(event: Any) -> Fields:
    return tuple((bytes(name), bytes(value)) for name, value in event.headers)


class Edge:
    """What the client's side of the session has seen: the streams that are open by it."""

    def __init__(self) -> None:
        self.open: dict[int, set[str]] = {}
        self.rest = bytearray()
        self._preface_left = len(PREFACE)
        self.highest = 0
        self._ending = False

    def client_said(self, data: bytes) -> None:
        passed = min(self._preface_left, len(data))
        self._preface_left -= passed
        self.rest += data[passed:]
        for frame in cut_frames(self.rest):
            kind, flags, stream = about(frame)
            if kind == HEADERS and stream > self.highest:
                self.highest = stream
                self.open[stream] = set()
            self._note("client", kind, flags, stream)

    def client_heard(self, frames: list[bytes]) -> None:
        for frame in frames:
            kind, flags, stream = about(frame)
            if kind == PUSH_PROMISE:
                self.open[int.from_bytes(frame[9:13])] = {"client"}
            elif kind == GOAWAY:
                last = int.from_bytes(frame[9:13])
                for gone in [each for each in self.open if each > last and each & 1]:
                    del self.open[gone]
            else:
                self._note("app", kind, flags, stream)

    def _note(self, who: str, kind: int, flags: int, stream: int) -> None:
        if stream not in self.open:
            return
        if kind == RST_STREAM:
            del self.open[stream]
        elif kind in (DATA, HEADERS) and flags & END_STREAM:
            assert kind == DATA or flags & END_HEADERS, "these heads are short"
            self.open[stream].add(who)
            if self.open[stream] == {"client", "app"}:
                del self.open[stream]
