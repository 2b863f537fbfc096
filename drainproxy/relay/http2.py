"""The session of an HTTP/2 connection: two directions of frames, and how they end.

Everything passes as it came, flow control included, so each side keeps the other's pace. What is
ours: GOAWAY and a PING to part from the client (RFC 9113 6.8), answers in place of an app that is
gone, and an end for whoever breaks the rules.
"""

from math import inf

from drainproxy.drain.goodbye import DRAIN, IDLE, MAX_AGE
from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT, FINISHED
from drainproxy.relay.farewells import Farewells
from drainproxy.relay.hub import Hub, Route, Sink
from drainproxy.relay.pair import LINGER, client_ip
from drainproxy.relay.parting import ASKED, DUE, TOLD
from drainproxy.relay.stream import Stream
from drainproxy.relay.turns import APP_IS_FULL, CLIENT_IS_FULL, CONNECTING, LARGE_READ
from drainproxy.wire import http2
from drainproxy.wire.http2 import NO_ERROR, Http2Error
from drainproxy.wire.sniff import HTTP2_PREFACE

# More, in bytes, than was on its way when a client was told to go.
_MOST_THROWN_AWAY = 16 << 20
# How often, in seconds, it is looked at who still sends the request that is to be answered.
_LOOK_AGAIN = 1.0

_OVER_BY_AGE = "the connection has reached its age"


class Http2(Farewells):
    """One client connection that speaks HTTP/2, and its app connection."""

    __slots__ = (
        *("_answer_due", "_head_due", "_left_behind", "_left_due", "_preface_left"),
        "_thrown_away",
    )

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route)
        self._preface_left = len(HTTP2_PREFACE)
        self._thrown_away = 0
        # The app's connection, after it was let go.
        self._left_behind: Sink | None = None
        # When the head that has begun must be whole, when the app must have begun its oldest
        # answer, and when a client that has said its last must have got all.
        self._head_due = self._answer_due = self._left_due = inf

    # Beginning

    def begin(self) -> None:
        """The preface is on its way, and the app will say its SETTINGS without being asked."""
        self.counters.connections["http2"] += 1
        if self.hub.limits.forwarded:
            self.client_ip = client_ip(self.peername).encode()
        self.count_age()
        self._head_due = self.opened + self.hub.limits.header_timeout
        self._set_deadline()
        self.expect_much_of_client()
        self.reach_app()
        if self.hub.leaving:
            self.say_goodbye(DRAIN)

    # Bytes

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if len(data) >= LARGE_READ and self.client_must_wait(data):
            return
        self.counters.bytes_from_clients += len(data)
        self.active = True
        if self.over:
            self._throw_away(data)
            return
        if self._preface_left:
            data = self._pass_preface(data)
        self.moment = moment = self.hub.now()
        requests = self.requests
        if moment >= requests.resets.mark_at:
            requests.count_begun()
        passed = requests.feed(data)
        if passed:
            self.write_app(passed)
        if self.finished:
            self.count_finished()
        if requests.rest:
            self.client_in_next_turn(requests.take_rest())
        if requests.unfinished or self._head_due < inf:
            self._watch_head(progress=bool(passed))
        if requests.error is not None or self.goodbye or self.pending:
            self._look_after()

    def _throw_away(self, data: bytes) -> None:
        """What still comes is no sign of life, and of one who goes on for ever it is too much."""
        self.active = False
        self._thrown_away += len(data)
        if self._thrown_away > _MOST_THROWN_AWAY:
            self.client.abort()

    def _pass_preface(self, data: bytes) -> bytes:
        """It was recognised before this session began, so it is here as a whole."""
        end, self._preface_left = self._preface_left, 0
        self.write_app(data[:end])
        return data[end:]

    def app_connected(self, transport: Sink) -> None:
        """The app has accepted: it gets what waited."""
        super().app_connected(transport)
        transport.write(b"".join(self._outbox))
        self._outbox = ()
        if self.client_ended:
            transport.write_eof()

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if len(data) >= LARGE_READ and self.app_must_wait(data):
            return
        self.counters.bytes_from_app += len(data)
        self.active = True
        answers = self.answers
        passed = answers.feed(data)
        if passed:
            self.client.write(passed)
        if answers.rest:
            self.app_in_next_turn(answers.take_rest())
        begun, finished = answers.started, self.finished
        if finished:
            self.count_finished()
        if begun:
            answers.started = []
            if begun != finished:
                self.count_begun(begun)
        if answers.error is not None:
            self._app_gone(502, "the app breaks the rules of HTTP/2: " + answers.error.reason)
        elif self.goodbye or self.pending or self.client_ended or self.requests.error is not None:
            self._look_after()

    # The ends

    def close_if_unused(self) -> None:
        """Part from a client that has no streams."""
        if not self.streams and not self.over:
            self.why = self.why or DRAIN
            self._part_now()

    def _part_now(self) -> None:
        if self.answers.begun:
            self._name_last()
            self._look_after()
        else:
            self._farewell()

    def _look_after(self) -> None:
        """Do what frames have led to, after they were passed on."""
        error = self.requests.error
        if self.over:
            return
        if error is not None:
            self._client_broke_rules(error)
            return
        if self.pending:
            self._poll_goodbyes()
        if self.goodbye == DUE:
            self._ask_if_awake()
        elif (self.goodbye == TOLD or self.client_ended) and not self._still_speaking():
            self._farewell()

    def _still_speaking(self) -> bool:
        return bool(self.streams) or (self.answers.begun and not self.answers.between_frames)

    def _client_broke_rules(self, error: Http2Error) -> None:
        self.counters.rejected[error.budget or "malformed"] += 1
        if not error.spent:
            self.hub.refusal(error.budget or "malformed", self.peer, error.reason)
        else:
            self.hub.notice(error.budget, self.peer, error.spent, "its connection is ended")
        last = min(self.requests.last, self.requests.passed)
        self._end_streams(CLIENT_LEFT)
        farewell = http2.goaway(last, error.code, error.reason.encode())
        self._close_with(self._own_preface() + farewell)

    def _app_gone(self, status: int, reason: str) -> None:
        """The app is there no more: whoever waits for it hears so."""
        if self.over:
            return
        self.end_told()
        if not self.streams and (self.going or not self.answers.begun):
            # All has been said; or nobody asked yet, and it is as if nobody had listened: clients
            # then come back slowly.
            self._farewell()
        else:
            self._speak_for_app(status, reason, http2.INTERNAL_ERROR, APP_LEFT)

    def _speak_for_app(self, status: int, reason: str, code: int, ending: int) -> None:
        """Last words on every stream, and on the connection, of which the app has no part."""
        if ending == APP_LEFT:
            self.hub.refusal("app", self.peer, f"{status} {reason} ({len(self.streams)} streams)")
            for tracked in list(self.tracked.values()):
                tracked.speak_for_app()
        words = self._own_preface() + b"".join(
            self.last_words(stream, status, reason, code) for stream in self.streams.values()
        )
        self._end_streams(ending)
        if not self.going:
            last = min(self.requests.last, self.requests.passed)
            words += http2.goaway(last, NO_ERROR, reason.encode())
        self._close_with(words)

    def _own_preface(self) -> bytes:
        """In place of the app's, if that has not come (3.4)."""
        if self.answers.begun:
            return b""
        acks = http2.settings(ack=True) * self.answers.unacknowledged
        return http2.settings() + acks

    def _end_streams(self, ending: int) -> None:
        for stream in list(self.streams.values()):
            self.end(stream, FINISHED if stream.app_done else ending)

    def _close_with(self, words: bytes) -> None:
        """Say the last of all; in the middle of the app's frame nothing can be said, and the
        client must not take what it got for the whole."""
        if self.answers.begun and not self.answers.between_frames:
            self.over = True
            self._drop_app_gently()
            self.hub.reset(self.client)
            return
        self.client.write(words)
        self._farewell()

    def _farewell(self) -> None:
        """Nothing follows: half-close, and read on a while, so that what the client still sends
        does not reset the connection before it has read the last."""
        self.over = True
        self._drop_app_gently()
        if self.client.is_closing():
            return
        if self.client_ended:
            self.client.close()
        else:
            self.client.write_eof()
            self.deadline = self.hub.now() + LINGER

    def _drop_app_gently(self) -> None:
        """What was written to it, such as the reset of a stream, still gets there, if the app takes
        it before the client's connection ends as well."""
        self._left_behind = self.leave_app()
        if self._left_behind is not None:
            self._left_behind.close()
        self.start_client(APP_IS_FULL | CLIENT_IS_FULL | CONNECTING)

    def cut(self, why: str) -> None:
        """The last word on every stream, and on the connection."""
        if self.over:
            return
        self.why = why
        reason = _OVER_BY_AGE if self.why == MAX_AGE else "the time to drain is over"
        if self.streams and not self.answers.begun:
            self._speak_for_app(503, reason, http2.CANCEL, CUT)
            return
        for stream in list(self.streams.values()):
            self.cut_stream(stream, why, reason)
        self._part_now()

    def abort(self, why: str) -> None:
        """End now."""
        self.cut(why)
        self._cut_all_but([], why)
        if not self.over:
            # The app is in the middle of a frame.
            self._close_with(b"")
        self.client.close()

    def _cut_all_but(self, spared: list[Stream], why: str) -> None:
        for stream in list(self.streams.values()):
            if stream not in spared:
                self.cancel(stream, CUT, why)
        self._look_after()

    def outlived(self) -> None:
        """The grace after its age is over; after a further one, last words that still wait for
        the end of the app's frame will not be said."""
        if self.goodbye == TOLD and not self.streams and not self.over:
            self.abort(MAX_AGE)
        else:
            self.cut(MAX_AGE)

    def idled(self) -> None:
        """Nothing has moved for idle-timeout."""
        self.why = self.why or IDLE
        if self.over:
            if self.client.get_write_buffer_size():
                # The client takes none of what is left for it.
                super().abort(IDLE)
        elif not self.streams:
            self._part_now()
        elif not self._in_handshake():
            self.cut(IDLE)
            if told := self._in_handshake():
                # Who has heard Close has as long to answer as after any other goodbye.
                self._cut_all_but(told, IDLE)
            else:
                self.abort(IDLE)

    def _in_handshake(self) -> list[Stream]:
        return [tracked.stream for tracked in self.pending.values() if tracked.said]

    # Deadlines

    def _set_deadline(self) -> None:
        self.deadline = min(
            *(self._ack_due, self._head_due, self._answer_due, self._left_due),
            *(self._looks_at, self._ages_due),
        )

    def _watch_head(self, *, progress: bool) -> None:
        """A frame or a header block that has begun must be whole within header-timeout; whoever
        makes progress has ended one and begun another."""
        if not self.requests.unfinished and self.requests.begun:
            self._head_due = inf
        elif progress or self._head_due == inf:
            self._head_due = self.hub.now() + self.hub.limits.header_timeout
        self._set_deadline()

    def expired(self) -> None:
        """One of the deadlines is over."""
        now = self.hub.now()
        if self.over:
            self._stop_lingering()
        elif self._head_due <= now and self.stops:
            # It is we who do not read on.
            self._head_due = now + self.hub.limits.header_timeout
            self._set_deadline()
        elif self._head_due <= now:
            self.requests.error = Http2Error(
                http2.ENHANCE_YOUR_CALM, "a frame did not end in time", "header-timeout"
            )
            self._look_after()
        elif self._left_due <= now:
            self._stop_answering()
        elif self._ages_due <= now:
            self._part_from_old_streams(now)
        elif self._looks_at <= now:
            self._look_after()
        elif self._ack_due <= now:
            if self.goodbye == ASKED:
                self._name_last()
            self._look_after()
        else:
            self._app_is_late(now)

    def expect_answer(self, opened: float) -> None:
        """An answer that must begin within request-timeout."""
        self._answer_due = min(self._answer_due, opened + self.hub.limits.request_timeout)
        self._set_deadline()

    def _app_is_late(self, now: float) -> None:
        """504 for each request that has been sent as a whole and waits too long for its answer."""
        timeout = self.hub.limits.request_timeout or inf
        waiting = [stream for stream in self.streams.values() if not stream.status]
        for stream in waiting:
            if stream.client_done and stream.opened + timeout <= now:
                self.fail_stream(stream, 504, "the app did not answer in time")
        left = [stream.opened for stream in waiting if stream.id in self.streams]
        # Whoever still sends is looked at again.
        self._answer_due = max(min(left, default=inf) + timeout, now + _LOOK_AGAIN)
        self._set_deadline()
        self._look_after()

    def _stop_answering(self) -> None:
        """A client that has said its last takes its answers, or it is gone."""
        now = self.hub.now()
        if self.active or self.has_delivered():
            self.idle_since = now
        self._left_due = self.idle_since + LINGER
        if self._left_due > now:
            self._set_deadline()
        else:
            self._end_streams(CLIENT_LEFT)
            self._farewell()

    def _stop_lingering(self) -> None:
        """The last answer may take its time, as long as any of it is taken."""
        if self.client.get_write_buffer_size() and self.has_delivered():
            self.deadline = self.hub.now() + LINGER
            return
        self.deadline = inf
        if self.client.get_write_buffer_size():
            self.hub.reset(self.client)
        else:
            self.client.abort()

    # How either side ends

    def eof_received(self) -> bool:
        """The client says no more, which the app should know. It may want the answers that are on
        their way; but it cannot take many, since it gives back no windows any more."""
        self.client_ended = True
        if self.over:
            return False
        if self.app is not None:
            self.app.write_eof()
        self._left_due = self.hub.now() + LINGER
        self._set_deadline()
        self._look_after()
        return True

    def client_lost(self, error: Exception | None) -> None:
        """Whatever was in flight has nobody to go to."""
        self._end_streams(CLIENT_LEFT)
        self.over = True
        self.drop_app()
        if self._left_behind is not None:
            self._left_behind.abort()

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        self.counters.app_connect_failures += 1
        self.app_side = None
        self.counters.rejected["app-away"] += 1
        self._app_gone(503, reason)

    def app_eof(self) -> bool:
        """The app says no more."""
        self._app_gone(502, "the app closed the connection before the end of its answer")
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        self.app = self.app_side = None
        self._app_gone(502, "the app closed the connection before the end of its answer")
