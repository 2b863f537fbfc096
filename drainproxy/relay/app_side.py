"""The app's connection of a session, as the loop knows it."""

from typing import TYPE_CHECKING, Any

from drainproxy.relay.turns import APP_IS_FULL

if TYPE_CHECKING:
    from drainproxy.relay.pair import Pair


class AppSide:
    """The protocol of the app's connection; all it does is to tell its pair.

    `data_received` is the pair's own bound method: the loop looks it up once per connection.
    """

    __slots__ = ("data_received", "pair")

    def __init__(self, pair: "Pair") -> None:
        self.pair = pair
        self.data_received = pair.app_data

    def connection_made(self, transport: Any) -> None:
        """The app has accepted."""
        if self.pair.app_side is self:
            self.pair.app_connected(transport)
        else:
            transport.abort()

    def refused(self, reason: str) -> None:
        """The app could not be reached."""
        if self.pair.app_side is self and self.pair.app is None:
            self.pair.app_refused(reason)

    def eof_received(self) -> bool:
        """The app has ended its sending side; True keeps ours open."""
        return self.pair.app_side is self and self.pair.app_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """The app's connection is gone; a write that failed says so before all was read."""
        self._read_what_waits()
        if error is not None:
            self._read_last_words()
        if self.pair.app_side is self:
            self.pair.app_lost(error)

    def _read_what_waits(self) -> None:
        """There is no next turn for what it has said."""
        while self.pair.app_side is self and self.pair.app_rest:
            self.pair.next_app_turn()

    def _read_last_words(self) -> None:
        while self.pair.app_side is self and self.pair.app is not None:
            data = self.pair.hub.last_words(self.pair.app)
            if not data:
                return
            self.data_received(data)
            self._read_what_waits()

    def pause_writing(self) -> None:
        """The app does not read: stop reading from the client."""
        if self.pair.app_side is self:
            self.pair.stop_client(APP_IS_FULL)

    def resume_writing(self) -> None:
        """The app reads again."""
        if self.pair.app_side is self:
            self.pair.start_client(APP_IS_FULL)
