"""The asyncio protocol of the app's connection, which reports to its session."""

from typing import Any, Protocol

from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import APP_IS_FULL, Turns

_LEAST_PIECE = 256


class HasTurns(Protocol):
    """What the session's context has for its app's connection."""

    @property
    def turns(self) -> Turns:
        """What waits for the next turn of the loop."""


class Downstream(Protocol):
    """The session whose app it is. `app_rest`: what the app has sent and is read later."""

    app: Transport | None
    app_rest: bytes | None

    @property
    def context(self) -> HasTurns:
        """What all sessions share."""

    @property
    def upstream(self) -> "UpstreamProtocol | None":
        """The connection of which it wants to hear."""

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
        """What the app had said on a connection that broke, and nobody has read yet."""

    def next_app_turn(self) -> None:
        """Read on from the app."""

    def stop_client(self, why: int) -> None:
        """Stop reading from the client for this reason."""

    def start_client(self, why: int) -> None:
        """Remove this reason; read on if no other is left."""


class UpstreamProtocol:
    """The protocol of the app's connection; all it does is to tell its session.

    `data_received` is the session's own bound method: the loop looks it up once per connection.
    `outbox`: what the app gets once it has accepted.
    """

    __slots__ = ("data_received", "outbox", "session")

    def __init__(self, session: Downstream, outbox: tuple[bytes, ...] = ()) -> None:
        self.session = session
        self.data_received = session.app_data
        self.outbox = outbox

    def hold(self, data: bytes) -> int:
        """The app gets this too; returns how many bytes are held, where small pieces count as
        larger ones: there must not be many of them."""
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
        """The app's connection is gone; a write that failed says so before all was read."""
        self._read_what_waits()
        if error is not None:
            self._read_unread()
        if self.session.upstream is self:
            self.session.app_lost(error)

    def _read_what_waits(self) -> None:
        """There is no next turn for what it has said."""
        while self.session.upstream is self and self.session.app_rest:
            # Beside others a large read would be put off again and again, and never be read.
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
