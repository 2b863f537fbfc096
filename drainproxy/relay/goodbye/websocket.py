"""The goodbye of a WebSocket: Close, and the handshake that it begins (RFC 6455 5.5.1 and 7.1).

    read = goodbye.feed_app(data)       # all bytes of both directions, in order
    goodbye.say("drain", now)           # or hasten, or cancel
    poll_at = goodbye.poll(now, carrier)

`poll` sends Close once `drain.interruption` allows it, and ends a closing handshake that takes too
long. Call it after each of the other methods while `waits`, and at the moment that it returned.
"""

from collections.abc import Callable
from math import inf
from typing import Protocol

from drainproxy.drain.goodbye import IDLE
from drainproxy.drain.interruption import (
    HANDSHAKE_TIMEOUT,
    QUIET,
    RULES,
    WEBSOCKET,
    Pending,
    Place,
    Urgency,
    last_resort,
    may_stand,
    new_pending,
    pause_begins,
    urgency,
)
from drainproxy.drain.ledger import CLIENT_LEFT, CUT, FINISHED
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.relay.limits import Limits
from drainproxy.wire.heartbeat import is_heartbeat, speaks_engine_io
from drainproxy.wire.websocket import NO_CLOSE, FrameTracker, close_answer, close_frame

# The label of a metric: who sent the first Close. APP also where the app closed without one.
CLIENT, APP, US = "client", "app", "us"
# The Close for an app that has died (IANA, WebSocket Close Code Number Registry).
_RESTARTS, _GONE = (1012, "the app restarts"), (1014, "the app has gone")
_BROKEN_OFF_BY = {CLIENT_LEFT: CLIENT, CUT: US}


class WebSocketContext(Protocol):
    """The parts of the context that a WebSocket's goodbye reads."""

    limits: Limits
    app_restarts: Callable[[], bool]


class WebSocketCarrier(Carrier, Protocol):
    """A carrier whose client may have an open question."""

    def left_unanswered(self, why: str) -> None:
        """Book that Close was sent, for this reason, before the client's question was answered."""


class WebSocketGoodbye:
    """Follows one WebSocket in both directions, and sends Close when asked to.

    `pending`: the goodbye that was asked for, kept after `close_sent`; from then on nothing of the
    app may go to the client (RFC 6455 5.5.1). `asks`: a question is open, that is, the client has
    sent a message since the app's last one; control frames and heartbeats do not count. `ends_at`:
    when the closing handshake must be over, inf if none is timed.
    """

    __slots__ = (
        "_client_closed_first",
        "_context",
        "_engine_io",
        "asks",
        "close_sent",
        "close_sent_for_app",
        "ends_at",
        "from_app",
        "from_client",
        "pending",
    )

    def __init__(self, context: WebSocketContext, path: str) -> None:
        self._context = context
        self._engine_io = speaks_engine_io(path)
        self.from_app = FrameTracker()
        self.from_client = FrameTracker()
        self.asks = self._client_closed_first = False
        self.pending: Pending | None = None
        self.close_sent = False
        # Whether we sent it for an app that has gone without a Close.
        self.close_sent_for_app = False
        self.ends_at = inf

    # Bytes that pass

    def feed_app(self, data: bytes) -> int:
        """Read the app's next bytes; returns how many. Feed the rest in a later turn."""
        beats = self.asks and self._beats(data, self.from_app)
        read = self.from_app.feed(data)
        if self.from_app.data_passed and not beats:
            self.asks = False
        return read

    def feed_client(self, data: bytes) -> int:
        """Read the client's next bytes; returns how many. Feed the rest in a later turn."""
        beats = not self.asks and self._beats(data, self.from_client)
        read = self.from_client.feed(data)
        if self.from_client.data_passed and not self.asks and not beats:
            self.asks = True
            if self.pending is not None:
                self.pending.asked = self.pending.moved
        if self.from_client.close_passed and not self.from_app.close_passed:
            self._client_closed_first = True
        return read

    def _beats(self, data: bytes, side: FrameTracker) -> bool:
        return is_heartbeat(data, engine_io=self._engine_io) and side.between_frames

    def close_place(self, data: bytes, now: float) -> int:
        """The offset in the app's next bytes at which a Close is sent that waits only for the end
        of a frame; -1 if all of them pass before it."""
        pending = self.pending
        if pending is None or self.close_sent or self.closing:
            return -1
        rule = RULES[WEBSOCKET, pending.urgency]
        resort = last_resort(rule, pending, question=self._question())
        if rule.least is not Place.FRAME or now < resort:
            return -1
        return self.from_app.boundary_in(data, message=False)

    # Asking for the goodbye

    def say(self, why: str, now: float) -> None:
        """Send Close as soon as its rule allows; a more urgent reason replaces the pending one."""
        if self.closing:
            self.end_within(HANDSHAKE_TIMEOUT, now)
        elif self.pending is None or (not self.close_sent and self.pending.urgency < urgency(why)):
            self.pending = new_pending(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Time is up: send Close at the end of any frame. A pending goodbye keeps its reason, but
        for idle-timeout, which replaces it."""
        waiting = self.pending
        if self.closing:
            self.end_within(HANDSHAKE_TIMEOUT, now)
        elif waiting is None:
            self.pending = new_pending(why, now, Urgency.LAST)
        elif waiting.urgency is not Urgency.LAST and not self.close_sent:
            why = why if why == IDLE else waiting.why
            self.pending = new_pending(why, now, Urgency.LAST)

    def cancel(self, remaining: str, now: float) -> None:
        """Take back a Close that was not sent. `remaining`: another reason for it, or empty."""
        if self.pending is not None and not self.close_sent:
            self.pending = new_pending(remaining, now) if remaining else None

    def end_within(self, seconds: float, now: float) -> None:
        """Let the closing handshake take so many seconds at most."""
        self.ends_at = min(self.ends_at, now + seconds)

    def end_for_lost_app(self, now: float, carrier: Carrier) -> bool:
        """Send Close for an app that has gone without one, so that the client does not see 1006
        (7.1.5), or answer the client's own Close (5.5.1). False if nothing was sent: it is not
        needed, or there is no place for it, as in the middle of a frame."""
        if self.close_sent or self.from_app.close_passed:
            return False
        if not carrier.at_boundary or not self.from_app.between_frames:
            return False
        code, reason = _RESTARTS if self._context.app_restarts() else _GONE
        answers = self.from_client.close_passed
        close = close_answer(self.from_client.close_code) if answers else close_frame(code, reason)
        if carrier.room < len(close):
            return False
        carrier.send(close)
        self.pending = None
        if not answers:
            self.close_sent = self.close_sent_for_app = True
            self.ends_at = now + HANDSHAKE_TIMEOUT
        return True

    # State

    @property
    def waits(self) -> bool:
        """A Close is pending, or a closing handshake is timed."""
        return self.pending is not None or self.ends_at < inf

    @property
    def closing(self) -> bool:
        """The app or the client has sent Close itself: none of ours may come between theirs."""
        closed = self.from_app.close_passed or self.from_client.close_passed
        return closed and not self.close_sent

    @property
    def client_answered(self) -> bool:
        """The client has answered our Close."""
        return self.close_sent and self.from_client.close_passed

    def first_close(self, code: int, ending: int) -> tuple[int, str]:
        """The code of the first Close, and its sender. `code`: the code of our own Close; `ending`:
        how the WebSocket is booked, which tells who ended it without a Close. A Close that we sent
        for an app that has gone counts as an end by the app without one."""
        client, app = self.from_client, self.from_app
        if self.close_sent:
            return (NO_CLOSE, APP) if self.close_sent_for_app else (code, US)
        if self._client_closed_first:
            return client.close_code, CLIENT
        if app.close_passed:
            return app.close_code, APP
        return NO_CLOSE, _BROKEN_OFF_BY.get(ending, APP)

    # Polling

    def poll(self, now: float, carrier: WebSocketCarrier) -> float:
        """Send Close, or end the handshake, if that is due. Returns when to call again; inf: not
        before bytes move."""
        pending = self.pending
        if pending is not None and not self.close_sent:
            if not self.closing and not carrier.ended:
                return self._look(pending, now, carrier)
            if self.closing and now < pending.poll_at:
                return pending.poll_at
            # The app or the client has sent Close: only the time for their handshake is limited.
            self.pending = None
            self.end_within(HANDSHAKE_TIMEOUT, now)
        handshake_over = self.client_answered and self.from_app.close_passed
        if self.ends_at <= now or handshake_over:
            self.ends_at = inf
            carrier.finish(self.ending(carrier))
        return self.ends_at

    def ending(self, carrier: Carrier) -> int:
        """How the ledger books the WebSocket if it ends now; GOODBYE in place of that if the client
        has answered our Close."""
        return FINISHED if self.closing or (carrier.ended and not self.close_sent) else CUT

    def _question(self) -> float:
        """How long, in seconds, the answer to an open question is waited for; 0 without one."""
        return self._context.limits.websocket_answer_timeout if self.asks else 0.0

    def _look(self, pending: Pending, now: float, carrier: WebSocketCarrier) -> float:
        """Send Close if its rule allows that here and now; returns when to look again."""
        rule = RULES[WEBSOCKET, pending.urgency]
        place = self._place(carrier)
        question = self._question()
        here = may_stand(rule, pending, place, now, question=question)
        if not here and pending.poll_at <= now:
            pending.poll_at = inf if carrier.at_boundary else now + QUIET
            if place is Place.PAUSE:
                begins = pause_begins(rule, pending, question=question)
                # Bytes that arrived while this process was busy, and are unread, are no pause.
                here = begins <= now and not carrier.has_unread()
                pending.poll_at = begins if begins > now else now + QUIET
        limits = self._context.limits
        close = close_frame(limits.websocket_close_code, limits.websocket_close_reason)
        if here and carrier.room >= len(close):
            self.close_sent = True
            self.ends_at = now + HANDSHAKE_TIMEOUT
            carrier.send(close)
            carrier.count_goodbye(pending.why)
            if question:
                carrier.left_unanswered(pending.why)
            return self.ends_at
        if here:
            pending.poll_at = now + QUIET
        gives_up = pending.since + rule.gives_up
        if gives_up <= now:
            carrier.finish(CUT)
            return self.ends_at
        resort = last_resort(rule, pending, question=question)
        resort = resort if rule.least < Place.PAUSE and resort > now else inf
        return min(pending.poll_at, resort, gives_up)

    def _place(self, carrier: Carrier) -> Place:
        if not carrier.at_boundary or not self.from_app.between_frames:
            return Place.INSIDE
        if not self.from_app.between_messages:
            return Place.FRAME
        return Place.PAUSE if self.from_client.between_messages else Place.ANSWER
