"""Detects the protocol of a connection from its first bytes, and hands it over to that session."""

from collections.abc import Callable
from math import inf

from drainproxy.drain.ledger import CLIENT_LEFT
from drainproxy.relay.context import SILENCE, Context
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.http2.connection import Http2Connection
from drainproxy.relay.route import Route
from drainproxy.relay.session import Session
from drainproxy.relay.tcp import Tcp
from drainproxy.wire.fields import Refused
from drainproxy.wire.sniff import Doubt, Sniffed, sniff


class Detect(Session):
    """A connection that has not said yet what it speaks.

    A client that says nothing for header-timeout may wait for the server to speak first, as in SMTP
    or MySQL: then the app is reached, and waits too, until one of them speaks. The app's bytes make
    it TCP, for no HTTP server speaks before it has read a request; with the client's all is as it
    was at the start. Until then nothing is in flight, and whoever needs its place gets it.
    """

    __slots__ = ("refused", "seen")

    def __init__(self, context: Context, route: Route) -> None:
        super().__init__(context, route, "unknown")
        self.seen = b""
        self.refused = False

    def begin(self) -> None:
        """The first bytes must come within header-timeout."""
        self.deadline = self.opened + self.context.limits.header_timeout

    def over_limit(self) -> None:
        """Whether a 503 can be said is known once the first bytes are here."""
        self.refused = True
        self.begin()

    def data_received(self, data: bytes) -> None:
        """The first bytes, or a part of them."""
        if self.upstream is not None:
            self._silence_over()
            self.drop_app()
            self.opened = self.context.now()
            self.begin()
        self.seen += data
        sniffed = sniff(self.seen)
        if sniffed is not Sniffed.UNDECIDED:
            self._hand_over(_SESSIONS[sniffed](self.context, self.route))

    def _hand_over(self, session: Session) -> None:
        session.take_over(self)
        session.opened = self.opened
        if self.refused:
            session.over_limit()
            return
        session.begin()
        session.data_received(self.seen)

    def eof_received(self) -> bool:
        """Whoever says so little and ends is hardly an HTTP client; but the app may know it. What
        an app reads to the end of the connection it takes for a line."""
        if not self.seen or self.refused:
            return False
        is_http = sniff(self.seen + b"\r\n") is Sniffed.HTTP1
        session = (Http1Connection if is_http else Tcp)(self.context, self.route)
        self._hand_over(session)
        return session.eof_received()

    def may_receive_request(self, since: float) -> bool:
        """A client that has just connected is about to ask for something."""
        return not self.refused and (bool(self.seen) or self.age.connected_at > since)

    def on_deadline(self) -> None:
        """Nothing has arrived, or too little to detect the protocol."""
        if self.seen or self.refused or self.context.leaving:
            if not self.refused:
                self.context.counters.rejected["header-timeout"] += 1
                words = "its protocol was not detected within header-timeout"
                self.context.refusal("header-timeout", self.peer, words)
            super().on_deadline()
        elif not self.client.is_closing():
            # Else the same sweep has ended it for idle-timeout.
            self._let_the_app_speak()

    def close_if_unused(self) -> None:
        """Leaving, a connection that says nothing is not waited for."""
        if not self.seen:
            self.client.close()

    # While both are silent

    def _let_the_app_speak(self) -> None:
        self.deadline = inf
        self.context.registry.wait_for_either(self)
        self.context.hint(SILENCE, self.route)
        self.reach_app()

    def _silence_over(self) -> None:
        self.context.registry.silent.pop(self, None)

    def app_data(self, data: bytes) -> None:
        """The app speaks first."""
        self._silence_over()
        session = Tcp(self.context, self.route)
        session.begin_with(self)
        session.app_data(data)

    def app_refused(self, reason: str) -> None:
        """No protocol is known yet in which to answer: reset the connection."""
        self.context.counters.app_connect_failures += 1
        self.context.counters.rejected["app-away"] += 1
        self.upstream = None
        self._silence_over()
        self.context.refusal("app", self.peer, f"reset: {reason}")
        self.context.reset(self.client)

    def app_eof(self) -> bool:
        """The app has nothing to say."""
        self.app_lost(None)
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app is gone, and the client goes as it would without us."""
        self.app = self.upstream = None
        self._silence_over()
        if error is None:
            self.client.close()
        else:
            self.context.reset(self.client)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone without a word."""
        self._silence_over()
        app = self.detach_app()
        if app is not None:
            app.close()


class ProbablyTcp(Tcp):
    """A connection that speaks no HTTP as far as its first bytes tell. That is watched until it is
    certain, or until the app has spoken: no HTTP server does so before it has read a request."""

    __slots__ = ("_doubt",)

    def __init__(self, context: Context, route: Route) -> None:
        super().__init__(context, route)
        self._doubt: Doubt | None = Doubt()

    def to_app(self, data: bytes) -> None:
        """Forward, unless it completes a request."""
        if self._doubt is not None and self._turns_out_as_http(self._doubt, data):
            self._refuse()
        else:
            super().to_app(data)

    def _turns_out_as_http(self, doubt: Doubt, data: bytes) -> bool:
        says = doubt.feed(data)
        if says is not Sniffed.UNDECIDED:
            self._doubt = None
        return says is Sniffed.HTTP1

    def _refuse(self) -> Session | None:
        """The app may have a part of a line, and nothing that it could take for a request. None if
        there is nothing to answer with either: the app had ended, and so had we."""
        self.close_hold(CLIENT_LEFT)
        self.drop_app()
        if self.app_ended:
            self.context.counters.rejected["malformed"] += 1
            self.context.reset(self.client)
            return None
        session = Http1Connection(self.context, self.route)
        session.take_over(self)
        session.refuse(Refused(400, "a request line that no client writes"))
        return session

    def to_client(self, data: bytes) -> None:
        """Forward what the app has said, whatever it is."""
        self._doubt = None
        super().to_client(data)

    def eof_received(self) -> bool:
        """What an app reads to the end of the connection it takes for a line; of what waits for its
        turn it has read nothing."""
        doubt = None if self.client_rest else self._doubt
        if doubt is not None and self._turns_out_as_http(doubt, b"\r\n"):
            session = self._refuse()
            return session is not None and session.eof_received()
        return super().eof_received()


_SESSIONS: dict[Sniffed, Callable[[Context, Route], Session]] = {
    Sniffed.HTTP1: Http1Connection,
    Sniffed.HTTP2: Http2Connection,
    Sniffed.OTHER: ProbablyTcp,
}


def session_for(context: Context, route: Route) -> Session:
    """The protocol object for a new client connection of `route`."""
    if route.protocol == "http":
        return Http1Connection(context, route)
    if route.protocol == "tcp":
        return Tcp(context, route)
    return Detect(context, route)
