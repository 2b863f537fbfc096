"""The session of an HTTP/1 connection. Here is the app's half: answers, and switched protocols."""

import re
from math import inf

from drainproxy.drain.goodbye import DRAIN, IDLE
from drainproxy.drain.ledger import FINISHED
from drainproxy.relay.asking import Asking
from drainproxy.relay.exchange import (
    ANSWER_BODY,
    ANSWER_HEAD,
    ANSWERED,
    BODY,
    LONGEST_REMEMBERED,
    NOTHING,
    SENT,
)
from drainproxy.relay.goodbye.events import EventBody
from drainproxy.relay.tunnel import Tunnel, WebSocket
from drainproxy.relay.turns import LARGE_READ
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import CHUNKED, UNTIL_CLOSE, Response, parse_response
from drainproxy.wire.mend import doubtful, mended
from drainproxy.wire.rewrite import END_OF_HEAD, close_after

# The media type of event streams among those that are accepted (RFC 9110 12.5.1).
_ASKS_FOR_EVENTS = re.compile(rb"\r\naccept:[^\r\n]*text/event-stream", re.IGNORECASE)
# An app that goes on with interim answers for ever is broken.
_MOST_INTERIM = 32


class Http1(Asking):
    """One client connection that speaks HTTP/1, and the app's answers to it."""

    __slots__ = ()

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        self.counters.app_connect_failures += 1
        self.app_side = None
        self.counters.rejected["app-away"] += 1
        self._app_failed(503, reason)

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if len(data) >= LARGE_READ and self.app_must_wait(data):
            return
        self.counters.bytes_from_app += len(data)
        self.active = True
        self.received += len(data)
        answers = self.answers
        if answers == ANSWER_HEAD:
            if self.partial:
                data = self.partial + data
                self.partial = b""
            self._read_answer_head(data)
        elif answers == ANSWER_BODY:
            self._read_answer_body(data, 0)
        else:
            # Nobody asked for this: it must never become somebody's answer.
            self.drop_app()
            if answers == ANSWERED:
                self._linger_after_early_answer()

    def _read_answer_head(self, data: bytes) -> None:
        assert self.request is not None
        end = data.find(END_OF_HEAD) + 4
        head = data[:end]
        method = self.request.method
        if head == self.answered_head and self.answered is not None and method != b"HEAD":
            self._answer(self.answered, data, end)
            return
        limits = self.hub.limits
        if end == 3 and len(data) <= limits.max_header_bytes and not doubtful(data):
            self.partial = data
            return
        if end == 3 or end > limits.max_header_bytes:
            self._mend_answer_head(data)
            return
        try:
            response = parse_response(head, method, limits.max_fields)
        except Refused:
            self._mend_answer_head(data)
            return
        if response.status >= 200 and method != b"HEAD" and end <= LONGEST_REMEMBERED:
            self.answered, self.answered_head = response, head
        self._begin_answer(response, data, end)

    def _mend_answer_head(self, data: bytes) -> None:
        """A head that is not as it should be goes on as one that is, if everyone reads it alike."""
        assert self.request is not None
        limits = self.hub.limits
        try:
            head, end = mended(data)
            if (end or len(data)) > limits.max_header_bytes:
                raise Refused(502, f"its head is over {limits.max_header_bytes} bytes")
            if not end:
                self.partial = data
                return
            response = parse_response(head, self.request.method, limits.max_fields)
        except Refused as refused:
            self._app_failed(502, "the app's answer is broken: " + refused.reason)
            return
        self._begin_answer(response, head + data[end:], len(head))

    def _begin_answer(self, response: Response, data: bytes, end: int) -> None:
        """`data` begins with this head, up to `end`."""
        if response.status >= 200:
            self._answer(response, data, end)
        elif response.status == 101:
            self._switch(response, data, end)
        else:
            self._interim(response.status, data[:end], data[end:])

    def _interim(self, status: int, head: bytes, rest: bytes) -> None:
        """RFC 9110 15.2: any number may come before the answer; HTTP/1.0 has none."""
        assert self.request is not None
        self.interim += 1
        self.continued = self.continued or status == 100
        if self.interim > _MOST_INTERIM:
            self._app_failed(502, "the app's interim answers do not end")
            return
        if self.request.minor:
            self.client.write(head)
        if rest:
            self._read_answer_head(rest)

    def _answer(self, response: Response, data: bytes, end: int) -> None:
        """The final answer has begun: `data` holds its head up to `end`, and maybe more."""
        request, hub = self.request, self.hub
        assert request is not None
        self.deadline = inf
        self.status = response.status
        self.closing = request.closes or response.closes or not (request.minor or response.keeps)
        why = self._goodbye() if hub.leaving or self.retired_by else ""
        if why or (self.asks == BODY and self._body_in_doubt()):
            if why:
                self.counters.goodbyes["http1", why] += 1
            self.closing = True
            head = close_after(data[:end])
            data, end = head + data[end:], len(head)
        self.answers = ANSWER_BODY
        self.answered_length = length = response.length
        if length >= 0:
            if len(data) - end == length:
                self.client.write(data)
                self._answer_ended()
                return
        else:
            if length == CHUNKED:
                self.answered_scan = AnswerBody()
            if response.event_stream:
                self._answer_with_events(response)
        self._read_answer_body(data, end)
        if self.answers == ANSWER_BODY:
            self.counters.answer_begun(self, hub.now())

    def _answer_with_events(self, response: Response) -> None:
        """Whoever listens to events comes again by itself, with a GET (WHATWG HTML 9.2.2); what
        answers any other method is waited for, for nobody would ask for the rest of it."""
        assert self.request is not None
        self.kind = "sse"
        if not self.retired_by:
            self.count_age()
        if self.request.method == b"GET" and not response.encoded:
            self.events = EventBody(self.answered_scan)
            if self.hub.leaving and "sse" in self.hub.limits.ending:
                self.events.goodbye.say(DRAIN)
            elif self.retired_by:
                self.events.goodbye.say(self.retired_by)

    def _goodbye(self) -> str:
        """Why this answer is the last one; empty if the next request is here already, or if there
        is no hurry and the app may still want the rest of this one's body."""
        if END_OF_HEAD in self.held:
            return ""
        if self.retired_by and self.asks == SENT:
            return self.retired_by
        return DRAIN if self.hub.leaving else ""

    def _body_in_doubt(self) -> bool:
        """RFC 9110 10.1.1: whether a body that was not asked for still comes nobody can tell, so
        nothing may follow it."""
        return self.request is not None and self.request.expects_continue and not self.continued

    def _read_answer_body(self, data: bytes, start: int) -> None:
        """Forward `data`, in which the body goes on at `start`."""
        scan = self.answered_scan
        if scan is not None:
            if self.events is not None:
                # Where an event ends matters to those that are to end.
                scan.every = bool(self.events.goodbye.why)
            try:
                end = scan.feed(data, start)
            except Refused as refused:
                if start:
                    # The head is in `data` too: nothing of the answer went out.
                    self.answers = ANSWER_HEAD
                self._app_failed(502, "the app's answer is broken: " + refused.reason)
                return
            if scan.stopped:
                self.app_in_next_turn(data[scan.stopped :])
                data = data[: scan.stopped]
            if scan.edits:
                data, end = scan.mended(data, end)
            if end >= 0:
                self.answered_scan = None
        else:
            end = self._count_answer_body(data, start)
        if end < 0:
            if self.events is not None:
                self._pass_events(self.events, data, start)
            else:
                self.client.write(data)
            return
        if end == len(data):
            self.client.write(data)
        else:
            # More than it announced: the app's connection is out of step.
            self.client.write(data[:end])
            self.drop_app()
        self._answer_ended()

    def _pass_events(self, events: EventBody, data: bytes, start: int) -> None:
        """Forward, up to the place where the stream may end if it is to."""
        if events.goodbye.why:
            last = events.up_to_end(data, start)
            self.client.write(data if last is None else last)
            if last is not None:
                events.goodbye.end(self, self.hub.retry_milliseconds())
            else:
                self._poll_events()
        else:
            events.passed(data, start)
            self.client.write(data)

    def _poll_events(self) -> None:
        if self.events is not None:
            self.events.goodbye.poll(self, self.hub.retry_milliseconds())

    def say_goodbye(self, why: str) -> None:
        """An event stream ends after the event that is under way; others hear it in an answer."""
        if self.events is not None:
            self.events.goodbye.say(why)
            self._poll_events()

    def stay(self) -> None:
        """Take back what has not been said, unless it is due all the same."""
        if self.events is not None:
            self.events.goodbye.cancel(self.retired_by)

    def cut(self, why: str) -> None:
        """Event streams that were waited for hear it now."""
        self.why = why
        self.say_goodbye(why)

    def idled(self) -> None:
        """Nothing has moved for idle-timeout: so says an event stream that can be told."""
        can_be_told = self.events is not None
        if can_be_told:
            self.cut(IDLE)
        if not can_be_told or self.events is not None:
            super().idled()

    # What carries the goodbye of an event stream: the body of the answer

    @property
    def at_boundary(self) -> bool:
        """Between two chunks, if there are chunks."""
        return self.events is not None and self.events.at_boundary

    @property
    def room(self) -> float:
        """There is no flow control but that of TCP."""
        return inf

    @property
    def ended(self) -> bool:
        """The answer is out."""
        return self.answers != ANSWER_BODY

    def has_unread(self) -> bool:
        """Whether bytes of the app have arrived that this process was too busy to read."""
        return self.app is not None and self.hub.has_unread(self.app)

    def send(self, payload: bytes) -> None:
        """A chunk of ours, or plain bytes."""
        assert self.events is not None
        self.client.write(self.events.coded(payload))

    def told(self, why: str) -> None:
        """Count it."""
        self.counters.goodbyes["sse", why] += 1

    def finish(self, ending: int) -> None:
        """End the answer as a whole one; the app need not go on. The next request on this
        connection, if there is one, hears `Connection: close`."""
        assert self.events is not None
        self.client.write(self.events.end)
        lasts = not self.closing and self.answered_length == CHUNKED and self.asks == SENT
        self.answered_scan = None
        self.drop_app()
        if lasts:
            self._exchange_ended(ending)
        else:
            self._end_exchange(ending)
            self._farewell()

    def _count_answer_body(self, data: bytes, start: int) -> int:
        left = self.answered_length
        if left == UNTIL_CLOSE:
            return -1
        more = len(data) - start
        if more < left:
            self.answered_length = left - more
            return -1
        return start + left

    def _answer_ended(self) -> None:
        if self.asks == SENT:
            if self.closing:
                self._last_exchange_ended()
            else:
                self._exchange_ended()
            return
        self.answers = ANSWERED
        if not self.begun:
            self.counters.answer_begun(self, self.hub.now())
        if self.closing:
            self._linger_after_early_answer()

    def app_eof(self) -> bool:
        """The app has closed; between two requests that costs the client nothing."""
        if self.answers == NOTHING:
            self.drop_app()
        elif self.answers == ANSWER_BODY and self.answered_length == UNTIL_CLOSE:
            self.drop_app()
            self._answer_ended()
        else:
            self.app_lost(None)
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        self.drop_app()
        if self.answers == ANSWER_HEAD and self._may_wait():
            self._wait_for_app()
        elif self.answers == ANSWER_HEAD and self._may_replay():
            self.replay = False
            self._send_on_connection(self.sent_head)
        elif self.answers == ANSWERED:
            self._linger_after_early_answer()
        elif self.answers != NOTHING:
            self._app_died()

    def _app_died(self) -> None:
        """Whoever listens to events comes again by itself at an end of the stream."""
        events = self.events
        if self.answers == ANSWER_BODY and events is not None and events.at_boundary:
            events.goodbye.speak_for_app(self, self.hub.retry_milliseconds())
        else:
            self._app_failed(502, "the app closed the connection before the end of its answer")

    def _may_replay(self) -> bool:
        """Once, if the app's connection was kept from an exchange before, nothing of an answer came
        and nothing is lost with the first try."""
        untouched = self.replay and not self.partial and not self.interim
        return bool(untouched and self.request is not None and self.request.replayable)

    def _may_wait(self) -> bool:
        """Whether whoever asks for events waits until an app is back that has closed without a
        word: an EventSource gives up for ever on any answer but a 200 (WHATWG HTML 9.2.3)."""
        request = self.request
        if request is None or request.method != b"GET" or self.partial or self.interim:
            return False
        return not request.length and bool(_ASKS_FOR_EVENTS.search(request.head))

    def _wait_for_app(self) -> None:
        """Try again at the next sweep; not longer than an app has to accept."""
        if self.hub.now() - self.opened < self.hub.limits.connect_timeout:
            self.deadline = self.hub.now()
        else:
            self.counters.rejected["app-away"] += 1
            self._app_failed(503, "the app closes connections without an answer")

    def _switch(self, response: Response, data: bytes, end: int) -> None:
        """101: the app speaks another protocol from here on, if that is what was asked for."""
        request = self.request
        assert request is not None
        if not request.upgrade or not response.upgrades:
            self._app_failed(502, "the app switched protocols without being asked")
            return
        kind = WebSocket if request.upgrade == b"websocket" else Tunnel
        tunnel = kind(self.hub, self.route, self.path)
        self.client.write(data[:end])
        self.status = 101
        self._end_exchange(FINISHED)
        tunnel.go_on(self, data[end:], self.held)
