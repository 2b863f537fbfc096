"""The goodbye of an event stream: `retry`, and the end, between two events (WHATWG HTML 9.2).

Whoever listens to events comes again by itself. So a stream may end wherever an event does, and
what tells the client when to come back is an event field as well. Chunks and plain bytes that have
not gone on can be made shorter; DATA that has begun to pass cannot, so it is held back meanwhile.
"""

from typing import Protocol

from drainproxy.drain.interruption import QUIET
from drainproxy.drain.ledger import APP_LEFT, GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.wire import sse
from drainproxy.wire.chunked import ChunkedBody, Part

_LAST_CHUNK = b"0\r\n\r\n"
# The tracker knows a stream by its last three bytes, and each part but the last has one of them.
_LAST_PARTS = 4
# Of an event in which the goodbye waits, in bytes: nobody waits for the parts of a long one.
_MOST_HELD = 16384


class EventGoodbye:
    """Follows one event stream. `why`: the goodbye that waits for the end of an event, if any."""

    __slots__ = ("tracker", "why")

    def __init__(self) -> None:
        self.tracker = sse.EventTracker()
        self.why = ""

    def say(self, why: str) -> None:
        """End the stream behind the event that is under way; the first reason counts."""
        self.why = self.why or why

    def cancel(self, remaining: str) -> None:
        """Go on, unless there is a reason that remains."""
        self.why = remaining

    def poll(self, carrier: Carrier, retry: int) -> None:
        """End the stream if this is the place. `retry`: when to come again, in milliseconds."""
        if self.why and carrier.at_boundary and self.tracker.between_events:
            self.end(carrier, retry)

    def end(self, carrier: Carrier, retry: int) -> None:
        """End it here. A client without room for it is not told when to come again."""
        words = sse.retry(retry)
        if carrier.room >= len(words):
            carrier.send(words)
        carrier.told(self.why)
        carrier.finish(GOODBYE)

    def speak_for_app(self, carrier: Carrier, retry: int) -> None:
        """The app has died: end the stream where it is. Of an event that is not whole its listener
        takes nothing (WHATWG HTML 9.2.6), so it must not be made whole either."""
        words = sse.retry(retry)
        if self.tracker.between_events and carrier.room >= len(words):
            carrier.send(words)
        carrier.finish(APP_LEFT)


class EventBody:
    """The body of an HTTP/1 answer: chunked if it has a `scan`, else the connection ends it."""

    __slots__ = ("_parts", "_scan", "goodbye")

    def __init__(self, scan: ChunkedBody | None) -> None:
        self.goodbye = EventGoodbye()
        self._scan = scan
        self._parts: list[Part] = []
        if scan is not None:
            scan.parts = self._parts

    @property
    def at_boundary(self) -> bool:
        """Between two chunks, if there are chunks."""
        return self._scan is None or self._scan.between_chunks

    def passed(self, data: bytes, start: int) -> None:
        """`data` has gone on, in which the body stands from `start` on, and which has been fed to
        `scan`."""
        # What is before the last bytes does not matter.
        for _, begin, end in self._take_parts(data, start)[-_LAST_PARTS:]:
            self.goodbye.tracker.feed(data, begin, end)

    def up_to_end(self, data: bytes, start: int) -> bytes | None:
        """The same, but what goes on ends with the first event that may be the last one; None if
        `data` has no end of such an event, and passes.

        A chunk whose head has gone on passes as a whole; any other can be made shorter.
        """
        tracker = self.goodbye.tracker
        for chunk, begin, end in self._take_parts(data, start):
            here = tracker.end_in(data, begin, end)
            if here >= 0 and (self._scan is None or chunk >= 0):
                tracker.feed(data, begin, here)
                return (
                    data[:here] if self._scan is None else data[:chunk] + _chunk(data[begin:here])
                )
            tracker.feed(data, begin, end)
        return None

    def coded(self, payload: bytes) -> bytes:
        """Bytes of ours, as they stand in this body."""
        return payload if self._scan is None else _chunk(payload)

    @property
    def end(self) -> bytes:
        """What ends it."""
        return b"" if self._scan is None else _LAST_CHUNK

    def _take_parts(self, data: bytes, start: int) -> list[Part]:
        if self._scan is None:
            return [(-1, start, len(data))]
        parts = self._parts.copy()
        self._parts.clear()
        return parts


class HoldingCarrier(Carrier, Protocol):
    """A carrier on which nothing can be made shorter that has begun to pass."""

    def end_of_app(self) -> None:
        """The app has ended its side in what was held."""


class HeldEvents:
    """An event stream in DATA frames (RFC 9113 8.1: they are one stream of bytes). While a goodbye
    waits, what comes is held until an event ends in it, or until that takes too long.

    `cancelled`: no goodbye waits any more, but what is held has to pass.
    """

    __slots__ = ("_app_ended", "_held", "_holding", "_moved", "cancelled", "goodbye")

    def __init__(self) -> None:
        self.goodbye = EventGoodbye()
        self._held = b""
        self._holding = self._app_ended = self.cancelled = False
        self._moved = 0.0

    @property
    def waits(self) -> bool:
        """There is something to poll for."""
        return bool(self.goodbye.why) or self.cancelled

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return len(self._held)

    def holds_back(self, now: float, *, ends: bool) -> bool:
        """Whether the DATA that begins is fed to this and does not go on; `ends`: the app ends the
        stream with it."""
        self._holding, self._moved = self.waits, now
        self._app_ended = self._holding and ends
        return self._holding

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The next bytes of the stream: those of `data` from `start` to `end`."""
        if self._holding:
            self._held += data[start:end]
        else:
            self.goodbye.tracker.feed(data, start, end)

    def say(self, why: str, now: float) -> None:
        """See `EventGoodbye`."""
        if not self.goodbye.why:
            self._moved = now
        self.goodbye.say(why)
        self.cancelled = False

    def cancel(self, remaining: str) -> None:
        """The same."""
        self.cancelled = not remaining
        self.goodbye.cancel(remaining)

    def release(self) -> bytes:
        """All that is held, which passes after all."""
        held, self._held = self._held, b""
        self.goodbye.tracker.feed(held, 0, len(held))
        return held

    def speak_for_app(self, carrier: Carrier, retry: int) -> None:
        """See `EventGoodbye`; what is held up to the end of an event passes before."""
        tracker = self.goodbye.tracker
        ends_at = 0 if tracker.between_events else tracker.end_in(self._held, 0, self.held)
        if 0 < ends_at <= carrier.room:
            tracker.feed(self._held, 0, ends_at)
            carrier.send(self._held[:ends_at])
        self.goodbye.speak_for_app(carrier, retry)

    def poll(self, now: float, carrier: HoldingCarrier, retry: int) -> None:
        """Do what has to be done now, between two frames."""
        if self.held > carrier.room:
            # The client has made its windows smaller meanwhile.
            return
        tracker = self.goodbye.tracker
        ends_at = 0 if tracker.between_events else tracker.end_in(self._held, 0, self.held)
        if self._app_ended:
            carrier.send(self.release())
            carrier.end_of_app()
        elif self.cancelled:
            carrier.send(self.release())
            self.cancelled = False
        elif ends_at >= 0:
            last, self._held = self._held[:ends_at], b""
            carrier.send(last)
            self.goodbye.end(carrier, retry)
        elif self.held > _MOST_HELD or now - self._moved >= QUIET:
            # Nobody waits for a part of an event that is long or slow.
            carrier.send(self.release())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
