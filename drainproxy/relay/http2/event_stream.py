"""An event stream over HTTP/2: the carrier of its goodbye."""

from drainproxy.drain.ledger import FINISHED
from drainproxy.relay.goodbye.events import EventGoodbye, HeldEvents
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream
from drainproxy.wire import http2


class EventStream(TrackedStream):
    """An event stream. What is held of it the app has spent of the connection's window, and the
    client has not got: the app hears no more of that, unless it is left out in the end."""

    __slots__ = ("_reset", "_spent")

    goodbye: HeldEvents

    def __init__(self, connection: StreamConnection, stream: Stream, window: int) -> None:
        events = EventGoodbye(connection.context, has_last_event_id=stream.head.has_last_event_id)
        super().__init__(connection, stream, window, HeldEvents(events))
        self._spent = 0
        # With which code the app has reset it behind the end that is held, if it has.
        self._reset: int | None = None

    @property
    def needs_room(self) -> bool:
        """What is held has to pass."""
        return self.goodbye.held > self.room

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """The app's next bytes are those of `data` from `start` to `end`."""
        self.goodbye.feed(data, start, end)
        return end, 0

    def passes(self, length: int, *, ends: bool) -> bool:
        """While a goodbye waits, DATA is held."""
        self.connection.outbound.follower = self
        if self.goodbye.holds_next(self.connection.context.now(), ends=ends):
            return False
        self.window -= length
        return True

    def left_out(self, length: int) -> None:
        """It is held."""
        self._spent += length

    def own_data(self, payload: bytes) -> bytes:
        """DATA frames for the client; for what was held the app has paid."""
        frames = super().own_data(payload)
        self._refund(min(len(payload), self._spent))
        return frames

    def _refund(self, length: int) -> None:
        self._spent -= length
        self.connection.outbound.refund(length)

    def poll(self, now: float) -> float:
        """Do what is due; padding has been left out when the rest has passed."""
        poll_at = super().poll(now)
        if not (self.goodbye.held or self.inside_frame):
            self._refund(self._spent)
        return poll_at

    def count_ending(self, ending: int) -> None:
        """What is still held does not pass."""
        self._refund(self._spent)

    def take_held(self) -> bytes:
        """What is held, if there is room for it."""
        return self.own_data(self.goodbye.take_held()) if self.goodbye.held <= self.room else b""

    def take_end(self) -> bytes:
        """END_STREAM; nothing as long as it would overtake what is held."""
        stream, goodbye = self.stream, self.goodbye
        if stream.app_done or goodbye.held or not goodbye.app_ended:
            return b""
        stream.app_done = True
        return http2.frame(http2.DATA, http2.END_STREAM, stream.id)

    def ends_in_held(self) -> bool:
        """For which the client has no room: else it has been taken."""
        self.goodbye.app_ended = self.goodbye.held > 0
        return self.goodbye.app_ended

    def is_reset_later(self, code: int) -> bool:
        """8.1: a reset behind a whole answer does not take that away."""
        if not (self.goodbye.app_ended and self.goodbye.held):
            return False
        self._reset = code
        return True

    def end_for_lost_app(self) -> None:
        """`retry`, and the end."""
        if self.at_boundary and not self.stream.app_done:
            self.goodbye.end_for_lost_app(self.connection.context.now(), self)

    def end_of_app(self) -> None:
        """The app has ended the stream in what was held."""
        connection, stream = self.connection, self.stream
        connection.to_client(self.take_end())
        if stream.client_done:
            connection.table.end(stream, FINISHED)
        elif self._reset is not None:
            connection.to_client(http2.rst_stream(stream.id, self._reset))
            connection.table.end(stream, FINISHED)
            connection.table.expect_late_frames(stream.id, passes=True)
