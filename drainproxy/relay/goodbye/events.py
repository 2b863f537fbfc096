"""The goodbye of an event stream: `retry`, and the end, between two events (WHATWG HTML 9.2).

An EventSource reconnects by itself, after the time that a `retry` field has set. So a stream may
end after any event. Chunks and raw bytes that were not forwarded yet can be truncated there. A DATA
frame that has begun cannot, so DATA is held while a goodbye waits.
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
# In bytes. At most so much of an unfinished event is held: its client waits for the parts.
_MOST_HELD = 16384


class EventContext(Protocol):
    """The parts of the context that an event stream's goodbye reads."""

    limits: Limits
    uniform: Callable[[], float]


class EventGoodbye:
    """Follows one event stream. `why`: the reason of the pending goodbye, empty without one.
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
        """End the stream behind the next event at which it may end; the first reason counts."""
        if not self.why:
            self.why, self._urgency = why, urgency(why)

    def hasten(self, why: str, now: float) -> None:
        """Time is up: end the stream behind the event that is under way. A pending goodbye that
        waits only for that keeps its reason."""
        if not self.may_end:
            self.why = why
        self._urgency = Urgency.LAST

    def cancel(self, remaining: str, now: float) -> None:
        """Let the stream go on. `remaining`: another reason to end it, or empty."""
        self.why, self._urgency = remaining, urgency(remaining)

    @property
    def may_end(self) -> bool:
        """A goodbye is pending, and waits only for the end of an event."""
        return bool(self.why) and (self.tracker.resumable or not self.needs_id)

    @property
    def needs_id(self) -> bool:
        """The stream may end only where its client can resume it by an event id."""
        return self._rule.resumable

    @property
    def _rule(self) -> EventRule:
        return EVENT_RULES[self._context.limits.sse_drain, self._urgency]

    def poll(self, now: float, carrier: Carrier) -> float:
        """End the stream if it stands between two events. Returns inf: if it does not, it ends in
        the bytes that pass next, which call this again."""
        if self.may_end and carrier.at_boundary and self.tracker.between_events:
            self.end(carrier)
        return inf

    def end(self, carrier: Carrier) -> None:
        """End the stream here. A client without room for `retry` gets only the end."""
        words = self._retry(self._urgency)
        if carrier.room >= len(words):
            carrier.send(words)
        carrier.count_goodbye(self.why)
        carrier.finish(GOODBYE)

    def end_for_lost_app(self, now: float, carrier: Carrier) -> None:
        """The app has died: end the stream where it stands. All its streams end at once, so `retry`
        spreads their clients. A client drops an incomplete event (WHATWG HTML 9.2.6), so nothing
        of ours may complete it."""
        words = self._retry(Urgency.LAST)
        if self.tracker.between_events and carrier.room >= len(words):
            carrier.send(words)
        carrier.finish(APP_LEFT)

    def _retry(self, urgency: Urgency) -> bytes:
        limits = self._context.limits
        if urgency is Urgency.DRAIN and not limits.goodbyes_are_spread:
            # All streams end at once, as at the deadline.
            urgency = Urgency.LAST
        soonest, latest = EVENT_RULES[limits.sse_drain, urgency].retry
        return sse.retry(int(soonest + self._context.uniform() * (latest - soonest)))


class EventBody:
    """The body of an HTTP/1 answer, chunked if there is a `scan`; without one the connection's end
    ends it."""

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
        """Track `data`, which is forwarded as it came and was fed to `scan`; the body begins at
        `start`."""
        for _, begin, end in self._take_parts(data, start):
            self.goodbye.tracker.feed(data, begin, end)

    def up_to_end(self, data: bytes, start: int) -> bytes | None:
        """Track `data` like `passed`, but truncated behind the first event that may be the last:
        returns what is to be forwarded. None if no such event ends in `data`, which then passes
        as it came.

        A chunk whose head was forwarded already passes as a whole; any other can be truncated.
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
        """Bytes of ours, in a chunk if the body is chunked."""
        return payload if self._scan is None else _chunk(payload)

    @property
    def end(self) -> bytes:
        """The last chunk; empty where the connection ends the body."""
        return b"" if self._scan is None else _LAST_CHUNK

    def _take_parts(self, data: bytes, start: int) -> list[Part]:
        if self._scan is None:
            return [(-1, start, len(data))]
        parts = self._parts.copy()
        self._parts.clear()
        return parts


class HoldingCarrier(Carrier, Protocol):
    """A carrier on which a frame that has begun cannot be truncated."""

    @property
    def inside_frame(self) -> bool:
        """The last frame of this stream is incomplete."""

    def end_of_app(self) -> None:
        """The bytes that were held have passed, and the app had ended the stream in them."""


class HeldEvents:
    """An event stream in DATA frames, which are one stream of bytes (RFC 9113 8.1). While a goodbye
    waits, DATA is held until an event ends in it, for QUIET seconds and _MOST_HELD bytes at most;
    in the middle of a frame too, since the client may have allowed frames of any size.

    `cancelled`: no goodbye is pending any more, but held bytes still have to pass. `app_ended`: the
    app has ended the stream in the bytes that are held.
    """

    __slots__ = ("_held", "_holding", "_moved", "app_ended", "cancelled", "goodbye")

    def __init__(self, goodbye: EventGoodbye) -> None:
        self.goodbye = goodbye
        self._held = bytearray()
        self._holding = self.app_ended = self.cancelled = False
        self._moved = 0.0

    @property
    def waits(self) -> bool:
        """A goodbye is pending, or held bytes have to pass."""
        return bool(self.goodbye.why) or self.cancelled

    @property
    def holds(self) -> bool:
        """DATA is held: a goodbye may end the stream in it, or earlier DATA is still held, which it
        must not overtake."""
        return self.goodbye.may_end or self.cancelled or bool(self._held)

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return len(self._held)

    def holds_next(self, now: float, *, ends: bool) -> bool:
        """Whether the DATA frame that begins is held and not forwarded. `ends`: it has END_STREAM.
        A stream that may not end yet is not delayed."""
        self._holding, self._moved = self.holds, now
        self.app_ended = self._holding and ends
        return self._holding

    def feed(self, data: bytes, start: int, end: int) -> None:
        """Hold, or track, the next bytes of the stream: `data` from `start` to `end`."""
        if self._holding:
            self._held += data[start:end]
        else:
            self.goodbye.tracker.feed(data, start, end)

    def say(self, why: str, now: float) -> None:
        """See `EventGoodbye.say`."""
        if not self.goodbye.why:
            self._moved = now
        self.goodbye.say(why, now)
        self.cancelled = False

    def hasten(self, why: str, now: float) -> None:
        """See `EventGoodbye.hasten`."""
        self._moved = now
        self.goodbye.hasten(why, now)
        self.cancelled = False

    def cancel(self, remaining: str, now: float) -> None:
        """See `EventGoodbye.cancel`."""
        self.cancelled = not remaining
        self.goodbye.cancel(remaining, now)

    def take_held(self) -> bytes:
        """Return all held bytes, which pass now, and track them."""
        held = bytes(self._held)
        self._held.clear()
        self.goodbye.tracker.feed(held, 0, len(held))
        return held

    def end_for_lost_app(self, now: float, carrier: Carrier) -> None:
        """See `EventGoodbye.end_for_lost_app`; held bytes pass first, up to the end of an event."""
        tracker = self.goodbye.tracker
        held = bytes(self._held)
        ends_at = 0 if tracker.between_events else tracker.end_in(held, 0, len(held))
        if 0 < ends_at <= carrier.room:
            tracker.feed(held, 0, ends_at)
            carrier.send(held[:ends_at])
        self.goodbye.end_for_lost_app(now, carrier)

    def poll(self, now: float, carrier: HoldingCarrier) -> float:
        """Between two frames: end the stream, or let held bytes pass, if that is due. Returns when
        to call again; inf while nothing is held."""
        if carrier.at_boundary:
            self._move_on(now, carrier)
        return now + QUIET if self._held else inf

    def _move_on(self, now: float, carrier: HoldingCarrier) -> None:
        if self.held > max(0, carrier.room):
            # The client has lowered its windows since the bytes were held.
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
            # An event that is long or slow is not held.
            carrier.send(self.take_held())

    def _place(self) -> int:
        """How many held bytes pass before the end of the stream; -1 if it may not end yet."""
        goodbye, tracker = self.goodbye, self.goodbye.tracker
        if goodbye.may_end and tracker.between_events:
            return 0
        return tracker.end_in(bytes(self._held), 0, self.held, resumable=goodbye.needs_id)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
