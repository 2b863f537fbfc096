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
    """A connection whose protocol is not known yet.

    A client that is silent for header-timeout may wait for the server to speak first, as in SMTP or
    MySQL. Then the app is connected, and the first bytes of either side decide: the app's make the
    connection TCP, since no HTTP server speaks before it has read a request; after the client's,
    detection begins again. Until then nothing is in flight, and a connection over max-connections
    replaces this one.
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
        """Wait for the first bytes: they show whether the client can be answered 503."""
        self.refused = True
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: detect the protocol from all that has come."""
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
        """The client has ended before its protocol was detected. It is HTTP/1 if a line end would
        complete a request line, since apps take the end of the connection for one; else TCP."""
        if not self.seen or self.refused:
            return False
        is_http = sniff(self.seen + b"\r\n") is Sniffed.HTTP1
        session = (Http1Connection if is_http else Tcp)(self.context, self.route)
        self._hand_over(session)
        return session.eof_received()

    def may_receive_request(self, since: float) -> bool:
        """Whether the client has sent something, or has connected after `since`."""
        return not self.refused and (bool(self.seen) or self.age.connected_at > since)

    def on_deadline(self) -> None:
        """header-timeout is over, and the protocol is not detected."""
        if self.seen or self.refused or self.context.leaving:
            if not self.refused:
                self.context.counters.rejected["header-timeout"] += 1
                words = "its protocol was not detected within header-timeout"
                self.context.refusal("header-timeout", self.peer, words)
            super().on_deadline()
        elif not self.client.is_closing():
            # The same sweep may have closed it for idle-timeout.
            self._let_the_app_speak()

    def close_if_unused(self) -> None:
        """Close a connection whose client has sent nothing."""
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
        """The app speaks first: the connection is TCP."""
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
        """The app has closed its side without a byte: close the connection."""
        self.app_lost(None)
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone: close the client's, or reset it after an error."""
        self.app = self.upstream = None
        self._silence_over()
        if error is None:
            self.client.close()
        else:
            self.context.reset(self.client)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: close the app's connection, if there is one."""
        self._silence_over()
        app = self.detach_app()
        if app is not None:
            app.close()


class ProbablyTcp(Tcp):
    """A connection that speaks no HTTP by its first bytes. The next ones are examined too, until
    that is certain, or until the app has spoken, which no HTTP server does before a request."""

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
        """Answer 400. The app has got a part of a line at most, which it cannot take for a request.
        None if no answer can be sent, since we have ended our side after the app's end."""
        self.close_hold(CLIENT_LEFT)
        self.drop_app()
        # What is refused is no news for drain-quiet.
        self.spoken = False
        refused = Refused(400, "a request line that no client writes")
        if self.app_ended:
            self.context.counters.rejected["malformed"] += 1
            self.context.refusal("malformed", self.peer, f"reset: {refused.reason}")
            self.context.reset(self.client)
            return None
        session = Http1Connection(self.context, self.route)
        session.take_over(self)
        session.refuse(refused)
        return session

    def to_client(self, data: bytes) -> None:
        """Forward the app's bytes; they prove that it is no HTTP server."""
        self._doubt = None
        super().to_client(data)

    def eof_received(self) -> bool:
        """The client has ended its side, which an app may take for the end of a request line. The
        app has not read bytes that wait for their turn, so those are no doubt."""
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
