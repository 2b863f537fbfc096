"""An event stream over HTTP/2: the carrier of its goodbye."""

from drainproxy.drain.ledger import FINISHED
from drainproxy.relay.goodbye.events import EventGoodbye, HeldEvents
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream
from drainproxy.wire import http2


class EventStream(TrackedStream):
    """An event stream. The app has spent the connection's window for held DATA. If that passes, as
    DATA of ours, both sides agree again; if it is dropped, the app gets a WINDOW_UPDATE."""

    __slots__ = ("_reset", "_spent")

    goodbye: HeldEvents

    def __init__(self, connection: StreamConnection, stream: Stream, window: int) -> None:
        events = EventGoodbye(connection.context, has_last_event_id=stream.head.has_last_event_id)
        super().__init__(connection, stream, window, HeldEvents(events))
        self._spent = 0
        # The code of the app's RST_STREAM behind an end of the stream that is still held.
        self._reset: int | None = None

    @property
    def needs_room(self) -> bool:
        """Whether held bytes wait for the client's windows."""
        return self.goodbye.held > self.room

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Read the app's next bytes: `data` from `start` to `end`; see `Follower`."""
        self.goodbye.feed(data, start, end)
        return end, 0

    def passes(self, length: int, *, ends: bool) -> bool:
        """Whether the DATA passes: it is held while a goodbye waits."""
        self.connection.outbound.follower = self
        if self.goodbye.holds_next(self.connection.context.now(), ends=ends):
            return False
        self.window -= length
        return True

    def left_out(self, length: int) -> None:
        """Note DATA that is held, padding included."""
        self._spent += length

    def own_data(self, payload: bytes) -> bytes:
        """DATA frames for the client. Held bytes among them are no debt (`windows`): the app has
        spent its window for them."""
        frames = super().own_data(payload)
        self._refund(min(len(payload), self._spent))
        return frames

    def _refund(self, length: int) -> None:
        self._spent -= length
        self.connection.outbound.refund(length)

    def poll(self, now: float) -> float:
        """See `TrackedStream`. Once nothing is held, refund the padding, which was dropped."""
        poll_at = super().poll(now)
        if not (self.goodbye.held or self.inside_frame):
            self._refund(self._spent)
        return poll_at

    def count_ending(self, ending: int) -> None:
        """The stream is over: refund what is still held, which does not pass."""
        self._refund(self._spent)

    def take_held(self) -> bytes:
        """Held bytes as DATA frames, if the client's windows have room."""
        return self.own_data(self.goodbye.take_held()) if self.goodbye.held <= self.room else b""

    def take_end(self) -> bytes:
        """END_STREAM of the app that was held; empty while it would overtake held bytes."""
        stream, goodbye = self.stream, self.goodbye
        if stream.app_done or goodbye.held or not goodbye.app_ended:
            return b""
        stream.app_done = True
        return http2.frame(http2.DATA, http2.END_STREAM, stream.id)

    def ends_in_held(self) -> bool:
        """Whether bytes are still held, since the client's windows lack room: then the stream ends
        with them."""
        self.goodbye.app_ended = self.goodbye.held > 0
        return self.goodbye.app_ended

    def is_reset_later(self, code: int) -> bool:
        """Whether the app's RST_STREAM stands behind a complete answer that is still held: it is
        sent after that (8.1)."""
        if not (self.goodbye.app_ended and self.goodbye.held):
            return False
        self._reset = code
        return True

    def end_for_lost_app(self) -> None:
        """The app has died: send `retry` and the end."""
        if self.at_boundary and not self.stream.app_done:
            self.goodbye.end_for_lost_app(self.connection.context.now(), self)

    def end_of_app(self) -> None:
        """Held bytes have passed in which the app had ended the stream: send that end."""
        connection, stream = self.connection, self.stream
        connection.to_client(self.take_end())
        if stream.client_done:
            connection.table.end(stream, FINISHED)
        elif self._reset is not None:
            connection.to_client(http2.rst_stream(stream.id, self._reset))
            connection.table.end(stream, FINISHED)
            connection.table.expect_late_frames(stream.id, passes=True)
