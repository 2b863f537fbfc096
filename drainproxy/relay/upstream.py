"""The asyncio protocol of the app's connection, which reports to its session."""

from typing import Any, Protocol

from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import APP_IS_FULL, Turns

# Bytes that a held piece counts as, at least: many small ones take memory too.
_LEAST_PIECE = 256


class HasTurns(Protocol):
    """The part of the context that the app's connection reads."""

    @property
    def turns(self) -> Turns:
        """The work that is deferred to the next turn of the loop."""


class Downstream(Protocol):
    """The session that owns the app's connection. `app_rest`: bytes of the app that are read in a
    later turn, None if reading is not paused for them."""

    app: Transport | None
    app_rest: bytes | None

    @property
    def context(self) -> HasTurns:
        """The context that all sessions share."""

    @property
    def upstream(self) -> "UpstreamProtocol | None":
        """The current app connection; calls of any other are ignored."""

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""

    def app_connected(self, transport: Transport) -> None:
        """The app has accepted."""

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""

    def app_eof(self) -> bool:
        """The app has ended its sending side; True keeps ours open."""

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""

    def take_unread(self) -> bytes:
        """The unread bytes of an app's connection that broke."""

    def next_app_turn(self) -> None:
        """Read on from the app."""

    def stop_client(self, why: int) -> None:
        """Stop reading from the client for this reason."""

    def start_client(self, why: int) -> None:
        """Remove this reason; read on if no other is left."""


class UpstreamProtocol:
    """The asyncio protocol of the app's connection, which calls its session.

    `data_received` is the session's own bound method: the loop looks it up once per connection.
    `outbox`: the pieces that are sent to the app once it has accepted.
    """

    __slots__ = ("data_received", "outbox", "session")

    def __init__(self, session: Downstream, outbox: tuple[bytes, ...] = ()) -> None:
        self.session = session
        self.data_received = session.app_data
        self.outbox = outbox

    def hold(self, data: bytes) -> int:
        """Hold another piece for the app. Returns how many bytes are held, each piece counted as
        _LEAST_PIECE at least."""
        self.outbox += (data,)
        return sum(max(len(piece), _LEAST_PIECE) for piece in self.outbox)

    def connection_made(self, transport: Any) -> None:
        """The app has accepted."""
        if self.session.upstream is self:
            self.session.app_connected(transport)
        else:
            transport.abort()

    def refused(self, reason: str) -> None:
        """The app could not be reached."""
        if self.session.upstream is self and self.session.app is None:
            self.session.app_refused(reason)

    def eof_received(self) -> bool:
        """The app has ended its sending side; True keeps ours open."""
        return self.session.upstream is self and self.session.app_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """The app's connection is gone. After a failed write its receive buffer may still hold
        bytes, which are read first."""
        self._read_what_waits()
        if error is not None:
            self._read_unread()
        if self.session.upstream is self:
            self.session.app_lost(error)

    def _read_what_waits(self) -> None:
        """Read all that was deferred now, since no turn follows for a lost connection. No bound of
        a turn holds here; the bytes are those of one read of the loop, 256,000 at most."""
        while self.session.upstream is self and self.session.app_rest:
            # While `crowded`, a large read would be deferred again and again.
            self.session.context.turns.crowded = False
            self.session.next_app_turn()

    def _read_unread(self) -> None:
        while self.session.upstream is self and (data := self.session.take_unread()):
            self.data_received(data)
            self._read_what_waits()

    def pause_writing(self) -> None:
        """The app does not read: stop reading from the client."""
        if self.session.upstream is self:
            self.session.stop_client(APP_IS_FULL)

    def resume_writing(self) -> None:
        """The app reads again."""
        if self.session.upstream is self:
            self.session.start_client(APP_IS_FULL)
