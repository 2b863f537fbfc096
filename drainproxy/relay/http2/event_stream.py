"""An event stream over HTTP/2: the carrier of its goodbye."""

from math import inf

from drainproxy.drain.interruption import QUIET
from drainproxy.drain.ledger import FINISHED
from drainproxy.relay.goodbye.events import EventGoodbye, HeldEvents
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream
from drainproxy.wire import http2


class EventStream(TrackedStream):
    """An event stream."""

    __slots__ = ("events",)

    def __init__(self, connection: StreamConnection, stream: Stream, window: int) -> None:
        super().__init__(connection, stream, window)
        asked_by_id = stream.head.asked_by_id
        self.events = HeldEvents(EventGoodbye(connection.context, asked_by_id=asked_by_id))

    @property
    def waits(self) -> bool:
        """The end of an event is waited for."""
        return self.events.waits and not self.stream.app_done

    def say(self, why: str, now: float) -> None:
        """End as soon as it may end."""
        self.events.say(why, now)

    def hasten(self, why: str, now: float) -> None:
        """End behind the event that is under way: there is no sooner end that its client
        understands."""
        self.events.hasten(why, now)

    def cancel(self, remaining: str, now: float) -> None:
        """Go on, but for the reason that remains."""
        self.events.cancel(remaining)

    def poll(self, now: float) -> float:
        """See `HeldEvents`."""
        if self.at_boundary:
            self.events.poll(now, self)
        return now + QUIET if self.events.holds else inf

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app's next bytes are those of `data` from `start` to `end`."""
        self.events.feed(data, start, end)

    def passes(self, length: int, *, ends: bool) -> bool:
        """While a goodbye waits, DATA is held."""
        self.connection.outbound.follower = self
        if self.events.holds_back(self.connection.context.now(), ends=ends):
            return False
        self.window -= length
        return True

    def release(self) -> bytes:
        """What is held, if there is room for it."""
        return self.own_data(self.events.release()) if self.events.held <= self.room else b""

    def speak_for_app(self) -> None:
        """`retry`, and the end."""
        if self.at_boundary and not self.stream.app_done:
            self.events.speak_for_app(self)

    def end_of_app(self) -> None:
        """The app has ended the stream in what was held."""
        stream = self.stream
        self.connection.to_client(http2.frame(http2.DATA, http2.END_STREAM, stream.id))
        stream.app_done = True
        if stream.client_done:
            self.connection.table.end(stream, FINISHED)
