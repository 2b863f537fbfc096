"""The session of an opaque connection: bytes and half-closes pass through; there is no goodbye.

An HTTP/1 connection that was upgraded to another protocol than WebSocket is opaque too.
"""

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED
from drainproxy.relay.context import Context
from drainproxy.relay.route import Route
from drainproxy.relay.session import Session
from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import CLIENT_DOES_NOT_READ, HELD_IS_FULL, LARGE_READ, STOPS
from drainproxy.relay.upstream import UpstreamProtocol
from drainproxy.wire.logged import NO_FACTS, TRACE, Facts


class Tcp(Session):
    """Two byte streams, in flight until both have ended. `path` and `facts` are those of the
    request that was upgraded, empty without one; of the facts only the trace is kept, since these
    sessions last long."""

    __slots__ = ("_path", "_trace", "app_ended", "closing", "ending", "spoken")

    def __init__(
        self,
        context: Context,
        route: Route,
        kind: str = "tcp",
        path: str = "",
        facts: Facts = NO_FACTS,
    ) -> None:
        super().__init__(context, route, kind)
        self._path = path
        self._trace = facts.get(TRACE)
        self.app_ended = False
        # We have closed the client's connection, so its end is no error.
        self.closing = False
        self.ending = FINISHED
        # The client has sent a byte.
        self.spoken = False

    @property
    def path(self) -> str:
        """The target of the request that was upgraded."""
        return self._path

    @property
    def facts(self) -> Facts:
        """What a log is told of the request that was upgraded."""
        return NO_FACTS if self._trace is None else {TRACE: self._trace}

    @property
    def since(self) -> float:
        """When the connection began, or its upgrade."""
        return self.opened if self._path else self.age.connected_at

    def begin(self) -> None:
        """The connection is in flight from here on. The app may speak first, so connect at once."""
        self._open()
        self.reach_app()

    def begin_with(self, old: Session) -> None:
        """Begin with both connections of `old`, on which neither side has sent anything yet."""
        self.take_over(old)
        self.take_app(old)
        self._open()

    def go_on(self, old: Session, from_app: bytes, from_client: bytes) -> None:
        """Take both connections of `old`, and what each side sent ahead of the switch."""
        self.take_over(old)
        app = self.take_app(old)
        self.stops |= old.stops & STOPS
        old.stops = 0
        self.expect_much_of_client()
        from_client += old.client_rest
        old.client_rest = b""
        self.start_client(HELD_IS_FULL)
        if old.app_rest is not None and not self.stops & CLIENT_DOES_NOT_READ:
            app.resume_reading()
        self.context.counters.connections[self.kind] += 1
        self.context.ledger.open(self)
        self.count_age()
        if from_app:
            self.to_client(from_app)
        if from_client:
            self.to_app(from_client)
        if old.client_ended:
            self.eof_received()
        context = self.context
        if context.leaving and self.kind in context.limits.kinds_ended_by_drain:
            context.latecomers.add(self, context.now(), self.age.jitter_sample)

    def take_app(self, old: Session) -> Transport:
        """Take the app connection of `old`, which is done."""
        self.app, old.app, old.upstream = old.app, None, None
        assert self.app is not None
        self.upstream = UpstreamProtocol(self)
        self.app.set_protocol(self.upstream)
        return self.app

    def _open(self) -> None:
        self.opened = self.context.now()
        self.context.counters.connections[self.kind] += 1
        self.context.ledger.open(self)
        self.count_age()
        self.expect_much_of_client()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if len(data) >= LARGE_READ and self.client_must_wait(data):
            return
        self.context.counters.bytes_from_clients += len(data)
        self.active = self.spoken = True
        self.to_app(data)

    def to_app(self, data: bytes) -> None:
        """Forward bytes to the app, or hold them until it has accepted."""
        if self.app is not None:
            self.app.write(data)
        else:
            self.hold_for_app(data)

    def app_connected(self, transport: Transport) -> None:
        """The app has accepted: send it what was held, and the client's half-close behind that."""
        super().app_connected(transport)
        if self.client_ended and not self.client_rest:
            transport.write_eof()

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if len(data) >= LARGE_READ and self.app_must_wait(data):
            return
        self.context.counters.bytes_from_app += len(data)
        self.active = True
        self.to_client(data)

    def to_client(self, data: bytes) -> None:
        """Forward bytes to the client."""
        self.client.write(data)

    def eof_received(self) -> bool:
        """The client has ended its sending side: half-close to the app, behind what waits."""
        self.client_ended = True
        if self.client_rest:
            return True
        if self.app is not None and not self.app_ended:
            self.app.write_eof()
        return not self.app_ended

    def _next_client_turn(self) -> None:
        """Read on from the client, and pass its half-close on once nothing waits any more."""
        super()._next_client_turn()
        if self.client_ended and not self.client_rest and not self.eof_received():
            self.close_client()

    def app_eof(self) -> bool:
        """The app has ended its sending side: half-close to the client, or close."""
        self.app_ended = True
        if self.client_ended and not self.client_rest:
            self.close_client()
            return False
        self.client.write_eof()
        return True

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: close the app's connection; with RST if the client did not end it."""
        whole = error is None and (self.client_ended or self.closing)
        self.close_hold(self.ending if whole else CLIENT_LEFT)
        app = self.detach_app()
        if app is None:
            return
        if whole:
            app.close()
        else:
            self.context.reset(app)

    def app_lost(self, error: Exception | None) -> None:
        """The app is gone: close the client's connection behind what was sent, or with RST after an
        error."""
        self.app = self.upstream = None
        if error is None:
            self.close_client()
        else:
            self._break_off()

    def app_refused(self, reason: str) -> None:
        """The app could not be reached: reset the client's connection."""
        self.context.counters.app_connect_failures += 1
        self.context.counters.rejected["app-away"] += 1
        self.upstream = None
        self.context.refusal("app", self.peer, f"reset: {reason}")
        self._break_off()

    def _break_off(self) -> None:
        self.close_hold(APP_LEFT)
        self.context.reset(self.client)

    def close_client(self) -> None:
        """Close the client's connection, after all that was written to it."""
        self.closing = True
        self.client.close()

    def close_both(self) -> None:
        """Close both connections, after all that was written to each."""
        app = self.detach_app()
        if app is not None:
            app.close()
        self.close_client()

    def abort(self, why: str) -> None:
        """End both connections now, with RST: without framing a peer cannot see that it is cut."""
        self.close_hold(CUT, why)
        app = self.detach_app()
        if app is not None:
            self.context.reset(app)
        self.context.reset(self.client)

    def close_hold(self, ending: int, why: str = "") -> None:
        """Book the end in the ledger, once."""
        if self in self.context.ledger.holds:
            self.context.ledger.close(self, ending, why)
