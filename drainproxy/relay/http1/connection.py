"""The session of an HTTP/1 connection: forwards requests to the app and answers to the client. One
request at a time goes to the app; pipelined ones wait."""

from math import inf

from drainproxy.drain.ledger import CLIENT_LEFT, FINISHED
from drainproxy.relay.http1.body import CountedBody
from drainproxy.relay.http1.endless import EndlessAnswer
from drainproxy.relay.http1.events import EventAnswer
from drainproxy.relay.http1.exchange import Exchange
from drainproxy.relay.http1.heads import SpeaksHttp2
from drainproxy.relay.http1.state import (
    ANSWER_BODY,
    ANSWER_HEAD,
    ANSWERED,
    BODY,
    HEAD,
    NO_ANSWER,
    SENT,
)
from drainproxy.relay.http1.to_http2 import go_on_as_http2
from drainproxy.relay.small_reads import SIZE
from drainproxy.relay.tcp import Tcp
from drainproxy.relay.turns import HELD_IS_FULL, LARGE_READ
from drainproxy.relay.websocket import WebSocket
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.chunked_answer import AnswerBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import CHUNKED, UNTIL_CLOSE, Request, Response, switched_to
from drainproxy.wire.rewrite import close_after

# At most so many interim answers of an app are read at once; the rest waits for the next turn.
_INTERIM_AT_ONCE = 32


class Http1Connection(Exchange):
    """One client connection that speaks HTTP/1."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if (size := len(data)) >= LARGE_READ and self.client_must_wait(data):
            return
        self.context.counters.bytes_from_clients += size
        self.active = True
        state = self.request_state
        if state is HEAD:
            if self.heads.held:
                data = self.heads.held + data
                self.heads.held = b""
            self._read_head(data)
        elif state is BODY:
            self._read_body(data)
        elif state is SENT:
            self._hold(data)

    def _read_head(self, data: bytes) -> None:
        heads = self.heads
        asked = heads.asked
        if asked is not None and data == asked.head:
            # The same head as last time, as of clients that poll: skip parsing.
            self._ask(asked, heads.sent, b"")
            return
        try:
            found = heads.read_request(data, self.context.limits)
        except SpeaksHttp2 as preface:
            go_on_as_http2(self, preface.data)
        except Refused as refused:
            self._refuse(refused, data)
        else:
            if found is not None:
                self._ask(found[0], heads.sent, found[1])
            else:
                self._expect_head()

    def _ask(self, request: Request, head: bytes, rest: bytes) -> None:
        """Forward the request as `head`; `rest`, the bytes behind it, is its body or waits."""
        context = self.context
        self.request = request
        late = request.upgrade and context.latecomers.refuses(self.connected_at)
        if late and request.may_be_websocket:
            self.context.counters.rejected["leaving"] += 1
            self._say(503, "leaving: no new upgrades here", "leaving", retry=True)
            return
        self.opened, self.deadline = context.now(), inf
        context.ledger.open(self)
        self.answer_state = ANSWER_HEAD
        self.heads.interim, self.received = False, 0
        if request.length:
            self._ask_with_body(request, head, rest)
            return
        self.request_state = SENT
        if context.limits.request_timeout:
            self._expect_answer()
        if rest:
            self._hold(rest)
        # RFC 9112 9.3.1: the app may have been closing a kept connection, but not a new one.
        app = self.app
        self.replay = app is not None
        if app is not None:
            app.write(head)
        else:
            self.reach_app(head)

    def _ask_with_body(self, request: Request, head: bytes, rest: bytes) -> None:
        self.request_state = BODY
        self.replay = self.heads.continued = False
        length = request.length
        if length == CHUNKED or length > SIZE:
            self.expect_much_of_client()
        if self.app is not None:
            self.app.write(head)
        else:
            self.reach_app(head)
        if 0 < length <= len(rest):
            # The whole body is here: no parser is needed.
            self._to_app(rest[:length])
            self._request_ended(rest[length:])
        else:
            self.request_body = ChunkedBody() if length == CHUNKED else CountedBody(length)
            if rest:
                self._read_body(rest)

    def _read_body(self, data: bytes) -> None:
        body = self.request_body
        assert body is not None
        try:
            end = body.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if body.stopped:
            self.client_in_next_turn(data[body.stopped :])
            data = data[: body.stopped]
        if end < 0:
            self._to_app(data)
            return
        self._to_app(data[:end])
        self.request_body = None
        self._request_ended(data[end:])

    def _request_ended(self, rest: bytes) -> None:
        self.request_state = SENT
        if rest:
            self._hold(rest)
        if self.answer_state is ANSWERED:
            self._exchange_ended()
        elif self.answer_state is ANSWER_HEAD and self.context.limits.request_timeout:
            self._expect_answer()

    def _to_app(self, data: bytes) -> None:
        if self.app is not None:
            self.app.write(data)
        else:
            self.hold_for_app(data)

    def eof_received(self) -> bool:
        """The client has ended its side; if its request is complete it still gets the answer."""
        self.client_ended = True
        if self.request_state is not SENT and not self.client_rest:
            self._client_left()
        return True

    def _next_client_turn(self) -> None:
        """Read on from the client; its end counts once nothing waits any more."""
        super()._next_client_turn()
        if self.client_ended and self.request_state is not SENT and not self.client_rest:
            self._client_left()

    def _client_left(self) -> None:
        self._end_exchange(CLIENT_LEFT)
        self.drop_app()
        self.client.close()

    # The app's answers

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if (size := len(data)) >= LARGE_READ and self.app_must_wait(data):
            return
        self.context.counters.bytes_from_app += size
        self.active = True
        self.received += size
        state = self.answer_state
        if state is ANSWER_HEAD:
            self._read_answer_head(data)
        elif state is ANSWER_BODY:
            self._read_answer_body(data, 0)
        else:
            # Bytes without a request must never be taken for the answer to the next one.
            self.drop_app()
            if state is ANSWERED:
                self._linger_after_early_answer()

    def _read_answer_head(self, data: bytes) -> None:
        """Read an answer's head; any number of interim answers may precede it (RFC 9110 15.2)."""
        request, heads = self.request, self.heads
        assert request is not None
        known = heads.answered
        if known is not None and data.startswith(heads.answered_head) and request.method != b"HEAD":
            # The same head as last time: skip parsing, and what only other answers need.
            self._answer(known, data, len(heads.answered_head))
            return
        for _ in range(_INTERIM_AT_ONCE):
            try:
                found = heads.read_answer(data, request, self.context.limits)
            except Refused as refused:
                self._app_failed(502, "the app's answer is broken: " + refused.reason)
                return
            if found is None:
                return
            response, data, end = found
            if response.status >= 200:
                self._answer(response, data, end)
                return
            if response.status == 101:
                self._switch(response, data, end)
                return
            heads.interim_passed(response.status)
            if request.minor:  # HTTP/1.0 has none.
                self.client.write(data[:end])
            data = data[end:]
            if not data:
                return
        self._read_later(data)

    def _answer(self, response: Response, data: bytes, end: int) -> None:
        """Forward the final answer: `data` begins with its head, which ends at `end`."""
        request, context = self.request, self.context
        assert request is not None
        self.deadline, self.status = inf, response.status
        self.closing = request.closes or response.closes or not (request.minor or response.keeps)
        why = self._goodbye() if context.leaving or self.age.goodbye_why else ""
        if why or (self.request_state is BODY and self._body_in_doubt()):
            if why:
                context.counters.goodbyes["http1", why] += 1
            self.closing = True
            head = close_after(data[:end])
            data, end = head + data[end:], len(head)
        self.answer_state = ANSWER_BODY
        self.answer_length = length = response.length
        if length >= 0:
            if len(data) - end == length:
                self.client.write(data)
                if self.closing or self.request_state is not SENT:
                    self._answer_ended()
                else:
                    self._exchange_ended()
                return
        else:
            if length == CHUNKED:
                self.answer_body = AnswerBody()
            if response.event_stream:
                self._answer_with_events(response)
            elif context.limits.stream_drain:
                self.endless = EndlessAnswer(self, data[:end])
                self.endless.begin()
            self.heads.release(request)
        self._read_answer_body(data, end)
        if self.answer_state is ANSWER_BODY:
            self.context.counters.answer_begun(self, context.now())

    def _answer_with_events(self, response: Response) -> None:
        """Track an event stream that answers GET: an EventSource reconnects by itself with a GET
        (WHATWG HTML 9.2.2). One that answers another method is never asked to end."""
        assert self.request is not None
        self.kind = "sse"
        if not self.age.goodbye_why:
            self.count_age()
        if self.request.method == b"GET" and not response.encoded:
            self.events = EventAnswer.to(self, self.request, self.answer_body)
            self.events.begin()

    # Hot: called for each piece of an answer.
    def _read_answer_body(self, data: bytes, start: int) -> None:  # noqa: C901
        """Forward `data`, in which the body goes on at `start`."""
        scan = self.answer_body
        if scan is not None:
            if self.events is not None:
                # Each chunk has to be known only while a goodbye waits for the end of an event.
                scan.every = self.events.waits
            try:
                end = scan.feed(data, start)
            except Refused as refused:
                if start:
                    # The head is in `data` too: nothing of the answer went out.
                    self.answer_state = ANSWER_HEAD
                self._app_failed(502, "the app's answer is broken: " + refused.reason)
                return
            if scan.stopped:
                self._read_later(data[scan.stopped :])
                data = data[: scan.stopped]
            if scan.edits:
                data, end = scan.mended(data, end)
            if end >= 0:
                self.answer_body = None
        else:
            end = self._count_answer_body(data, start)
        if end < 0:
            if self.events is not None:
                self.events.pass_on(data, start)
            else:
                self.client.write(data)
            return
        if end == len(data):
            self.client.write(data)
        else:
            # More bytes than announced: what follows on the app's connection is no answer.
            self.client.write(data[:end])
            self.drop_app()
        self._answer_ended()

    def finish_answer(self, ending: int) -> None:
        """A goodbye has ended a long answer as a complete one: drop the app's connection. The
        answer to the next request on this connection has `Connection: close`."""
        chunked = self.answer_length == CHUNKED
        lasts = chunked and not self.closing and self.request_state is SENT
        self.answer_body = None
        self.drop_app()
        if lasts:
            self._exchange_ended(ending)
        else:
            self._end_exchange(ending)
            self._close_lingering()

    def _count_answer_body(self, data: bytes, start: int) -> int:
        left = self.answer_length
        if left == UNTIL_CLOSE:
            return -1
        more = len(data) - start
        if more < left:
            self.answer_length = left - more
            return -1
        return start + left

    def _answer_ended(self) -> None:
        if self.request_state is SENT:
            if self.closing:
                self._last_exchange_ended()
            else:
                self._exchange_ended()
            return
        self.answer_state = ANSWERED
        if not self.begun:
            self.context.counters.answer_begun(self, self.context.now())
        if self.closing:
            self._linger_after_early_answer()

    def app_eof(self) -> bool:
        """The app has closed its side; between two requests the client does not notice."""
        if self.answer_state is NO_ANSWER:
            self.drop_app()
        elif self.answer_state is ANSWER_BODY and self.answer_length == UNTIL_CLOSE:
            self.drop_app()
            self._answer_ended()
        else:
            self.app_lost(None)
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        self.drop_app()
        if self.answer_state is ANSWER_HEAD and self._may_replay():
            self.replay = False
            self.reach_app(self.heads.sent)
        elif self.answer_state is ANSWERED:
            self._linger_after_early_answer()
        elif self.answer_state is not NO_ANSWER:
            self._app_died()

    def _switch(self, response: Response, data: bytes, end: int) -> None:
        """101: hand both connections over to a session of the protocol that was asked for."""
        request = self.request
        assert request is not None
        protocol = switched_to(request, response)
        if not protocol:
            self._app_failed(502, "the app switched protocols without being asked")
            return
        kind = WebSocket if protocol == b"websocket" else Tcp
        upgraded = kind(self.context, self.route, path=self.path, facts=self.facts)
        self.client.write(data[:end])
        self.status = 101
        self._end_exchange(FINISHED)
        upgraded.go_on(self, data[end:], self.heads.held)

    def _exchange_ended(self, ending: int = FINISHED) -> None:
        """Both messages have passed; go on with a pipelined request."""
        self._end_exchange(ending)
        self.request_state = HEAD
        if self.heads.held:
            data, self.heads.held = self.heads.held, b""
            self.start_client(HELD_IS_FULL)
            self._read_head(data)
        if self.client_ended and self.request_state is not SENT and not self.client_rest:
            # The client sends no more, so a request that has begun stays incomplete.
            self._end_exchange(CLIENT_LEFT)
            self._close_lingering()
