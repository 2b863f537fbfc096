"""One kind of stream over each transport that can carry it: a law is written once.

    @pytest.fixture(params=WEBSOCKETS)
    def websocket(request): return request.param

    def test_a_law(websocket: type[WebSocket]) -> None:
        talk = websocket()
        talk.app_says(TEXT)
        assert talk.client_heard() == TEXT

What is said is the payload; how it is framed is the transport's business.
"""

from typing import Any

from drainproxy.drain.aging import Aging
from tests.relay.aged import CHUNKED_EVENTS
from tests.relay.conversation import Conversation, request
from tests.relay.frames import GET, WEBSOCKET, Heard, data, reset
from tests.relay.goodbye_model import EVENTS, SWITCHED
from tests.relay.http1.test_connection import EVENTS as EVENTS_UNTIL_CLOSE
from tests.relay.streaming import Streaming, answered
from tests.relay.upgraded import websocket as upgraded


class Carried:
    """A stream on which both sides may speak."""

    # The kind whose age counts for it.
    aged_as: str
    talk: Conversation

    @property
    def proxy(self) -> Any:
        return self.talk.proxy

    @property
    def goodbyes(self) -> dict[tuple[str, str], int]:
        """How many were said in streams, by kind and why."""
        said = self.proxy.context.counters.goodbyes
        return {key: count for key, count in said.items() if key[0] not in ("http1", "http2")}

    @property
    def ending(self) -> str:
        """How it was booked; empty while it is in flight."""
        kind = self.kind
        return next((how for of, how in self.proxy.endings if of == kind), "")

    @property
    def kind(self) -> str:
        raise NotImplementedError

    def client_says(self, payload: bytes) -> None:
        raise NotImplementedError

    def app_says(self, payload: bytes) -> None:
        raise NotImplementedError

    def client_heard(self) -> bytes:
        """Since this was last asked."""
        raise NotImplementedError

    def app_heard(self) -> bytes:
        raise NotImplementedError

    def app_ends(self) -> None:
        raise NotImplementedError

    def app_breaks_off(self) -> None:
        raise NotImplementedError

    def client_ends(self) -> None:
        """Once the other side has ended."""
        raise NotImplementedError

    def client_leaves(self) -> None:
        """Without another word."""
        raise NotImplementedError

    def let_go(self) -> bool:
        """The client has seen the end of the stream."""
        raise NotImplementedError


class OverHttp2(Carried):
    """On stream 1."""

    aged_as = "http2"
    talk: Streaming

    def __init__(self) -> None:
        self.marks: list[Heard] = []
        self.app_marks: list[Heard] = []

    def client_says(self, payload: bytes) -> None:
        self.talk.client_sends(data(1, payload))

    def app_says(self, payload: bytes) -> None:
        self.talk.app_sends(data(1, payload))

    def client_heard(self) -> bytes:
        heard = self.talk.client_hears()
        self.marks += [each for each in heard if each[1] == 1 and each[0] in ("data", "reset")]
        return b"".join(each[2] for each in heard if each[:2] == ("data", 1))

    def app_heard(self) -> bytes:
        heard = self.talk.app_hears()
        return b"".join(each[2] for each in heard if each[:2] == ("data", 1))

    def app_ends(self) -> None:
        self.talk.app_sends(data(1, end=True))

    def app_breaks_off(self) -> None:
        self.talk.app_sends(reset(1))

    def client_ends(self) -> None:
        if self.proxy.in_flight:
            self.talk.client_sends(data(1, end=True))

    def client_leaves(self) -> None:
        self.talk.client_sends(reset(1))

    def let_go(self) -> bool:
        self.client_heard()
        return any(each[0] == "reset" or each[-1] == "end" for each in self.marks)


class OverHttp1(Carried):
    """On a connection of its own."""

    def client_says(self, payload: bytes) -> None:
        self.talk.client_sends(payload)

    def app_says(self, payload: bytes) -> None:
        self.talk.app_sends(payload)

    def client_heard(self) -> bytes:
        return self.talk.client_got()

    def app_heard(self) -> bytes:
        return self.talk.app_got()

    def app_ends(self) -> None:
        self.talk.app_ends()

    def app_breaks_off(self) -> None:
        self.talk.app_resets()

    def client_ends(self) -> None:
        if not self.talk.client.lost:
            self.talk.client_ends()

    def client_leaves(self) -> None:
        self.talk.client_resets()

    def let_go(self) -> bool:
        return self.talk.client.state != "open"


class WebSocket(Carried):
    """`age` and `grace` in seconds, those of whatever carries it; 0 for never."""

    kind = "websocket"

    def __init__(self, age: float = 0, grace: float = 0, **about: Any) -> None:
        super().__init__()
        aging = Aging({self.aged_as: age}, 0.0, grace)
        self.talk = self._opened(aging=aging, **about)

    def _opened(self, **about: Any) -> Any:
        raise NotImplementedError


class WebSocketOverHttp1(WebSocket, OverHttp1):
    """After a 101."""

    aged_as = "websocket"

    def _opened(self, **about: Any) -> Conversation:
        return upgraded(**about)


class WebSocketOverHttp2(WebSocket, OverHttp2):
    """RFC 8441."""

    def _opened(self, **about: Any) -> Streaming:
        return answered(WEBSOCKET, SWITCHED, **about)


class Events(Carried):
    """An event stream that has begun; `age` and `grace` as for a WebSocket. `last_event_id`: with
    which its client has come."""

    kind = "sse"

    def __init__(
        self, age: float = 0, grace: float = 0, last_event_id: str = "", **about: Any
    ) -> None:
        super().__init__()
        self.last_event_id = last_event_id
        aging = Aging({self.aged_as: age}, 0.0, grace)
        self.talk = self._begun(aging=aging, **about)

    def _begun(self, **about: Any) -> Any:
        raise NotImplementedError


class EventsUntilClose(Events, OverHttp1):
    """HTTP/1, and the end of the connection is that of the stream."""

    aged_as = "sse"
    head = EVENTS_UNTIL_CLOSE

    def _begun(self, **about: Any) -> Conversation:
        talk = Conversation(**about)
        fields = ["Last-Event-ID: " + self.last_event_id] if self.last_event_id else []
        talk.client_sends(request("/events", *fields))
        talk.app_sends(self.head)
        talk.app_got()
        assert talk.client_got() == self.head
        return talk


class ChunkedEvents(EventsUntilClose):
    """HTTP/1, chunked."""

    head = CHUNKED_EVENTS

    def __init__(self, *of: Any, **about: Any) -> None:
        super().__init__(*of, **about)
        self._ended = False

    def app_says(self, payload: bytes) -> None:
        if payload:
            self.talk.app_sends(b"%x\r\n%b\r\n" % (len(payload), payload))

    def app_ends(self) -> None:
        self.talk.app_sends(b"0\r\n\r\n")

    def client_heard(self) -> bytes:
        coded, body = self.talk.client_got(), b""
        while coded:
            size, _, coded = coded.partition(b"\r\n")
            body += coded[: int(size, 16)]
            self._ended = self._ended or not int(size, 16)
            assert coded[int(size, 16) :][:2] == b"\r\n"
            coded = coded[int(size, 16) + 2 :]
        return body

    def let_go(self) -> bool:
        self.client_heard()
        return self._ended or super().let_go()


class EventsOverHttp2(Events, OverHttp2):
    """DATA frames."""

    def _begun(self, **about: Any) -> Streaming:
        last = self.last_event_id.encode()
        return answered((*GET, (b"last-event-id", last)) if last else GET, EVENTS, **about)


WEBSOCKETS = [WebSocketOverHttp1, WebSocketOverHttp2]
EVENT_STREAMS = [EventsUntilClose, ChunkedEvents, EventsOverHttp2]
