"""Two engines of HTTP/2 talk through the session at random; a model knows what must hold.

    model = Model()
    model.opens("grpc")             # the client has begun a call, of which nobody knows yet
    model.client_delivers()         # the session gets the bytes: whatever comes of it is checked
    model.app_begins(1)
    model.app_adds(1, 0)            # the app has something to say, and says 5 bytes of it
    model.app_says(1, 5, pad=None)
    model.app_delivers(7)           # the session gets 7 bytes: the client has heard nothing wrong

A test has Hypothesis choose among such moves, and asks at the end for what must hold then.
"""

from typing import Any

from tests.relay.conversation import Conversation
from tests.relay.frames import PREFACE, Fields
from tests.relay.kinds import (
    ANSWERS,
    APP_ECHO,
    ASKS,
    CLOSE,
    ECHO,
    PARTS,
    RETRY,
    RETRY_LATER,
    is_boundary,
)
from tests.relay.peers import Edge, Message, Peer


class Model:
    """The two peers, the session between them, and what must hold after each step.

    `kinds`: what each stream is that was opened as one. `unsent`: what the app wants to say on it
    as soon as there is room. `parted`: streams whose client has heard the session say goodbye in
    the stream itself. `ended_alike`: those that have ended while the same end may still be under
    way from the app.
    """

    def __init__(self, *, greedy: bool = False, **about: Any) -> None:
        limits = {"max_resets": 10**6, "header_timeout": 1e9}
        self.talk = Conversation("auto", **{**limits, **about})
        self.forwarded = self.talk.proxy.context.limits.forwarded
        self.client, self.app = Peer(client=True, greedy=greedy), Peer(client=False)
        self.edge = Edge()
        # Streams with which the session has interfered.
        self.failed: set[int] = set()
        # Streams with interim answers or pushes: where these cross a reset h2 raises, whoever is
        # between.
        self.delicate: set[int] = set()
        self.kinds: dict[int, str] = {}
        self.unsent: dict[int, bytes] = {}
        self.parted: set[int] = set()
        self.ended_alike: set[int] = set()
        self.echoed: set[int] = set()

    @property
    def goes_on(self) -> bool:
        return self.talk.client.state == "open"

    def client_delivers(self, size: int | None = None) -> None:
        """The session gets so many bytes from the client."""
        data = bytes(self.client.out[:size])
        if data and self.goes_on:
            del self.client.out[: len(data)]
            self.edge.client_said(data)
            self.talk.client_sends(data)
            self.passes()

    def app_delivers(self, size: int | None = None) -> None:
        """The session gets so many bytes from the app."""
        data = bytes(self.app.out[:size])
        if data and self.goes_on and self.talk.apps and not self.talk.app.is_closing():
            del self.app.out[: len(data)]
            self.talk.app_sends(data)
            self.passes()

    def passes(self) -> None:
        """What the session has written reaches both sides."""
        self.edge.client_heard(self.client.hears(self.talk.client_got()))
        if self.talk.apps:
            self.app.hears(self._without_preface(self.talk.app_got()))
        self.check()

    def _without_preface(self, data: bytes) -> bytes:
        # h2 takes the preface and the first frame as they come; it wants whole frames afterwards.
        if data.startswith(PREFACE):
            for event in self.app.h2.receive_data(PREFACE):
                raise AssertionError(event)
            return data[len(PREFACE) :]
        return data

    # What both sides do in streams of a kind

    def of_kind(self, kind: str, streams: list[int]) -> list[int]:
        return [stream for stream in streams if self.kinds.get(stream) == kind]

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

    def check(self) -> None:
        in_flight = set(self.talk.session.table.streams) if self.is_http2 else set()
        holds = self.talk.proxy.books.holds
        assert len(holds) == len(in_flight)
        if self.is_http2 and self.talk.session.outbound.between_frames and self.goes_on:
            assert in_flight == self.open_by_edge(), (in_flight, self.edge.open)
        for sender, receiver in ((self.client, self.app), (self.app, self.client)):
            for stream, message in receiver.got.items():
                assert message.begins(self.as_sent(sender, stream, message)), stream

    def open_by_edge(self) -> set[int]:
        """The streams that must be in flight. A WebSocket of which the client has heard the end, in
        words of the session, is over,
        though the client may have its own side to end."""
        open_, in_flight = self.edge.open, self.talk.session.table.streams
        over = {s for s in self.of_kind("websocket", [*open_]) if open_[s] == {"app"}}
        return {*open_} - (over - {*in_flight})

    @property
    def is_http2(self) -> bool:
        return hasattr(self.talk.session, "table")

    def as_sent(self, sender: Peer, stream: int, message: Message) -> Message:
        """What should come of what was sent on a stream."""
        kind = self.kinds.get(stream)
        sent = self._as_forwarded(sender, stream, message)
        if sender is self.app and kind in ("sse", "websocket") and stream not in self.failed:
            return self._up_to_goodbye(kind, sent, stream, message)
        return sent

    def _as_forwarded(self, sender: Peer, stream: int, message: Message) -> Message:
        """With what the app is told of the client, and with words of ours in place of an answer
        that failed."""
        sent = sender.sent[stream]
        if sender is self.client and self.forwarded and sent.heads:
            told = Message()
            told.heads = [(*sent.heads[0], *FORWARDED), *sent.heads[1:]]
            told.body, told.ended = sent.body, sent.ended
            return told
        if sender is self.app and any(is_ours(head) for head in message.heads):
            self.failed.add(stream)
            told = Message()
            told.heads = [*sent.heads[: len(message.heads) - 1], message.heads[-1]]
            told.body, told.ended = message.body, True
            assert sent.body.startswith(message.body)
            return told
        return sent

    def _up_to_goodbye(self, kind: str, sent: Message, stream: int, message: Message) -> Message:
        """As far as the session let it pass, and the goodbye if it has said one."""
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


FORWARDED: Fields = (
    *((b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"http")),
    (b"x-forwarded-host", b"a.example"),
)


def is_ours(head: Fields) -> bool:
    """Whether we have said this in place of the app."""
    fields = dict(head)
    return b"proxy-status" in fields or fields.get(b"grpc-message", b"").startswith(b"drainproxy")
