"""A client of HTTP/2 that says anything, right or wrong, and notes what it hears."""

import socket
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType

from hpack import Decoder, Encoder

from tests.e2e.conformance.frames import (
    ACK,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    HEAD,
    PADDED,
    PREFACE,
    PRIORITIZED,
    WHOLE,
    Code,
    Kind,
    Setting,
    headers,
    ping,
    settings,
)
from tests.e2e.conformance.verdicts import Grade, Outcome

Fields = list[tuple[str, str]]

# Seconds for what has to come.
PATIENCE = 8.0
# Seconds for the answer to something illegal: it may never come.
QUIET = 1.0

GET: Fields = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "conformance.test"),
]
HEAD_REQUEST: Fields = [(":method", "HEAD"), *GET[1:]]
POST: Fields = [(":method", "POST"), *GET[1:]]


@dataclass
class Stream:
    """What has come on a stream: field sections, the sizes of DATA frames, ..."""

    sections: list[Fields] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def status(self) -> int:
        """Of the response; 0 before it has come."""
        told = [int(text) for fields in self.sections for name, text in fields if name == ":status"]
        return told[-1] if told else 0

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    def __str__(self) -> str:
        told = [
            " ".join(f"{name}={value}" for name, value in fields if name != "date")
            for fields in self.sections
        ]
        return f"{told} and {len(self.body)} bytes ({zlib.crc32(self.body):08x})"


class Client:
    """A connection to a port of this machine.

    It acknowledges SETTINGS and answers PINGs, the rest is up to the caller. `patience` is in
    seconds, for what has to come.
    """

    def __init__(self, port: int, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._block = b""
        self.streams: defaultdict[int, Stream] = defaultdict(Stream)
        self.order: list[int] = []
        self.announced: dict[int, int] = {}
        self.acks = 0
        self.pongs: list[bytes] = []
        self.goaway: int | None = None
        self.closed = False

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    # Sending

    def send(self, *frames: bytes) -> None:
        """In one piece; that the connection is closed already is told when it is read."""
        with suppress(OSError):
            self._socket.sendall(b"".join(frames))

    def block(self, fields: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
        """A field block, right as compression goes, whatever the fields are."""
        return self._encoder.encode(fields)

    def request(self, stream: int = 1, fields: Fields = GET, flags: int = WHOLE) -> None:
        """The HEADERS of a request; with WHOLE it has no body."""
        self.send(headers(stream, self.block(fields), flags))

    def greet(self) -> None:
        """What begins every connection, until both sides know of it (RFC 9113, 3.4)."""
        self.send(PREFACE, settings())
        greeted = self.until(lambda: self.order.count(Kind.SETTINGS) > self.acks == 1)
        assert greeted, "no HTTP/2 here"

    def set(self, *values: tuple[int, int]) -> None:
        """Change settings of ours, until the server knows."""
        wanted = self.acks + 1
        allowed = dict(values).get(Setting.HEADER_TABLE_SIZE, self._decoder.max_allowed_table_size)
        self.send(settings(*values))
        self.until(lambda: self.acks == wanted)
        self._decoder.max_allowed_table_size = allowed

    def sync(self) -> bool:
        """Until the server has read all that was sent, and has said what it has to say to it.

        Twice, because the answer to a PING may overtake other frames (RFC 9113, 6.7). False if
        there is no answer.
        """
        return self._ping(b"sync-one") and self._ping(b"sync-two")

    def _ping(self, token: bytes) -> bool:
        wanted = self.pongs.count(token) + 1
        self.send(ping(token))
        return self.until(lambda: self.pongs.count(token) == wanted)

    # Reading

    def until(self, reached: Callable[[], bool], seconds: float | None = None) -> bool:
        """Read until then, or the end of the connection, or for `seconds`; whether it was."""
        end = monotonic() + (self._patience if seconds is None else seconds)
        while not reached():
            if self.closed or not self._read(end):
                return reached()
        return True

    def _read(self, end: float) -> bool:
        """More bytes, or the end of the connection; False if neither came in time."""
        self._socket.settimeout(max(end - monotonic(), 0.001))
        try:
            came = self._socket.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            came = b""
        self.closed = not came
        self._unread += came
        while len(self._unread) >= HEAD and not self._unread.startswith(b"HTTP/1."):
            length = HEAD + int.from_bytes(self._unread[:3])
            if len(self._unread) < length:
                break
            taken, self._unread = self._unread[:length], self._unread[length:]
            self._take(taken[3], taken[4], int.from_bytes(taken[5:HEAD]), taken[HEAD:])
        return True

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.order.append(kind)
        match kind:
            case Kind.DATA:
                self.streams[stream].pieces.append(unpadded(flags, payload))
                self.streams[stream].ended = bool(flags & END_STREAM)
            case Kind.HEADERS | Kind.CONTINUATION:
                self._take_block(kind, flags, stream, payload)
            case Kind.RST_STREAM:
                self.streams[stream].reset = int.from_bytes(payload)
            case Kind.SETTINGS if flags & ACK:
                self.acks += 1
            case Kind.SETTINGS:
                self._take_settings(payload)
            case Kind.PING if flags & ACK:
                self.pongs.append(payload)
            case Kind.PING:
                self.send(ping(payload, ACK))
            case Kind.GOAWAY:
                # The last one counts (6.8): it is what a client is left with.
                self.goaway = int.from_bytes(payload[4:8])

    def _take_block(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.HEADERS:
            self._block = unpadded(flags, payload)[5 if flags & PRIORITIZED else 0 :]
            self.streams[stream].ended = bool(flags & END_STREAM)
        else:
            self._block += payload
        if flags & END_HEADERS:
            fields = self._decoder.decode(self._block)
            self.streams[stream].sections.append([(str(name), str(text)) for name, text in fields])

    def _take_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            self.announced[int.from_bytes(payload[at : at + 2])] = int.from_bytes(
                payload[at + 2 : at + 6]
            )
        self.send(settings(flags=ACK))

    @property
    def largest_frame(self) -> int:
        """The longest payload that the server takes."""
        return self.announced.get(Setting.MAX_FRAME_SIZE, DEFAULT_FRAME_SIZE)

    # Judging

    def answer(self, stream: int = 1) -> Stream:
        """The whole response on a stream, which is forgotten: `fate` is about what comes later."""
        self.until(lambda: self.streams[stream].over)
        return self.streams.pop(stream)

    def fate(self, stream: int | None = None, seconds: float | None = QUIET) -> Outcome:
        """What became of what was sent; on `stream` an end is waited for, but not for ever."""
        if stream is not None:
            self.until(lambda: self.streams[stream].over or self.goaway is not None, seconds)
        answers = not self.failed and self.sync()
        if self.failed:
            return self._end()
        resets = [one.reset for one in self.streams.values() if one.reset]
        if resets:
            return Outcome(Grade.STREAM_ERROR, resets[0])
        if not answers:
            return Outcome(Grade.HANGS)
        if stream is None or not self.streams[stream].ended:
            return Outcome(Grade.IGNORED)
        grade = Grade.REFUSED if self.streams[stream].status >= 400 else Grade.SERVED
        return Outcome(grade, detail=str(self.streams[stream]))

    def parted(self) -> Outcome:
        """The fate of a connection that was said goodbye to, and may be read no longer."""
        self.until(lambda: self.closed, QUIET)
        return self.fate()

    def served(self, stream: int = 1) -> Outcome:
        """The fate of a request that is legal, which is worth the wait."""
        return self.fate(stream, None)

    @property
    def failed(self) -> bool:
        """The connection is over, or the server has said that it is."""
        return self.closed or self.goaway not in (None, Code.NO_ERROR)

    def _end(self) -> Outcome:
        """RFC 9113, 5.4.1: after GOAWAY the connection must be closed."""
        if not self.until(lambda: self.closed):
            return Outcome(Grade.HANGS, self.goaway, "and not closed")
        if self._unread.startswith(b"HTTP/1."):
            # Who does not speak HTTP/2 is answered in what it may speak.
            return Outcome(Grade.CONNECTION_ERROR, detail=self._unread[:12].decode())
        return Outcome(Grade.CONNECTION_ERROR, self.goaway)


def unpadded(flags: int, payload: bytes) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & PADDED else payload
