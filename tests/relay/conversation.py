"""A client and an app talk through a session: a test reads like what they say.

    talk = Conversation()
    talk.client_sends(request("/"))
    assert talk.app_got() == request("/")
    talk.app_sends(response(body=b"hello"))
    assert talk.client_got() == response(body=b"hello")

The same in frames of HTTP/2, which `client_sends` and `app_sends` take as well:

    talk = Conversation("auto")
    talk.client_begins(GET)                                # the preface, SETTINGS and a request
    assert talk.app_hears() == [("settings", {}), ("headers", 1, GET, "end")]
    talk.app_sends(settings() + talk.answers.headers(1, OK) + data(1, b"hello", end=True))
    assert talk.client_hears()[-1] == ("data", 1, b"hello", "end")

What has been got or heard is since this was last asked. No loop, no socket and no clock but the
one that `talk.proxy.wait(seconds)` moves.
"""

from functools import cached_property
from typing import Any

from drainproxy.relay.detect import session_for
from drainproxy.relay.route import Route
from drainproxy.relay.small_reads import SmallReads
from drainproxy.relay.upstream import UpstreamProtocol
from tests.relay.connection import Connection
from tests.relay.frames import GET, OK, PREFACE, End, Fields, Heard, data, settings
from tests.relay.proxy import Proxy

CLIENT = ("192.0.2.7", 50000)


def request(target: str = "/", *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """An HTTP/1.1 request; a body gets its Content-Length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: a.example", *fields]
    return _message(lines, body)


def response(status: int = 200, *fields: str, body: bytes = b"ok") -> bytes:
    """An HTTP/1.1 response with Content-Length where it may have one."""
    lines = [f"HTTP/1.1 {status} Phrase", *fields]
    if not body and status >= 200 and status not in (204, 304):
        lines.append("Content-Length: 0")
    return _message(lines, body)


def _message(lines: list[str], body: bytes) -> bytes:
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def head(*lines: str) -> bytes:
    """A head from its lines."""
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a body (RFC 9112 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Conversation:
    """One client, and the app's connections that the session opens for it."""

    def __init__(
        self,
        protocol: str = "http",
        *,
        proxy: Proxy | None = None,
        app_listens: bool = True,
        peername: Any = CLIENT,
        **limits: Any,
    ) -> None:
        self.proxy = proxy or Proxy(**limits)
        self.app_listens = app_listens
        self.knocks: list[UpstreamProtocol] = []
        self.apps: list[Connection] = []
        self._app_had_preface = False
        session = session_for(self.proxy.context, Route(protocol, "app:9000", self._knock))
        self.client = Connection(self.proxy.soon, session, peername)
        session.connection_made(self.client)
        self.proxy.settle()

    @property
    def session(self) -> Any:
        """Whoever hears the client at the moment."""
        heard = self.client.protocol
        return heard.protocol if isinstance(heard, SmallReads) else heard

    @property
    def app(self) -> Connection:
        """The app's newest connection."""
        return self.apps[-1]

    def app_was_reached(self) -> bool:
        """Whether the session has tried to."""
        return bool(self.apps or self.knocks)

    @cached_property
    def says(self) -> End:
        """The client's end in HTTP/2: writes its frames, and reads those that come to it."""
        return End()

    @cached_property
    def answers(self) -> End:
        """The app's end."""
        return End()

    @property
    def in_flight(self) -> dict[str, int]:
        return self.proxy.in_flight

    @property
    def endings(self) -> list[tuple[str, str]]:
        return self.proxy.endings

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.proxy.context.counters.rejected)

    # The client

    def client_sends(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.client.sends(chunk)
            self.proxy.settle()

    def client_ends(self) -> None:
        self.client.ends()
        self.proxy.settle()

    def client_resets(self) -> None:
        self.client.resets()
        self.proxy.settle()

    def client_stops_reading(self) -> None:
        self.client.stops_reading()

    def client_reads(self, most: int | None = None) -> None:
        self.client.reads(most)
        self.proxy.settle()

    def client_got(self) -> bytes:
        return self.client.got()

    def client_begins(self, *requests: Fields, end: bool = True) -> None:
        """With its first requests, all in one piece, if any are given."""
        said = (
            self.says.headers(1 + 2 * number, fields, end=end)
            for number, fields in enumerate(requests)
        )
        self.client_sends(PREFACE + settings() + b"".join(said))

    def client_asks(self, stream: int = 1, fields: Fields = GET, **how: Any) -> None:
        """A request, whole if it is not said otherwise."""
        self.client_sends(self.says.headers(stream, fields, **{"end": True, **how}))

    def client_hears(self) -> list[Heard]:
        return self.says.hears(self.client_got())

    # The app

    def app_accepts(self) -> None:
        """The oldest knock that waits is answered."""
        self._accept(self.knocks.pop(0))
        self.proxy.settle()

    def app_refuses(self) -> None:
        self.knocks.pop(0).refused("the app does not accept connections")
        self.proxy.settle()

    def app_sends(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.app.sends(chunk)
            self.proxy.settle()

    def app_ends(self) -> None:
        self.app.ends()
        self.proxy.settle()

    def app_resets(self) -> None:
        self.app.resets()
        self.proxy.settle()

    def app_stops_reading(self) -> None:
        self.app.stops_reading()

    def app_reads(self, most: int | None = None) -> None:
        self.app.reads(most)
        self.proxy.settle()

    def app_got(self) -> bytes:
        """What the app's newest connection got."""
        return self.app.got()

    def app_answers(
        self, stream: int = 1, body: bytes | None = None, fields: Fields = OK, **how: Any
    ) -> None:
        """A whole answer."""
        frames = self.answers.headers(stream, fields, **{"end": body is None, **how})
        self.app_sends(frames + (b"" if body is None else data(stream, body, end=True)))

    def app_hears(self) -> list[Heard]:
        got = self.app_got()
        if not self._app_had_preface:
            assert got[: len(PREFACE)] == PREFACE
            self._app_had_preface, got = True, got[len(PREFACE) :]
        return self.answers.hears(got)

    def _knock(self, side: UpstreamProtocol) -> None:
        if self.app_listens:
            self.proxy.soon.append(lambda: self._accept(side))
        else:
            self.knocks.append(side)

    def _accept(self, side: UpstreamProtocol) -> None:
        self.apps.append(Connection(self.proxy.soon, side))
        side.connection_made(self.apps[-1])
