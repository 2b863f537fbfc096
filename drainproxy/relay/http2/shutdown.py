"""The graceful shutdown of an HTTP/2 connection (RFC 9113 6.8), by the steps of `goaway`."""

from math import inf
from typing import Protocol

from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.goaway import Goaway, GoawayEffect, GoawayInput, GoawayState
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.wire.http2 import NO_ERROR, goaway, ping

# In seconds: the client has so long to answer our PING.
_PING_TIMEOUT = 5.0
# In seconds: a younger connection without a stream is not told yet, since gRPC clients fail the
# call for which they have connected if GOAWAY comes before it.
_BEGINNING = 1.0


class LeavingConnection(Protocol):
    """The session. `why`: the reason of its last goodbye or cut."""

    why: str

    @property
    def connected_at(self) -> float:
        """When the client has connected."""

    def to_client(self, frame: bytes) -> None:
        """Send frames of ours to the client, at the next boundary."""


class GracefulShutdown:
    """Asks the client to open no more streams, and names the last one that is served."""

    __slots__ = ("_connection", "_table", "goaway")

    def __init__(self, connection: LeavingConnection, table: StreamTable) -> None:
        self.goaway = Goaway()
        self._connection = connection
        self._table = table

    @property
    def last_stream_sent(self) -> bool:
        """The client was told the last stream that is served."""
        return self.goaway.state is GoawayState.LAST_STREAM_SENT

    @property
    def goaway_sent(self) -> bool:
        """The client was asked to open no more streams, but some may be on their way."""
        return self.goaway.state is GoawayState.GOAWAY_SENT

    @property
    def waits(self) -> bool:
        """The first GOAWAY is pending until the connection is in use."""
        return self.goaway.state is GoawayState.PENDING

    def begin(self, *, settings_passed: bool) -> None:
        """Send the first GOAWAY once the connection is in use: the app's SETTINGS have passed,
        which must come first (3.4), and a stream has, or the connection is _BEGINNING old."""
        self._step(GoawayInput.WANT)
        self.go_on(settings_passed=settings_passed)

    def go_on(self, *, settings_passed: bool) -> None:
        """Send the first GOAWAY if the connection is in use; called while it `waits`."""
        now, awake = self._table.context.now(), self._connection.connected_at + _BEGINNING
        if settings_passed and (self._table.passed or awake <= now):
            self._step(GoawayInput.READY)
        else:
            self._table.deadlines.set(Deadline.PING, awake if awake > now else now + _BEGINNING)

    def cancel(self) -> None:
        """Take back a GOAWAY that `waits`."""
        self._table.deadlines.set(Deadline.PING, inf)
        self._step(GoawayInput.CANCEL)

    def ping_answered(self, data: bytes) -> bool:
        """Whether the client acknowledges our PING: then it has read the GOAWAY."""
        if data != self.goaway.ping:
            return False
        self.goaway.ping = b""
        self._step(GoawayInput.ANSWERED)
        return True

    def ping_is_late(self) -> None:
        """The client has not answered our PING in time."""
        self._step(GoawayInput.ANSWERED)

    def end(self) -> None:
        """The connection has to end: name the last stream now."""
        self._step(GoawayInput.END)

    def _step(self, given: GoawayInput) -> None:
        was_sent = self.goaway_sent
        for effect in self.goaway.handle(given):
            if not was_sent:
                self._table.context.counters.goodbyes["http2", self._connection.why] += 1
            if effect is GoawayEffect.SEND_GOAWAY:
                self._send_goaway()
            else:
                self._send_last_stream()

    def _send_goaway(self) -> None:
        context = self._table.context
        self.goaway.ping = data = context.mask() + context.mask()
        self._connection.to_client(goaway(self._table.last, NO_ERROR) + ping(data))
        self._table.deadlines.set(Deadline.PING, context.now() + _PING_TIMEOUT)

    def _send_last_stream(self) -> None:
        """Send GOAWAY with the last stream that has gone to the app; later ones are refused."""
        self._table.deadlines.set(Deadline.PING, inf)
        table = self._table
        table.last = min(table.last, table.passed)
        self._connection.to_client(goaway(table.last, NO_ERROR))
