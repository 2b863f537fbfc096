"""The goodbye of an event stream: `retry`, and the end, between two events (WHATWG HTML 9.2).

An EventSource reconnects by itself, after the time that a `retry` field has set. So a stream may
end after any event. Chunks and raw bytes that have not been forwarded can be shortened to that
place; DATA whose frame has begun cannot, so it is held back while a goodbye waits.
"""

from collections.abc import Callable
from math import inf
from typing import Protocol

from drainproxy.drain.interruption import EVENT_RULES, QUIET, EventRule, Urgency, urgency
from drainproxy.drain.ledger import APP_LEFT, GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.relay.limits import Limits
from drainproxy.wire import sse
from drainproxy.wire.chunked import ChunkedBody, Part

_LAST_CHUNK = b"0\r\n\r\n"
# Of an event in which the goodbye waits, in bytes: nobody waits for the parts of a long one.
_MOST_HELD = 16384


class EventContext(Protocol):
    """What a goodbye asks of the context."""

    limits: Limits
    uniform: Callable[[], float]


class EventGoodbye:
    """Follows one event stream. `why`: the goodbye that waits for its place, if any.
    `has_last_event_id`: see `EventTracker`."""

    __slots__ = ("_context", "_urgency", "tracker", "why")

    def __init__(self, context: EventContext, *, has_last_event_id: bool) -> None:
        self._context = context
        self.tracker = sse.EventTracker(has_last_event_id=has_last_event_id)
        self.why = ""
        self._urgency = Urgency.PATIENT

    @property
    def waits(self) -> bool:
        """A goodbye waits for the end of an event."""
        return bool(self.why)

    def say(self, why: str, now: float) -> None:
        """End the stream as soon as it may end; the first reason counts."""
        if not self.why:
            self.why, self._urgency = why, urgency(why)

    def hasten(self, why: str, now: float) -> None:
        """Time is up: end it behind the event that is under way. The reason stays that of a goodbye
        which waits for nothing else."""
        if not self.may_end:
            self.why = why
        self._urgency = Urgency.LAST

    def cancel(self, remaining: str, now: float) -> None:
        """Go on, unless there is a reason that remains."""
        self.why, self._urgency = remaining, urgency(remaining)

    @property
    def may_end(self) -> bool:
        """A goodbye waits, and for nothing but the end of an event."""
        return bool(self.why) and (self.tracker.resumable or not self.needs_id)

    @property
    def needs_id(self) -> bool:
        """It may end only where its client can resume it."""
        return self._rule.resumable

    @property
    def _rule(self) -> EventRule:
        return EVENT_RULES[self._context.limits.sse_drain, self._urgency]

    def poll(self, now: float, carrier: Carrier) -> float:
        """End the stream if this is the place; else it ends with what passes, whenever that is."""
        if self.may_end and carrier.at_boundary and self.tracker.between_events:
            self.end(carrier)
        return inf

    def end(self, carrier: Carrier) -> None:
        """End it here. A client without room for it is not told when to come again."""
        words = self._retry(self._urgency)
        if carrier.room >= len(words):
            carrier.send(words)
        carrier.count_goodbye(self.why)
        carrier.finish(GOODBYE)

    def end_for_lost_app(self, now: float, carrier: Carrier) -> None:
        """The app has died, on everyone at once: end the stream where it is. Of an event that is
        not whole its listener takes nothing (WHATWG HTML 9.2.6), so it must not be made whole
        either."""
        words = self._retry(Urgency.LAST)
        if self.tracker.between_events and carrier.room >= len(words):
            carrier.send(words)
        carrier.finish(APP_LEFT)

    def _retry(self, urgency: Urgency) -> bytes:
        limits = self._context.limits
        if urgency is Urgency.DRAIN and not limits.goodbyes_are_spread:
            # All end at once, as they do when time is up.
            urgency = Urgency.LAST
        soonest, latest = EVENT_RULES[limits.sse_drain, urgency].retry
        return sse.retry(int(soonest + self._context.uniform() * (latest - soonest)))


class EventBody:
    """The body of an HTTP/1 answer: chunked if it has a `scan`, else the connection ends it."""

    __slots__ = ("_parts", "_scan", "goodbye")

    def __init__(self, goodbye: EventGoodbye, scan: ChunkedBody | None) -> None:
        self.goodbye = goodbye
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
        for _, begin, end in self._take_parts(data, start):
            self.goodbye.tracker.feed(data, begin, end)

    def up_to_end(self, data: bytes, start: int) -> bytes | None:
        """The same, but cut what goes on behind the first event that may be the last one; None if
        no such event ends in `data`, which then passes whole.

        A chunk whose head has gone on passes as a whole; any other can be made shorter.
        """
        tracker = self.goodbye.tracker
        for chunk, begin, end in self._take_parts(data, start):
            here = -1
            if self._scan is None or chunk >= 0:
                here = tracker.end_in(data, begin, end, resumable=self.goodbye.needs_id)
            if here >= 0:
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

    @property
    def inside_frame(self) -> bool:
        """Of the frame of this stream that came last more is to come."""

    def end_of_app(self) -> None:
        """The app has ended its side in what was held."""


class HeldEvents:
    """An event stream in DATA frames (RFC 9113 8.1: they are one stream of bytes). While a goodbye
    waits, what comes is held until an event ends in it, or until that takes too long; also inside a
    frame, which the client may have allowed to be of any size.

    `cancelled`: no goodbye waits any more, but what is held has to pass. `app_ended`: the app ends
    the stream with what is held.
    """

    __slots__ = ("_held", "_holding", "_moved", "app_ended", "cancelled", "goodbye")

    def __init__(self, goodbye: EventGoodbye) -> None:
        self.goodbye = goodbye
        self._held = bytearray()
        self._holding = self.app_ended = self.cancelled = False
        self._moved = 0.0

    @property
    def waits(self) -> bool:
        """There is something to poll for."""
        return bool(self.goodbye.why) or self.cancelled

    @property
    def holds(self) -> bool:
        """What comes is held back for as long as it takes to find the place; nothing overtakes what
        is held, be it that settings have changed meanwhile."""
        return self.goodbye.may_end or self.cancelled or bool(self._held)

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return len(self._held)

    def holds_next(self, now: float, *, ends: bool) -> bool:
        """Whether the DATA that begins is fed to this and does not go on; `ends`: the app ends the
        stream with it. What cannot end yet is not held up for it."""
        self._holding, self._moved = self.holds, now
        self.app_ended = self._holding and ends
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
        self.goodbye.say(why, now)
        self.cancelled = False

    def hasten(self, why: str, now: float) -> None:
        """The same."""
        self._moved = now
        self.goodbye.hasten(why, now)
        self.cancelled = False

    def cancel(self, remaining: str, now: float) -> None:
        """The same."""
        self.cancelled = not remaining
        self.goodbye.cancel(remaining, now)

    def take_held(self) -> bytes:
        """All that is held, which passes after all."""
        held = bytes(self._held)
        self._held.clear()
        self.goodbye.tracker.feed(held, 0, len(held))
        return held

    def end_for_lost_app(self, now: float, carrier: Carrier) -> None:
        """See `EventGoodbye`; what is held up to the end of an event passes before."""
        tracker = self.goodbye.tracker
        held = bytes(self._held)
        ends_at = 0 if tracker.between_events else tracker.end_in(held, 0, len(held))
        if 0 < ends_at <= carrier.room:
            tracker.feed(held, 0, ends_at)
            carrier.send(held[:ends_at])
        self.goodbye.end_for_lost_app(now, carrier)

    def poll(self, now: float, carrier: HoldingCarrier) -> float:
        """Do what has to be done now, between two frames; returns when to ask again. Where nothing
        is held there is nothing to do before something comes."""
        if carrier.at_boundary:
            self._move_on(now, carrier)
        return now + QUIET if self._held else inf

    def _move_on(self, now: float, carrier: HoldingCarrier) -> None:
        if self.held > max(0, carrier.room):
            # The client has made its windows smaller meanwhile.
            return
        inside = carrier.inside_frame
        if self.app_ended and not inside:
            carrier.send(self.take_held())
            carrier.end_of_app()
        elif self.cancelled:
            carrier.send(self.take_held())
            self.cancelled = inside
        elif not self.app_ended and (ends_at := self._place()) >= 0:
            last = bytes(self._held[:ends_at])
            self._held.clear()
            carrier.send(last)
            self.goodbye.end(carrier)
        elif self.held > _MOST_HELD or now - self._moved >= QUIET:
            # Do not hold back an event that is long or slow.
            carrier.send(self.take_held())

    def _place(self) -> int:
        """How many of the held bytes pass before the stream ends; -1 if it may not end yet."""
        goodbye, tracker = self.goodbye, self.goodbye.tracker
        if goodbye.may_end and tracker.between_events:
            return 0
        return tracker.end_in(bytes(self._held), 0, self.held, resumable=goodbye.needs_id)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
