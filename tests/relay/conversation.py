"""A client and an app talk through a session: a test reads like what they say.

    talk = Conversation()
    talk.client_sends(request("/"))
    assert talk.app_got() == request("/")
    talk.app_sends(response(body=b"hello"))
    assert talk.client_got() == response(body=b"hello")

No loop, no socket and no clock but the one that `wait` moves.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from drainproxy.drain.ledger import ENDINGS, FINISHED, Hold, Ledger
from drainproxy.relay.context import Context
from drainproxy.relay.detect import session_for
from drainproxy.relay.limits import Limits
from drainproxy.relay.route import Route
from drainproxy.relay.small_reads import SmallReads
from drainproxy.relay.transport import Transport
from drainproxy.relay.upstream import UpstreamProtocol
from tests.relay.connection import Connection

# The proxy adds nothing of its own: what is told of forwarded fields has tests of its own.
# Where a stream may end is one thing, and which streams a drain may end is another.
LIMITS = Limits(forwarded=False, sse_drain="end")
CLIENT = ("192.0.2.7", 50000)
MASK = b"\x01\x02\x03\x04"
RETRY_AFTER = 3


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


class Books(Ledger):
    """A ledger that remembers how everything ended, and that nothing is opened twice."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.endings: list[tuple[str, str]] = []
        self.open = self._open

    def _open(self, hold: Hold) -> None:
        assert hold not in self.holds, "held twice"
        self.opened += 1
        self.holds.add(hold)

    def close(self, hold: Hold, ending: int, why: str = "") -> None:
        super().close(hold, ending, why)
        self.endings.append((hold.kind, ENDINGS[ending]))

    def finish(self, holds: Sequence[Hold]) -> None:
        super().finish(holds)
        self.endings += [(hold.kind, ENDINGS[FINISHED]) for hold in holds]


def _undelivered(sink: Transport) -> int:
    """What an end that reads has got, it has got at once."""
    return 0 if getattr(sink, "other_end_reads", True) else sink.get_write_buffer_size()


class Proxy:
    """What a sidecar does for its sessions, on a clock that stands still."""

    def __init__(self, uniform: Callable[[], float] = lambda: 0.5, **limits: Any) -> None:
        self.time = 1000.0
        self.soon: deque[Callable[[], None]] = deque()
        self.books = Books()
        self.context = Context(
            replace(LIMITS, **limits),
            lambda: self.time,
            reset=lambda sink: sink.reset(),  # type: ignore[attr-defined]
            take_unread=lambda sink: sink.take_unread(),  # type: ignore[attr-defined]
            has_unread=lambda sink: bool(sink.waiting),  # type: ignore[attr-defined]
            undelivered=_undelivered,
            mask=lambda: MASK,
            retry_after=lambda: RETRY_AFTER,
            uniform=uniform,
            soon=self.soon.append,
        )
        self.context.ledger = self.books

    def settle(self) -> None:
        """Work off what the loop would do next."""
        while self.soon:
            self.soon.popleft()()

    def wait(self, seconds: float) -> None:
        """Let time pass, with a sweep four times a second."""
        until = self.time + seconds
        while self.time < until:
            self.time = min(until, self.time + 0.25)
            self.context.registry.sweep()
            self.settle()

    def leaves(self) -> None:
        """The drain's goodbyes, all at once."""
        self.context.begin_leaving()
        for session in list(self.context.registry.sessions):
            if session.kind == "http2":
                session.say_goodbye("drain")
        for hold in [
            hold
            for hold in self.books.holds
            if hold.kind in self.context.limits.kinds_ended_by_drain
        ]:
            hold.say_goodbye("drain")
        for hold in self.context.endless_holds():
            hold.say_goodbye("drain")
        self.settle()

    def closes(self) -> None:
        """The listeners close: who came late hears it too."""
        if not self.context.leaving:
            self.leaves()
        for late in self.context.latecomers.close():
            late.say_goodbye("drain")
        for hold in self.context.endless_holds():
            hold.say_goodbye("drain")
        self.settle()

    def stays(self) -> None:
        """The drain was taken back."""
        self.context.cancel_leaving()
        self._tell_all(lambda session: session.cancel_goodbye())

    def says_last_goodbyes(self) -> None:
        """The deadline is near."""
        self._tell_all(lambda session: session.say_last_goodbye("deadline"))

    def aborts(self) -> None:
        """The deadline is over."""
        self._tell_all(lambda session: session.abort("deadline"))

    def _tell_all(self, tell: Callable[[Any], None]) -> None:
        for session in list(self.context.registry.sessions):
            tell(session)
        self.settle()

    @property
    def in_flight(self) -> dict[str, int]:
        """What the ledger holds, kinds with none left out."""
        return {kind: count for kind, count in self.books.in_flight().items() if count}

    @property
    def endings(self) -> list[tuple[str, str]]:
        """(kind, how it ended) of everything that ended, in order."""
        return self.books.endings


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

    def _knock(self, side: UpstreamProtocol) -> None:
        if self.app_listens:
            self.proxy.soon.append(lambda: self._accept(side))
        else:
            self.knocks.append(side)

    def _accept(self, side: UpstreamProtocol) -> None:
        self.apps.append(Connection(self.proxy.soon, side))
        side.connection_made(self.apps[-1])
