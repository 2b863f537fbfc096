"""The session of an opaque connection: bytes and half-closes pass, nothing can be said."""

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED
from drainproxy.relay.app_side import AppSide
from drainproxy.relay.hub import Hub, Route, Sink
from drainproxy.relay.pair import Pair
from drainproxy.relay.turns import CONNECTING, LARGE_READ


class Tcp(Pair):
    """Two byte streams, in flight until both have ended."""

    __slots__ = ("app_ended", "closing", "ending", "outbox", "spoken")

    def __init__(self, hub: Hub, route: Route, kind: str = "tcp") -> None:
        super().__init__(hub, route, kind)
        self.outbox = b""
        self.app_ended = False
        # We are closing the client's connection: that it ends is no surprise.
        self.closing = False
        self.ending = FINISHED
        # The client has said something.
        self.spoken = False

    def begin(self) -> None:
        """In flight from here on. The app may speak first, so it is reached at once."""
        self._open()
        self.reach_app()

    def begin_with(self, old: Pair) -> None:
        """Begin with both connections of `old`, on which nobody has said anything yet."""
        self.take_over(old)
        self.take_app(old)
        self._open()

    def take_app(self, old: Pair) -> Sink:
        """Go on with the app connection of `old`, which is done with it."""
        self.app, old.app, old.app_side = old.app, None, None
        assert self.app is not None
        self.app_side = AppSide(self)
        self.app.set_protocol(self.app_side)
        return self.app

    def _open(self) -> None:
        self.opened = self.hub.now()
        self.counters.connections[self.kind] += 1
        self.hub.ledger.open(self)
        self.count_age()
        self.expect_much_of_client()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if len(data) >= LARGE_READ and self.client_must_wait(data):
            return
        self.counters.bytes_from_clients += len(data)
        self.active = self.spoken = True
        self.to_app(data)

    def to_app(self, data: bytes) -> None:
        """Forward, or keep while the app has not accepted."""
        if self.app is not None:
            self.app.write(data)
        elif self.connecting:
            self.outbox += data
            self.stop_client(CONNECTING)

    def app_connected(self, transport: Sink) -> None:
        """The app has accepted: it gets what waited."""
        super().app_connected(transport)
        if self.outbox:
            transport.write(self.outbox)
            self.outbox = b""
        if self.client_ended:
            transport.write_eof()

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if len(data) >= LARGE_READ and self.app_must_wait(data):
            return
        self.counters.bytes_from_app += len(data)
        self.active = True
        self.to_client(data)

    def to_client(self, data: bytes) -> None:
        """Forward."""
        self.client.write(data)

    def eof_received(self) -> bool:
        """The client's half of the conversation is over."""
        self.client_ended = True
        if self.app is not None and not self.app_ended:
            self.app.write_eof()
        return not self.app_ended

    def app_eof(self) -> bool:
        """The app's half of the conversation is over."""
        self.app_ended = True
        if self.client_ended:
            self.close_client()
            return False
        self.client.write_eof()
        return True

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone; an end that it did not mean is passed on as one."""
        whole = error is None and (self.client_ended or self.closing)
        self.release(self.ending if whole else CLIENT_LEFT)
        app = self.leave_app()
        if app is None:
            return
        if whole:
            app.close()
        else:
            self.hub.reset(app)

    def app_lost(self, error: Exception | None) -> None:
        """The app is gone: what it said before still reaches the client."""
        self.app = self.app_side = None
        if error is None:
            self.close_client()
        else:
            self._break_off()

    def app_refused(self, reason: str) -> None:
        """There is no app to talk to: the client learns it as it would without us."""
        self.counters.app_connect_failures += 1
        self.app_side = None
        self.hub.refusal("app", self.peer, f"reset: {reason}")
        self._break_off()

    def _break_off(self) -> None:
        self.release(APP_LEFT)
        self.hub.reset(self.client)

    def close_client(self) -> None:
        """Close the client's connection, after all that was written to it."""
        self.closing = True
        self.client.close()

    def close_both(self) -> None:
        """Close both connections, after all that was written to each."""
        app = self.leave_app()
        if app is not None:
            app.close()
        self.close_client()

    def abort(self, why: str) -> None:
        """End now, with a reset: bytes without framing cannot tell where they were cut."""
        self.release(CUT, why)
        app = self.leave_app()
        if app is not None:
            self.hub.reset(app)
        self.hub.reset(self.client)

    def release(self, ending: int, why: str = "") -> None:
        """Close the books, once."""
        if self in self.hub.ledger.holds:
            self.hub.ledger.close(self, ending, why)
