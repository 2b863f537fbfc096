"""One stream of a conversation, whatever carries it: what holds for its kind is written once.

    def test_a_law(websocket: type[WebSocket]) -> None:      # once for each transport
        talk = websocket()
        talk.app_sends(TEXT)
        assert talk.client_got() == TEXT

What is sent and got is the payload; how it is framed is the transport's business. `talk.proxy` is
the process, `talk.talk` the conversation, for what only one transport has.
"""

from typing import Any

from drainproxy.drain.aging import Aging
from tests.relay.aged import CHUNKED_EVENTS
from tests.relay.conversation import Conversation, chunk, head, request
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    SWITCHED,
    WEBSOCKET,
    Fields,
    Heard,
    data,
    reset,
)
from tests.relay.http1.test_connection import EVENTS as EVENTS_UNTIL_CLOSE
from tests.relay.proxy import Proxy
from tests.relay.streams import answered
from tests.relay.upgraded import websocket as upgraded

# Why streams are asked to end: an age and a rebalance have time, a drain has little, the deadline
# and idle-timeout have none.
AGE, REBALANCE, DRAIN, DEADLINE = "max-connection-age", "rebalance", "drain", "deadline"


def ask_to_end(talk: Conversation, why: str) -> None:
    """As the sidecar does for this reason."""
    if why == DRAIN:
        talk.proxy.leaves()
    elif why == DEADLINE:
        talk.proxy.says_last_goodbyes()
    else:
        talk.session.expire(why)
        talk.proxy.settle()


class Carried:
    """A stream that is open. `age` and `grace` in seconds, those of whatever carries it; 0 for
    never. All else are limits, or `proxy`."""

    # Under which it is booked, and whose age counts for it.
    kind: str
    aged_as: str
    talk: Conversation

    def __init__(self, age: float = 0, grace: float = 0, **about: Any) -> None:
        self.talk = self._opened(aging=Aging({self.aged_as: age}, 0.0, grace), **about)

    def _opened(self, **about: Any) -> Conversation:
        raise NotImplementedError

    @property
    def proxy(self) -> Proxy:
        return self.talk.proxy

    @property
    def goodbyes(self) -> dict[tuple[str, str], int]:
        """How many were said, by kind and why; those to connections are other tests' business."""
        said = self.proxy.context.counters.goodbyes
        others = {"http1", "http2"} - {self.kind}
        return {key: count for key, count in said.items() if key[0] not in others}

    @property
    def ending(self) -> str:
        """How it was booked; empty while it is in flight."""
        return next((how for kind, how in self.proxy.endings if kind == self.kind), "")

    def is_in_flight(self) -> bool:
        """Nothing has been booked for it."""
        return not self.ending

    def asked_to_end(self, why: str) -> None:
        """In the way of the sidecar."""
        ask_to_end(self.talk, why)

    # What both sides do

    def client_sends(self, payload: bytes) -> None:
        raise NotImplementedError

    def app_sends(self, payload: bytes) -> None:
        self.talk.app_sends(self.coded(payload))

    def coded(self, payload: bytes) -> bytes:
        """As it stands on the app's connection."""
        raise NotImplementedError

    def client_got(self) -> bytes:
        raise NotImplementedError

    def app_got(self) -> bytes:
        raise NotImplementedError

    def app_ends(self) -> None:
        """As a whole stream ends."""
        raise NotImplementedError

    def app_resets(self) -> None:
        """It breaks the stream off."""
        raise NotImplementedError

    def client_ends(self) -> None:
        """Once the other side has ended."""
        raise NotImplementedError

    def client_resets(self) -> None:
        raise NotImplementedError

    def is_over(self) -> bool:
        """The client has seen the end of the stream."""
        raise NotImplementedError


class OverHttp1(Carried):
    """On a connection of its own, which ends with it."""

    def client_sends(self, payload: bytes) -> None:
        self.talk.client_sends(payload)

    def coded(self, payload: bytes) -> bytes:
        return payload

    def client_got(self) -> bytes:
        return self.talk.client_got()

    def app_got(self) -> bytes:
        return self.talk.app_got()

    def app_ends(self) -> None:
        self.talk.app_ends()

    def app_resets(self) -> None:
        self.talk.app_resets()

    def client_ends(self) -> None:
        if not self.talk.client.lost:
            self.talk.client_ends()

    def client_resets(self) -> None:
        self.talk.client_resets()

    def is_over(self) -> bool:
        return self.talk.client.state != "open"


class Chunked(OverHttp1):
    """In chunks of HTTP/1: the connection may go on."""

    _last_chunk_came = False

    def coded(self, payload: bytes) -> bytes:
        return chunk(payload) if payload else b""

    def app_ends(self) -> None:
        self.talk.app_sends(b"0\r\n\r\n")

    def client_got(self) -> bytes:
        coded, body = self.talk.client_got(), b""
        while coded:
            size, _, coded = coded.partition(b"\r\n")
            length = int(size, 16)
            body += coded[:length]
            self._last_chunk_came = self._last_chunk_came or not length
            assert coded[length : length + 2] == b"\r\n"
            coded = coded[length + 2 :]
        return body

    def is_over(self) -> bool:
        self.client_got()
        return self._last_chunk_came or super().is_over()


class OverHttp2(Carried):
    """On stream 1. `ends`: how its client has seen it end. `pad`: of the frames of the app."""

    aged_as = "http2"
    pad: int | None = None

    def __init__(self, *of: Any, **about: Any) -> None:
        self.ends: list[Heard] = []
        super().__init__(*of, **about)

    def client_sends(self, payload: bytes) -> None:
        self.talk.client_sends(data(1, payload))

    def coded(self, payload: bytes) -> bytes:
        return data(1, payload, pad=self.pad)

    def client_got(self) -> bytes:
        heard = [each for each in self.talk.client_hears() if each[1:2] == (1,)]
        self.ends += [each for each in heard if each[0] == "reset" or each[-1] == "end"]
        return b"".join(each[2] for each in heard if each[0] == "data")

    def app_got(self) -> bytes:
        heard = self.talk.app_hears()
        return b"".join(each[2] for each in heard if each[:2] == ("data", 1))

    def app_ends(self) -> None:
        self.talk.app_sends(data(1, end=True))

    def app_resets(self) -> None:
        self.talk.app_sends(reset(1))

    def client_ends(self) -> None:
        if self.proxy.in_flight:
            self.talk.client_sends(data(1, end=True))

    def client_resets(self) -> None:
        self.talk.client_sends(reset(1))

    def is_over(self) -> bool:
        self.client_got()
        return bool(self.ends)


# WebSockets


class WebSocket(Carried):
    """One that the app has accepted."""

    kind = "websocket"


class WebSocketOverHttp1(OverHttp1, WebSocket):
    """After a 101."""

    aged_as = "websocket"

    def _opened(self, **about: Any) -> Conversation:
        return upgraded(**about)


class WebSocketOverHttp2(OverHttp2, WebSocket):
    """RFC 8441."""

    def _opened(self, **about: Any) -> Conversation:
        return answered(WEBSOCKET, SWITCHED, **about)


# Event streams


class Events(Carried):
    """An event stream that has begun. `last_event_id`: with which its client has come."""

    kind = "sse"

    def __init__(self, *of: Any, last_event_id: str = "", **about: Any) -> None:
        self.last_event_id = last_event_id
        super().__init__(*of, **about)


class EventsUntilClose(OverHttp1, Events):
    """HTTP/1, and the end of the connection is that of the stream."""

    aged_as = "sse"
    head = EVENTS_UNTIL_CLOSE

    def _opened(self, **about: Any) -> Conversation:
        talk = Conversation(**about)
        fields = ["Last-Event-ID: " + self.last_event_id] if self.last_event_id else []
        talk.client_sends(request("/events", *fields))
        talk.app_sends(self.head)
        talk.app_got()
        assert talk.client_got() == self.head
        return talk


class ChunkedEvents(Chunked, EventsUntilClose):
    """HTTP/1, chunked."""

    head = CHUNKED_EVENTS


class EventsOverHttp2(OverHttp2, Events):
    """DATA frames."""

    def _opened(self, **about: Any) -> Conversation:
        last = self.last_event_id.encode()
        return answered((*GET, (b"last-event-id", last)) if last else GET, EVENTS, **about)


# Answers that have no language for a goodbye


class Endless(Carried):
    """An answer that has begun, of a length that nobody has announced. `media_type` may be
    empty."""

    def __init__(
        self,
        *of: Any,
        path: str = "/watch",
        media_type: str = "",
        method: str = "GET",
        **about: Any,
    ) -> None:
        self.path, self.media_type, self.method = path, media_type, method
        super().__init__(*of, **about)


class EndlessUntilClose(OverHttp1, Endless):
    """HTTP/1, and the end of the connection is that of the answer."""

    kind = aged_as = "http1"
    framing: tuple[str, ...] = ()

    def _opened(self, **about: Any) -> Conversation:
        talk = Conversation(**about)
        talk.client_sends(request(self.path, method=self.method))
        fields = ["Content-Type: " + self.media_type] if self.media_type else []
        answer = head("HTTP/1.1 200 OK", *fields, *self.framing)
        talk.app_sends(answer)
        talk.app_got()
        assert talk.client_got() == answer
        return talk


class ChunkedEndless(Chunked, EndlessUntilClose):
    """HTTP/1, chunked."""

    framing = ("Transfer-Encoding: chunked",)


class EndlessOverHttp2(OverHttp2, Endless):
    """DATA frames."""

    kind = "http2"

    def _opened(self, **about: Any) -> Conversation:
        asks = dict(GET) | {b":method": self.method.encode(), b":path": self.path.encode()}
        media_type = self.media_type.encode()
        fields: Fields = ((b"content-type", media_type),) if media_type else ()
        return answered(tuple(asks.items()), ((b":status", b"200"), *fields), **about)


# gRPC


class Call(OverHttp2):
    """A gRPC stream whose answer has begun: HTTP/2 alone carries it."""

    kind = "grpc"

    def _opened(self, **about: Any) -> Conversation:
        return answered(CALL, GRPC_OK, **about)


WEBSOCKETS: list[type[WebSocket]] = [WebSocketOverHttp1, WebSocketOverHttp2]
EVENT_STREAMS: list[type[Events]] = [EventsUntilClose, ChunkedEvents, EventsOverHttp2]
ENDLESS: list[type[Endless]] = [EndlessUntilClose, ChunkedEndless, EndlessOverHttp2]
# All that a goodbye may end in the middle.
LASTING: list[type[Carried]] = [*WEBSOCKETS, *EVENT_STREAMS, *ENDLESS, Call]
