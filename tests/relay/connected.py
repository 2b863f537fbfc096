"""A connection of HTTP/1 or of HTTP/2 on which a client asks: what holds for both is written once.

def test_a_law(connected: type[Connected]) -> None:
    talk = connected()
    talk.asks()
    talk.app_answers()
    assert talk.client_got() == [200]
"""

from typing import Any

from drainproxy.drain.aging import Aging
from tests.relay.carried import ask_to_end
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import GET, POST, Fields, Heard, data
from tests.relay.proxy import Proxy
from tests.relay.streams import OUR_PING, OUR_PING_ACK, begun

BODY = b"0123456789"


class Connected:
    """`age` and `grace` in seconds, those of the connection. `was_told`: the client has heard that
    another connection should take its next request."""

    # Under which its requests are booked, and whose age counts.
    kind: str

    def __init__(self, age: float = 0, grace: float = 0, **about: Any) -> None:
        self.was_told = False
        self.talk = self._opened(aging=Aging({self.kind: age}, 0.0, grace), **about)

    def _opened(self, **about: Any) -> Conversation:
        raise NotImplementedError

    @property
    def proxy(self) -> Proxy:
        return self.talk.proxy

    @property
    def goodbyes(self) -> dict[tuple[str, str], int]:
        """How many were said, by kind and why."""
        return dict(self.proxy.context.counters.goodbyes)

    def asked_to_end(self, why: str) -> None:
        """In the way of the sidecar."""
        ask_to_end(self.talk, why)

    def asks(self) -> None:
        """A GET."""
        raise NotImplementedError

    def begins_to_ask(self) -> None:
        """A POST, without the end of its body."""
        raise NotImplementedError

    def ends_asking(self) -> None:
        raise NotImplementedError

    def asks_more_than_the_app_takes(self) -> None:
        """A POST, of which the client can send no more."""
        raise NotImplementedError

    def app_got_body(self) -> bool:
        """All of it."""
        raise NotImplementedError

    def app_answers(self) -> None:
        """Whatever was asked first."""
        raise NotImplementedError

    def client_got(self) -> list[int]:
        """The codes of the whole answers that have come since this was last asked."""
        raise NotImplementedError

    def is_over(self) -> bool:
        """The client has seen the end of the connection."""
        return self.talk.client.state != "open"


class ConnectedOverHttp1(Connected):
    """Told by `Connection: close`, in the last answer."""

    kind = "http1"
    _POST = request("/upload", method="POST", body=BODY)

    def _opened(self, **about: Any) -> Conversation:
        return Conversation(**about)

    def asks(self) -> None:
        self.talk.client_sends(request())

    def begins_to_ask(self) -> None:
        self.talk.client_sends(self._POST[:-3])

    def ends_asking(self) -> None:
        self.talk.client_sends(self._POST[-3:])

    def asks_more_than_the_app_takes(self) -> None:
        large = head("POST /upload HTTP/1.1", "Host: a.example", "Content-Length: 1000000")
        self.talk.client_sends(large)
        self.talk.app_stops_reading()
        self.talk.client_sends(*[b"x" * 32000] * 8)

    def app_got_body(self) -> bool:
        return self.talk.app_got().endswith(self._POST)

    def app_answers(self) -> None:
        self.talk.app_sends(response())

    def client_got(self) -> list[int]:
        codes, heard = [], self.talk.client_got()
        while heard:
            assert not self.was_told, "the last answer says it"
            fields, _, heard = heard.partition(b"\r\n\r\n")
            self.was_told = b"\r\nConnection: close" in fields
            length = int(fields.partition(b"\r\nContent-Length: ")[2].partition(b"\r\n")[0])
            assert fields.startswith(b"HTTP/1.1 ")
            assert len(heard) >= length
            codes.append(int(fields[9:12]))
            heard = heard[length:]
        return codes


class ConnectedOverHttp2(Connected):
    """Told by GOAWAY; the client acknowledges the PING behind it at once."""

    kind = "http2"

    def __init__(self, *of: Any, **about: Any) -> None:
        self._newest = -1
        self._unanswered: list[int] = []
        self._codes: dict[int, int] = {}
        super().__init__(*of, **about)

    def _opened(self, **about: Any) -> Conversation:
        return begun(**about)

    def asks(self) -> None:
        self._begins(GET, end=True)

    def begins_to_ask(self) -> None:
        self._begins(POST, end=False)
        self.talk.client_sends(data(self._newest, BODY[:-3]))

    def _begins(self, fields: Fields, *, end: bool) -> None:
        self._newest += 2
        self._unanswered.append(self._newest)
        self.talk.client_asks(self._newest, fields, end=end)

    def ends_asking(self) -> None:
        self.talk.client_sends(data(self._newest, BODY[-3:], end=True))

    def asks_more_than_the_app_takes(self) -> None:
        """As much as its window is (RFC 9113 6.9.2)."""
        self._begins(POST, end=False)
        sizes = (16384, 16384, 16384, 16383)
        self.talk.client_sends(*[data(self._newest, b"x" * size) for size in sizes])

    def app_got_body(self) -> bool:
        heard = self.talk.app_hears()
        return b"".join(each[2] for each in heard if each[0] == "data") == BODY

    def app_answers(self) -> None:
        self.talk.app_answers(self._unanswered.pop(0), b"ok")

    def client_got(self) -> list[int]:
        ended = [each[1] for each in map(self._hear, self.talk.client_hears()) if each[-1] == "end"]
        return [self._codes.pop(stream) for stream in ended]

    def _hear(self, heard: Heard) -> Heard:
        if heard[0] == "headers":
            self._codes[heard[1]] = int(dict(heard[2])[b":status"])
        elif heard[0] == "goaway":
            self.was_told = True
        elif heard == ("ping", OUR_PING):
            self.talk.client_sends(OUR_PING_ACK)
        return heard


CONNECTIONS: list[type[Connected]] = [ConnectedOverHttp1, ConnectedOverHttp2]
