"""The two engines of the model, with streams that know no end: gRPC, event streams, WebSockets.

The session may say goodbye to each of them, at any moment; then what the client has got is what
the app had said up to a boundary, and the goodbye in the language of the stream.
"""

from typing import Any

from drainproxy.wire.websocket import FrameTracker
from tests.relay.conversation import MASK
from tests.relay.frames import CALL, GET, GRPC_OK, OK, POST, WEBSOCKET, Fields
from tests.relay.h2_model import Message, Model, Peer
from tests.wire.event_source import Read

EVENTS: Fields = ((b":status", b"200"), (b"content-type", b"text/event-stream"))
SWITCHED: Fields = ((b":status", b"200"),)
# By kind: what begins a stream, what begins the answer, and of what that is made.
ASKS = {"http2": POST, "get": GET, "grpc": CALL, "sse": GET, "websocket": WEBSOCKET}
ANSWERS = {"http2": OK, "get": OK, "grpc": GRPC_OK, "sse": EVENTS, "websocket": SWITCHED}
PARTS = {
    "http2": [b"x", b"y" * 3000],
    "get": [b"x", b"y" * 3000],
    "sse": [
        b"data: x\n",
        b"\n",
        b": ping\n\n",
        b"id: 1\r\n\r\n",
        b"data: " + b"y" * 3000 + b"\n\n",
    ],
    "websocket": [
        *(b"\x81\x02hi", b"\x01\x01a\x80\x01b", b"\x89\x00", b"\x8a\x00"),
        b"\x82\x7e\x0b\xb8" + bytes(3000),
    ],
    "grpc": [b"\0\0\0\0\1x", b"\0\0\0\0\0", b"\0\0\0\x0b\xb8" + bytes(3000)],
}

# The session's words: by the luck of these tests after 550 ms where each has its own turn, and 3 s
# where all end at once; Close 1001 "going away".
RETRY, RETRY_LATER = b"retry: 550\n\n", b"retry: 3000\n\n"
CLOSE = b"\x88\x0c\x03\xe9going away"
ECHO = b"\x88\x82" + MASK + bytes(a ^ b for a, b in zip(b"\x03\xe9", MASK, strict=False))
# What an app answers to a Close: nobody hears it who has been told to go by the session.
APP_ECHO = b"\x88\x02\x03\xe9"


def is_boundary(kind: str, body: bytes) -> bool:
    """Whether a word of the session may follow this."""
    if kind == "sse":
        return Read(body).may_end
    if kind == "websocket":
        tracker = FrameTracker()
        tracker.feed(body)
        return tracker.between_frames
    while len(body) >= 5:
        body = body[5 + int.from_bytes(body[1:5]) :]
    return body == b""


class GoodbyeModel(Model):
    """`kinds`: what each stream is. `unsent`: what the app wants to say on it as soon as there is
    room. `parted`: streams whose client has heard the session say goodbye in the stream itself.
    `ended_alike`: those that have ended while the same end may still be under way from the app."""

    def __init__(self, **about: Any) -> None:
        super().__init__(max_resets=10**6, header_timeout=1e9, **about)
        self.kinds: dict[int, str] = {}
        self.unsent: dict[int, bytes] = {}
        self.parted: set[int] = set()
        self.ended_alike: set[int] = set()
        self.echoed: set[int] = set()

    def of_kind(self, kind: str, streams: list[int]) -> list[int]:
        return [stream for stream in streams if self.kinds[stream] == kind]

    def answering(self) -> list[int]:
        """Streams on which the app's answer has begun and has not ended."""
        return [stream for stream in self.app.speaking if stream in self.unsent]

    @property
    def closing(self) -> set[int]:
        """WebSockets on which the client has heard Close: it says its own and nothing else."""
        return {s for s in self.client.speaking if self.client.got[s].body.endswith(CLOSE)}

    def opens(self, kind: str) -> None:
        """The client begins a stream; WebSockets and http2 have more to say on it."""
        stream = self.client.h2.get_next_available_stream_id()
        self.kinds[stream] = kind
        end = kind in ("get", "sse")
        self.client.says_head(stream, ASKS[kind], end=end)
        if not end:
            self.client.speaking.append(stream)

    def app_begins(self, stream: int) -> None:
        self.app.says_head(stream, ANSWERS[self.kinds[stream]])
        self.unsent[stream] = b""

    def app_adds(self, stream: int, number: int) -> None:
        parts = PARTS[self.kinds[stream]]
        self.unsent[stream] += parts[number % len(parts)]

    def app_says(self, stream: int, size: int, pad: int | None) -> None:
        """So much of what it wants to say, in one frame."""
        before = len(self.app.sent[stream].body)
        self.app.says_data(stream, self.unsent[stream][:size], end=False, pad=pad)
        self.unsent[stream] = self.unsent[stream][len(self.app.sent[stream].body) - before :]

    def app_ends(self, stream: int, *, trailers: bool) -> None:
        if trailers and self.kinds[stream] != "websocket":
            self.app.says_head(stream, ((b"grpc-status", b"0"),), end=True)
        else:
            self.app.says_data(stream, b"", end=True, pad=None)

    def closes_heard(self) -> list[int]:
        """WebSockets on which the client has heard Close and has not answered."""
        return [
            stream
            for stream in self.of_kind("websocket", self.client.speaking)
            if self.client.got[stream].body.endswith(CLOSE) and stream not in self.echoed
        ]

    def client_echoes(self, stream: int) -> None:
        self.echoed.add(stream)
        self.client.says_data(stream, ECHO, end=True, pad=None)

    def app_echoes(self, stream: int) -> None:
        """It has got the client's Close."""
        self.app.says_data(stream, APP_ECHO, end=True, pad=None)

    def echoes_heard(self) -> list[int]:
        """WebSockets on which the app has got Close and has not answered."""
        return [
            stream
            for stream in self.of_kind("websocket", self.app.speaking)
            if self.app.got[stream].body.endswith(ECHO) and stream in self.unsent
        ]

    # What must hold

    def open_by_edge(self) -> set[int]:
        """A WebSocket of which the client has heard the end, in words of the session, is over,
        though the client may have its own side to end."""
        open_, in_flight = self.edge.open, self.talk.session.table.streams
        over = {s for s in self.of_kind("websocket", [*open_]) if open_[s] == {"app"}}
        return {*open_} - (over - {*in_flight})

    def as_sent(self, sender: Peer, stream: int, message: Message) -> Message:
        kind = self.kinds.get(stream)
        sent = super().as_sent(sender, stream, message)
        if sender is not self.app or kind not in ("sse", "websocket") or stream in self.failed:
            return sent
        body = message.body
        for goodbye in (RETRY, RETRY_LATER) if kind == "sse" else (CLOSE,):
            body = body.removesuffix(goodbye)
        cut_short = message.ended and message != sent
        if message.ended and not cut_short and self.app.out:
            self.ended_alike.add(stream)
        if len(body) == len(message.body) and not cut_short:
            return sent
        # Without room for it an event stream just ends.
        assert body != message.body or kind == "sse", "a WebSocket ends without a Close"
        assert is_boundary(kind, body), (kind, body)
        assert sent.body.startswith(body)
        self.parted.add(stream)
        told = Message()
        told.heads = sent.heads[: len(message.heads)]
        told.body, told.ended = message.body, message.ended
        return told
