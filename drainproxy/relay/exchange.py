"""One HTTP/1 exchange at a time: where it stands, how it is booked, and how it ends.

Two small states tell where a connection stands: what is expected of the client, and what of the
app. An exchange ends when both messages have ended.
"""

from math import inf

from drainproxy.drain.goodbye import DEADLINE, IDLE, MAX_AGE, SIGNAL
from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED, GOODBYE
from drainproxy.relay.goodbye.events import EventBody
from drainproxy.relay.hub import NOT_HTTP, Access, Hub, Route
from drainproxy.relay.pair import LINGER, Pair
from drainproxy.relay.turns import HELD_IS_FULL
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import UNTIL_CLOSE, AnotherProtocol, Request, Response
from drainproxy.wire.logged import NO_FACTS, Facts, of_head
from drainproxy.wire.rewrite import answer

# What is expected of the client: a head, a body, nothing until the answer is out, nothing any more.
HEAD, BODY, SENT, LINGERING = range(4)
# What is expected of the app: nothing, a head, a body, nothing more for this request.
NOTHING, ANSWER_HEAD, ANSWER_BODY, ANSWERED = range(4)

# A head of so many bytes is remembered. What stands for one that is not.
LONGEST_REMEMBERED = 2048
_FORGOTTEN = Request(b"", b"", b"", 1)

# What is said to a request that we end before the app has answered.
_OVER = {
    **dict.fromkeys((DEADLINE, SIGNAL), "the time to drain is over"),
    MAX_AGE: "the connection has reached its age",
}


class Exchange(Pair):
    """The state of an HTTP/1 connection and its ends; its two halves are the subclasses."""

    __slots__ = (
        "answered",
        "answered_head",
        "answered_length",
        "answered_scan",
        "answers",
        "asked",
        "asks",
        "begun",
        "client_ip",
        "closing",
        "continued",
        "events",
        "flushing",
        "forwarded",
        "held",
        "interim",
        "outbox",
        "partial",
        "received",
        "replay",
        "request",
        "request_left",
        "request_scan",
        "sent_head",
        "status",
    )

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route, "http1")
        self.asks = HEAD
        self.answers = NOTHING
        self.request: Request | None = None
        # The body that is being sent: its bytes left, or a scanner.
        self.request_left = 0
        self.request_scan: ChunkedBody | None = None
        # The body that is being answered: its bytes left (or UNTIL_CLOSE), or a scanner.
        self.answered_length = 0
        self.answered_scan: AnswerBody | None = None
        self.status = 0
        self.begun = False
        self.interim = 0
        # Bytes of the answer, for the access log.
        self.received = 0
        # From the client, not forwarded yet: a part of a head, or what was sent ahead.
        self.held = b""
        # From the app, a part of a head.
        self.partial = b""
        # For the app, while we connect to it.
        self.outbox: tuple[bytes, ...] = ()
        # The last request, and its head as the app got it: clients that poll repeat themselves to
        # the letter, and what is the same needs no second reading. The same for the last answer.
        # What is long is forgotten, since a connection may be idle for an hour.
        self.asked: Request | None = None
        self.sent_head = b""
        self.answered: Response | None = None
        self.answered_head = b""
        # The request went out on a kept connection, so it may be sent once more.
        self.replay = False
        self.closing = False
        # An event stream that can be told to end.
        self.events: EventBody | None = None
        # The app has asked for the body that the client holds back (100 Continue).
        self.continued = False
        self.flushing = False
        self.client_ip = self.forwarded = b""

    @property
    def path(self) -> str:
        """The request target."""
        return self.request.target.decode("ascii") if self.request is not None else ""

    @property
    def facts(self) -> Facts:
        """What the request's fields tell the log."""
        return of_head(self.request.head) if self.request is not None else NO_FACTS

    @property
    def since(self) -> float:
        """An event stream has an age of its own."""
        return self.connected_at if self.kind == "http1" else self.opened

    def try_again(self) -> None:
        """The app may be back."""
        raise NotImplementedError

    def read_ahead(self, data: bytes) -> None:
        """Go on with what the client has sent ahead of the answer."""
        raise NotImplementedError

    # The ends of an exchange

    def _exchange_ended(self, ending: int = FINISHED) -> None:
        """Both messages are through; go on with what the client has sent ahead."""
        self._end_exchange(ending)
        self.asks = HEAD
        if self.held:
            data, self.held = self.held, b""
            self.start_client(HELD_IS_FULL)
            self.read_ahead(data)
        if self.client_ended and self.asks != SENT:
            # It asks no more, or what it has begun to ask can never be whole.
            self._end_exchange(CLIENT_LEFT)
            self._farewell()

    def _last_exchange_ended(self) -> None:
        """Leaving, the last answer counts as finished once it is out of our hands."""
        self.drop_app()
        if self.hub.leaving:
            self.flushing = True
            self.client.set_write_buffer_limits(high=0)
            if self.client.get_write_buffer_size():
                return
            self.flushing = False
        self._end_exchange(FINISHED)
        self._farewell()

    def _end_exchange(self, ending: int) -> None:
        """Close the books of the exchange in flight, if there is one."""
        if self.answers == NOTHING:
            return
        if self.status:
            self.counters.answered((self,), self.hub.now())
            self.begun = False
        if self.hub.access_log is not None:
            self._log_access()
        if ending == GOODBYE:
            self.hub.deliveries.begin(self, self, self.why)
        else:
            self.hub.ledger.close(self, ending, self.why or DEADLINE)
        if self.kind != "http1":
            self.kind = "http1"
            self.events = None
            if not self.retired_by:
                self.count_age()
        self.answers = NOTHING
        self.request = None
        self.status = 0
        if len(self.sent_head) > LONGEST_REMEMBERED:
            self.asked, self.sent_head = _FORGOTTEN, b""

    def _log_access(self) -> None:
        hub, request = self.hub, self.request
        assert hub.access_log is not None
        assert request is not None
        method, seconds = request.method.decode("ascii"), hub.now() - self.opened
        kind, peer, received = self.kind, self.peer, self.received
        path, status, facts = self.path, self.status, self.facts
        hub.access_log(Access(kind, peer, method, path, status, seconds, received, facts))

    def _linger_after_early_answer(self) -> None:
        """The answer is out, the request's body is not wanted any more."""
        self._end_exchange(FINISHED)
        self._farewell()

    # The ends of the connection

    def _app_failed(self, status: int, reason: str) -> None:
        """502, 503 or 504 if nothing of an answer went out, else an end that the client can see."""
        if self.answers == ANSWER_HEAD:
            self._say(status, reason, "app", retry=status != 504, ending=APP_LEFT)
            return
        until_close = self.answered_length == UNTIL_CLOSE
        self.hub.refusal("app", self.peer, f"its answer breaks off: {reason}", self.facts)
        self._end_exchange(APP_LEFT)
        self._break_off(reset=until_close)

    def _break_off(self, *, reset: bool) -> None:
        """End so that the client can tell: a body that ends with the connection needs a reset."""
        self.drop_app()
        self.asks = LINGERING
        if reset:
            self.hub.reset(self.client)
        else:
            self.client.close()

    def _refuse(self, refused: Refused) -> None:
        """A bad request: its 4xx; one that broke while the answer was going out just ends."""
        self.counters.rejected["malformed"] += 1
        if isinstance(refused, AnotherProtocol):
            self.hub.hint(NOT_HTTP, self.route)
        if self.answers in (NOTHING, ANSWER_HEAD):
            self._say(refused.status, refused.reason, "malformed")
        elif self.answers == ANSWERED:
            self._linger_after_early_answer()
        else:
            self._end_exchange(CLIENT_LEFT)
            self._break_off(reset=True)

    def _say(
        self, status: int, reason: str, why: str, *, retry: bool = False, ending: int = FINISHED
    ) -> None:
        """Give an answer of our own, the last one on this connection; `why` as it is counted."""
        with_body = self.request is None or self.request.method != b"HEAD"
        after = self.hub.retry_after() if retry else None
        if self not in self.hub.refused:
            # Of who is over max-connections that is said already.
            self.hub.refusal(why, self.peer, f"{status} {reason}", self.facts)
        self.client.write(answer(status, reason, body=with_body, retry_after=after))
        self.status = status
        if self.answers == NOTHING:
            self.counters.codes["http1"][status] += 1
            if self.hub.access_log is not None:
                path = self.path or "-"
                self.hub.access_log(
                    Access(self.kind, self.peer, "-", path, status, 0.0, 0, self.facts)
                )
        else:
            self._end_exchange(ending)
        self._farewell()

    def _farewell(self) -> None:
        """Nothing follows: half-close, and read on a while (RFC 9112 9.6)."""
        self.drop_app()
        self.asks = LINGERING
        self.held = b""
        self.start_client(HELD_IS_FULL)
        if self.client.is_closing():
            return
        if self.client_ended:
            self.client.close()
        else:
            self.client.write_eof()
            self.deadline = self.hub.now() + LINGER

    def awaited(self, since: float) -> bool:
        """The client may ask again: it has not heard that it should not."""
        used = since < inf and (self.active or self.idle_since > since)
        return self.asks == HEAD and (bool(self.held) or used)

    def close_if_unused(self) -> None:
        """Close a connection on which nothing is asked."""
        if self.asks == HEAD and not self.held:
            self.client.close()

    def outlived(self) -> None:
        """Cut what is in flight; where nothing is, nothing is cut."""
        if self.answers != NOTHING:
            self.abort(MAX_AGE)
        else:
            self.close_if_unused()

    def abort(self, why: str) -> None:
        """End now, so that the client can tell an unfinished answer from a whole one."""
        self.why = why
        if self.answers == ANSWER_HEAD and why in _OVER and not self.client.is_closing():
            # As on a stream of HTTP/2: to hear nothing is no answer (RFC 9110 15.6.4).
            self._say(503, _OVER[why], why, retry=True, ending=CUT)
            return
        unfinished = self.answers == ANSWER_BODY and self.answered_length == UNTIL_CLOSE
        self._end_exchange(CUT)
        self._break_off(reset=unfinished)

    def expired(self) -> None:
        """header-timeout, request-timeout, a pause or the lingering is over."""
        self.deadline = inf
        if self.answers == ANSWER_HEAD and self.app_side is None:
            self.try_again()
        elif self.answers == ANSWER_HEAD:
            self._app_failed(504, "the app did not answer in time")
        elif self.asks == HEAD and self.held:
            self.counters.rejected["header-timeout"] += 1
            self._say(408, "the request's head did not end in time", "header-timeout")
        elif self.asks == LINGERING and self.client.get_write_buffer_size():
            # The last answer is still being taken; idle-timeout ends who takes nothing.
            self.deadline = self.hub.now() + LINGER
        else:
            self.client.abort()

    def idled(self) -> None:
        """Nothing has moved for idle-timeout: the app is at fault if it owes an answer."""
        if self.answers == ANSWER_HEAD and self.asks == SENT:
            self._app_failed(504, "the app did not answer in time")
        else:
            self.abort(IDLE)
            if self.client.get_write_buffer_size():
                # It takes nothing: the close would wait for ever.
                self.hub.reset(self.client)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: whatever was in flight has nobody to go to."""
        self._end_exchange(CLIENT_LEFT)
        self.drop_app()

    def resume_writing(self) -> None:
        """The client reads again; or the last answer is in its hands."""
        super().resume_writing()
        if self.flushing:
            self.flushing = False
            self._end_exchange(FINISHED)
            self._farewell()
