"""One HTTP/1 exchange at a time: its state, how it is booked, and how it ends."""

from math import inf

from drainproxy.drain.goodbye import DEADLINE, DRAIN, IDLE, MAX_AGE
from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED, GOODBYE
from drainproxy.relay.context import NOT_HTTP, Access, Context
from drainproxy.relay.goodbye.requests import APP_IS_LATE, app_owes, overdue_answer, why_last
from drainproxy.relay.http1.body import CountedBody
from drainproxy.relay.http1.endless import EndlessAnswer
from drainproxy.relay.http1.events import EventAnswer
from drainproxy.relay.http1.heads import LONGEST_REMEMBERED, Heads
from drainproxy.relay.http1.state import (
    ANSWER_BODY,
    ANSWER_HEAD,
    ANSWERED,
    FLUSHING,
    HEAD,
    LINGERING,
    NO_ANSWER,
    SENT,
    AnswerState,
    RequestState,
)
from drainproxy.relay.route import Route
from drainproxy.relay.session import LINGER, MOST_HELD, Session
from drainproxy.relay.turns import APP_IS_FULL, HELD_IS_FULL
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import UNTIL_CLOSE, AnotherProtocol, Request
from drainproxy.wire.logged import Facts, of_head
from drainproxy.wire.rewrite import END_OF_HEAD, answer


class Exchange(Session):
    """The state of an HTTP/1 connection, and how its exchange and the connection end.

    `closing`: the connection ends with this answer. `replay`: the request went out on a kept
    connection, so it may be sent once more. `status` and `begun` are for the counters, `received`,
    bytes of the answer, for the access log. `events`, `endless`: carry a long answer's goodbye.
    """

    __slots__ = (
        "answer_body",
        "answer_length",
        "answer_state",
        "begun",
        "closing",
        "endless",
        "events",
        "heads",
        "received",
        "replay",
        "request",
        "request_body",
        "request_state",
        "status",
    )

    def __init__(self, context: Context, route: Route) -> None:
        super().__init__(context, route, "http1")
        self.request_state: RequestState = HEAD
        self.answer_state: AnswerState = NO_ANSWER
        self.heads = Heads()
        self.request: Request | None = None
        self.request_body: ChunkedBody | CountedBody | None = None
        # The answer's body: its bytes left (or UNTIL_CLOSE, CHUNKED), and the parser of its chunks.
        self.answer_length = 0
        self.answer_body: AnswerBody | None = None
        self.status = 0
        self.received = 0
        self.begun = self.replay = self.closing = False
        self.events: EventAnswer | None = None
        self.endless: EndlessAnswer | None = None

    @property
    def path(self) -> str:
        """The request target."""
        return self.request.target.decode("ascii") if self.request is not None else ""

    @property
    def media_type(self) -> bytes:
        """The media type of an endless answer under way; empty without one."""
        return self.endless.media_type if self.endless is not None else b""

    @property
    def _asks_for_events(self) -> bool:
        return self.request is not None and self.request.asks_for_events

    @property
    def facts(self) -> Facts:
        """The fields of the request, or of a head that was refused, that are logged."""
        return of_head(self.request.head if self.request is not None else self.heads.held)

    @property
    def since(self) -> float:
        """The moment from which the age counts: of an event stream, the head of its request."""
        return self.age.connected_at if self.kind == "http1" else self.opened

    def begin(self) -> None:
        """Start the header-timeout, which no byte of a head prolongs."""
        self.context.counters.connections["http1"] += 1
        self.count_age()
        self.deadline = self.opened + self.context.limits.header_timeout
        if self.context.limits.forwarded:
            self.heads.forward_address(self.peername)

    def over_limit(self) -> None:
        """Answer 503 in place of the app."""
        self._say(503, "too many connections", "max-connections", retry=True)

    def refuse(self, refused: Refused) -> None:
        """Answer a bad request that another session has read."""
        self._refuse(refused)

    # The goodbye

    def say_goodbye(self, why: str) -> None:
        """Ask a long answer to end. A plain one is left alone: its head has `Connection: close`."""
        if self.events is not None:
            self.events.say(why)
        elif self.endless is not None:
            self.endless.say(why)

    def cancel_goodbye(self) -> None:
        """Cancel the pending goodbye of a long answer, unless an age asks for it too."""
        if self.events is not None:
            self.events.cancel()
        elif self.endless is not None:
            self.endless.cancel()

    def say_last_goodbye(self, why: str) -> None:
        """End an event stream behind the event under way. Other answers go on until `abort`."""
        self.why = why
        if self.events is not None:
            self.events.hasten(why)

    def _goodbye(self) -> str:
        """The reason why this answer is the connection's last; empty if it is not."""
        drain = DRAIN if self.context.latecomers.tells_connection(self.age) else ""
        sent = self.request_state is SENT
        next_is_here = END_OF_HEAD in self.heads.held.lstrip(b"\r\n")
        return why_last(self.age.goodbye_why, drain, sent=sent, next_is_here=next_is_here)

    def _body_in_doubt(self) -> bool:
        """Whether 100 is awaited (RFC 9110 10.1.1): the body may not come, nor another request."""
        return (
            self.request is not None and self.request.expects_continue and not self.heads.continued
        )

    def _expect_head(self) -> None:
        """Set the deadline of an incomplete head: header-timeout once it has begun, idle-timeout
        while only empty lines have come, which some clients send behind a body (RFC 9112 2.2)."""
        limits, now = self.context.limits, self.context.now()
        if self.heads.begun:
            self.deadline = min(self.deadline, now + limits.header_timeout)
        elif self.deadline == inf:
            self.deadline = now + limits.idle_timeout

    def _expect_answer(self) -> None:
        self.deadline = self.context.now() + self.context.limits.request_timeout

    def _may_replay(self) -> bool:
        """Whether to send the request once more: it went out on a kept connection, is replayable,
        and nothing of its answer has come."""
        untouched = self.replay and not self.heads.answer_begun
        return bool(untouched and self.request is not None and self.request.replayable)

    def _hold(self, data: bytes) -> None:
        self.heads.held += data
        if len(self.heads.held) >= MOST_HELD:
            self.stop_client(HELD_IS_FULL)

    def _read_later(self, rest: bytes) -> None:
        """Defer the rest of the app's bytes to the next turn, when it is counted."""
        self.received -= len(rest)
        self.app_in_next_turn(rest)

    # The ends of an exchange

    def _last_exchange_ended(self) -> None:
        """End the connection; while leaving only once our write buffer is empty."""
        self.drop_app()
        if self.context.leaving:
            self.answer_state = FLUSHING
            self.client.set_write_buffer_limits(high=0)
            if self.client.get_write_buffer_size():
                return
        self._end_exchange(FINISHED)
        self._close_lingering()

    def _end_exchange(self, ending: int) -> None:
        """Close the books of the exchange in flight, if there is one."""
        if self.answer_state is NO_ANSWER:
            return
        context = self.context
        if self.answer_state is ANSWERED:
            # The answer is complete: only the rest of the request's body is lost.
            ending = FINISHED
        if self.status:
            context.counters.answered(self, context.now())
            self.begun = False
        if context.access_log is not None:
            self._log_access()
        if ending == GOODBYE:
            context.deliveries.begin(self, self, self.why)
        else:
            context.ledger.close(self, ending, self.why or DEADLINE)
        if self.kind != "http1":
            self.kind = "http1"
            self.events = None
            if not self.age.goodbye_why:
                self.count_age()
        self.answer_state = NO_ANSWER
        self.request = self.endless = None
        self.status = 0
        if len(self.heads.sent) > LONGEST_REMEMBERED:
            self.heads.forget_request()

    def _log_access(self) -> None:
        context, request = self.context, self.request
        assert context.access_log is not None
        assert request is not None
        method, seconds = request.method.decode("ascii"), context.now() - self.opened
        kind, peer, received = self.kind, self.peer, self.received
        path, status, facts = self.path, self.status, self.facts
        context.access_log(Access(kind, peer, method, path, status, seconds, received, facts))

    def _linger_after_early_answer(self) -> None:
        """The answer is complete: drop the rest of the request's body."""
        self._end_exchange(FINISHED)
        self._close_lingering()

    # The ends of the connection

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        self.context.counters.app_connect_failures += 1
        self.upstream = None
        self.context.counters.rejected["app-away"] += 1
        self._app_failed(503, reason)

    def _app_failed(self, status: int, reason: str) -> None:
        """Answer 502, 503 or 504 if nothing of an answer was sent; else break it off visibly."""
        if self.answer_state is ANSWER_HEAD:
            self._say(status, reason, "app", retry=status != 504, ending=APP_LEFT)
            return
        until_close = self.answer_length == UNTIL_CLOSE
        self.context.refusal("app", self.peer, f"its answer breaks off: {reason}", self.facts)
        self._end_exchange(APP_LEFT)
        self._break_off(reset=until_close)

    def _app_died(self) -> None:
        """The app has died: an event stream ends without an error, since its client reconnects."""
        events = self.events
        if self.answer_state is ANSWER_BODY and events is not None and events.at_boundary:
            events.end_for_lost_app()
        elif self.answer_state is not ANSWER_HEAD or not self._asks_for_events:
            self._app_failed(502, "the app closed the connection before the end of its answer")
        elif self.context.now() - self.opened < self.context.limits.connect_timeout:
            # WHATWG HTML 9.2.3: an EventSource reconnects after a network error, after 502 never.
            self.context.refusal("app", self.peer, "ended: the app has not answered", self.facts)
            self._end_exchange(APP_LEFT)
            self._break_off(reset=False)
        else:
            self.context.counters.rejected["app-away"] += 1
            self._app_failed(503, "the app closed the connection without an answer")

    def _break_off(self, *, reset: bool) -> None:
        """Close both connections in the middle of an answer. `reset`: with RST, since a body that
        ends with the connection would look complete."""
        self.drop_app()
        self.request_state = LINGERING
        if reset:
            self.context.reset(self.client)
        else:
            self.client.close()

    def _refuse(self, refused: Refused, data: bytes = b"") -> None:
        """Answer a bad request, or the bad head in `data`, with 4xx; or break off its answer."""
        self.heads.hold_refused(data)
        self.context.counters.rejected["malformed"] += 1
        if isinstance(refused, AnotherProtocol):
            self.context.hint(NOT_HTTP, self.route)
        if self.answer_state in (NO_ANSWER, ANSWER_HEAD):
            self._say(refused.status, refused.reason, "malformed")
            return
        self.context.refusal("malformed", self.peer, f"ended: {refused.reason}", self.facts)
        if self.answer_state is ANSWERED:
            self._linger_after_early_answer()
        else:
            self._end_exchange(CLIENT_LEFT)
            self._break_off(reset=True)

    def _say(
        self, status: int, reason: str, why: str, *, retry: bool = False, ending: int = FINISHED
    ) -> None:
        """Send an answer of our own, the last one on this connection. `why`: the counted reason."""
        context, with_body = self.context, self.request is None or self.request.method != b"HEAD"
        after = context.retry_after() if retry else None
        if self not in context.registry.refused:
            # Clients over max-connections were logged when they were refused.
            context.refusal(why, self.peer, f"{status} {reason}", self.facts)
        self.client.write(answer(status, reason, body=with_body, retry_after=after))
        self.status = status
        if self.answer_state is NO_ANSWER:
            context.counters.codes["http1"][status] += 1
            if context.access_log is not None:
                path, facts = self.path or "-", self.facts
                context.access_log(Access(self.kind, self.peer, "-", path, status, 0.0, 0, facts))
        else:
            self._end_exchange(ending)
        self._close_lingering()

    def _close_lingering(self) -> None:
        """Half-close to the client, and read on for LINGER seconds (RFC 9112 9.6)."""
        self.drop_app()
        self.request_state = LINGERING
        self.heads.held = b""
        self.start_client(HELD_IS_FULL)
        if self.client_ended:
            self.client.close()
        elif not self.client.is_closing():
            self.client.write_eof()
            self.deadline = self.context.now() + LINGER

    def may_receive_request(self, since: float) -> bool:
        """Whether a request may come: its head has begun, or bytes have moved after `since`."""
        used = since < inf and (self.active or self.idle_since > since)
        return self.request_state is HEAD and (self.heads.begun or used)

    def close_if_unused(self) -> None:
        """Close a connection on which no request has begun."""
        if self.request_state is HEAD and not self.heads.begun:
            self.client.close()

    def on_grace_over(self) -> None:
        """Cut the exchange in flight; without one close the connection, which cuts nothing."""
        if self.answer_state is not NO_ANSWER:
            self.abort(MAX_AGE)
        else:
            self.close_if_unused()

    def abort(self, why: str) -> None:
        """End now: with an answer of ours if none has begun, else by breaking it off visibly."""
        self.why = why
        if self.answer_state is ANSWER_HEAD and not self.client.is_closing():
            status, reason = overdue_answer(why, owed=self._app_owes)
            self._say(status, reason, why, retry=status == 503, ending=CUT)
            return
        unfinished = self.answer_state is ANSWER_BODY and self.answer_length == UNTIL_CLOSE
        self._end_exchange(CUT)
        self._break_off(reset=unfinished)

    def on_deadline(self) -> None:
        """header-timeout, request-timeout, idle-timeout behind empty lines, or LINGER is over."""
        self.deadline = inf
        if self.answer_state is ANSWER_HEAD:
            self._app_failed(*APP_IS_LATE)
        elif self.request_state is HEAD and self.heads.begun:
            self.context.counters.rejected["header-timeout"] += 1
            self._say(408, "the request's head did not end in time", "header-timeout")
        elif self.request_state is LINGERING and self.client.get_write_buffer_size():
            # The client still takes the last answer; idle-timeout ends one that takes nothing.
            self.deadline = self.context.now() + LINGER
        else:
            self.client.abort()

    @property
    def _app_owes(self) -> bool:
        takes = not self.stops & APP_IS_FULL
        return app_owes(sent=self.request_state is SENT, takes=takes)

    def on_idle_timeout(self) -> None:
        """idle-timeout is over: an event stream gets its goodbye, an owed answer is 504."""
        if (events := self.events) is not None:
            self.say_last_goodbye(IDLE)
            if events.ended:
                return
        if self.answer_state is ANSWER_HEAD and self._app_owes:
            self._app_failed(*APP_IS_LATE)
        else:
            takes_nothing = self.client.get_write_buffer_size() > 0
            self.abort(IDLE)
            if takes_nothing:
                # A graceful close would wait for ever.
                self.context.reset(self.client)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: end the exchange and the app's connection."""
        self._end_exchange(CLIENT_LEFT)
        self.drop_app()

    def resume_writing(self) -> None:
        """The client reads again; while FLUSHING, our write buffer is empty."""
        super().resume_writing()
        if self.answer_state is FLUSHING:
            self._end_exchange(FINISHED)
            self._close_lingering()
