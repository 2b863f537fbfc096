"""The streams of an HTTP/2 connection: which are open, how they end, and what the client gets."""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, FINISHED, GOODBYE
from drainproxy.relay.context import Access
from drainproxy.relay.goodbye.requests import APP_IS_LATE, app_owes
from drainproxy.relay.http2.deadlines import Deadline, Deadlines
from drainproxy.relay.http2.stream import UNAVAILABLE, Stream, count_calls
from drainproxy.relay.http2.tracked import OneDirection, StreamConnection, TrackedStream
from drainproxy.relay.http2.windows import USUAL_WINDOW, ClientWindow
from drainproxy.relay.turns import APP_IS_FULL
from drainproxy.wire import http2
from drainproxy.wire.hpack import HeaderField
from drainproxy.wire.http2_head import RequestHead
from drainproxy.wire.logged import NO_FACTS, Facts

Fields = tuple[HeaderField, ...]

# So many closed streams are remembered for their late frames, and so many gaps of numbers.
_MOST_REMEMBERED = 1000
_MOST_GAPS = 100


class Side(OneDirection, Protocol):
    """A direction, as the table needs it. `ending`: the stream that the current frame ends."""

    ending: Stream | None

    def own_block(self, fields: Fields) -> bytes:
        """A header block of ours."""


class StreamTable:
    """All streams of one connection.

    `highest`: the last stream that the client has opened; `passed`: the last one that has gone to
    the app; none above `last` does. `tracked`: the carriers of streams that may need a goodbye;
    `pending`: those whose goodbye waits; `touched`: those on which bytes have moved since they were
    polled; `short`: those that may lack window; `heard`: the one of the client's last DATA.
    `late_frames`: closed streams of which the client may still send frames, and whether these go to
    the app. `moment`: when the current read came.
    """

    __slots__ = (
        "_begun_beside",
        "_gaps",
        "_not_passed",
        "connection",
        "context",
        "deadlines",
        "finished",
        "going",
        "has_calls",
        "heard",
        "highest",
        "hold",
        "inbound",
        "last",
        "late_frames",
        "moment",
        "outbound",
        "passed",
        "pending",
        "pushed",
        "short",
        "streams",
        "touched",
        "tracked",
        "untaken",
        "unwanted",
        "upload_window",
        "window",
    )

    inbound: Side
    outbound: Side

    def __init__(self, connection: StreamConnection, deadlines: Deadlines) -> None:
        self.connection = connection
        self.deadlines = deadlines
        self.context = connection.context
        self.hold = connection.context.ledger.open
        self.streams: dict[int, Stream] = {}
        self.tracked: dict[int, TrackedStream] = {}
        self.pending: dict[int, TrackedStream] = {}
        self.touched: dict[int, TrackedStream] = {}
        self.short: dict[int, TrackedStream] = {}
        self.heard: TrackedStream | None = None
        # Streams that finished in the current read; they are counted together afterwards.
        self.finished: list[Stream] = []
        self.moment = connection.context.now()
        self.highest, self.passed, self.last = -1, 0, http2.MOST_STREAM
        # Ranges of stream numbers that the client has skipped: closed, and never open.
        self._gaps: list[range] = []
        # How many pushed streams are open; and how many were pushed in all, less the numbers that
        # the client has skipped.
        self.pushed = self._begun_beside = 0
        # How many of the client's streams up to `highest` the app never got.
        self._not_passed = 0
        # The app gets late frames of a stream that it has ended, and none of one that we have.
        self.late_frames: dict[int, bool] = {}
        # Streams that we have ended, the oldest first: the app may still send frames of them.
        self.unwanted: dict[int, None] = {}
        self.window = ClientWindow()
        # Bytes of DATA sent to the app, less what it has given back by WINDOW_UPDATE.
        self.untaken = 0
        # The app's initial window of a stream.
        self.upload_window = USUAL_WINDOW
        # The client or the app has sent GOAWAY itself.
        self.going = False
        # A stream may have been a gRPC call.
        self.has_calls = False

    @property
    def begun(self) -> int:
        """How many streams have begun so far, of either side."""
        return (self.highest + 1) // 2 + self._begun_beside

    @property
    def passed_to_app(self) -> int:
        """How many of the client's streams have gone to the app so far."""
        return (self.highest + 1) // 2 - self._not_passed

    def change_windows(self, announced: int | None) -> None:
        """Change the windows of all tracked streams. `announced`: the smallest initial window of
        the client that the app has not acknowledged; None without one."""
        change = self.window.change(announced)
        if not change:
            return
        for tracked in self.tracked.values():
            tracked.window += change
        self.touched |= self.short

    # How streams begin

    def pass_over(self, skipped: range) -> None:
        """The client has skipped these numbers, and cannot use them any more (RFC 9113 5.1.1)."""
        self._gaps.append(skipped)
        del self._gaps[:-_MOST_GAPS]
        self._begun_beside -= len(skipped) // 2
        self._not_passed += len(skipped) // 2

    def turn_away(self, stream: int) -> None:
        """Note a stream that the app never gets, and no late frames of it."""
        self._not_passed += 1
        self.expect_late_frames(stream, passes=False)

    def was_opened(self, stream: int) -> bool:
        """Whether the client has ever opened it."""
        if stream > self.highest or not stream & 1:
            return False
        return not any(stream in gap for gap in self._gaps)

    def open_pushed(self, stream: int, head: RequestHead) -> None:
        """The app has opened a stream (8.4), on which the client sends no message."""
        opened = Stream(self.connection, stream, head, self.context.now(), client_done=True)
        self.streams[stream] = opened
        self.hold(opened)
        self.pushed += 1
        self.has_calls = True
        self._begun_beside += 1

    def reject(self, reason: str, words: str, facts: Facts = NO_FACTS) -> None:
        """Count and log a rejection. `facts`: the logged fields of the request."""
        self.context.counters.rejected[reason] += 1
        self.context.refusal(reason, self.connection.peer, words, facts)

    def log_refusal(self, reason: str, words: str, streams: Sequence[Stream]) -> None:
        """Log in one line why these streams are refused; of a single one, with its fields."""
        facts = streams[0].facts if len(streams) == 1 else NO_FACTS
        told = f"{words} ({len(streams)} streams)"
        self.context.refusal(reason, self.connection.peer, told, facts)

    def answer_unopened(
        self, stream: int, status: int, reason: str, facts: Facts, target: str = "-"
    ) -> None:
        """Answer a request that the app never gets; `facts` are for the access log."""
        self.context.counters.codes["http2"][status] += 1
        if (write := self.context.access_log) is not None:
            peer = self.connection.peer
            write(Access("http2", peer, "-", target, status, seconds=0.0, received=0, facts=facts))
        self.connection.to_client(self._head_frames(stream, self._answer_fields(status, reason)))

    # How they end

    def finish(self, stream: Stream) -> None:
        """End a stream whose two messages are complete, the usual case: counted with the read."""
        del self.streams[stream.id]
        if self.tracked or self.pushed:
            self._forget(stream, FINISHED)
        self.finished.append(stream)

    def end(self, stream: Stream, ending: int) -> None:
        """End a stream in any other way: count and book it at once."""
        if self.finished:
            # Streams are counted in the order in which they ended.
            self.count_finished()
        del self.streams[stream.id]
        for side in (self.inbound, self.outbound):
            if side.ending is stream:
                side.ending = None
        tracked = self.tracked.get(stream.id)
        if tracked is not None and tracked.client_answered:
            ending = GOODBYE
        if tracked is not None or not stream.id & 1:
            self._forget(stream, ending)
        stream.close(ending)

    def end_all(self, ending: int) -> None:
        """End all open streams; those with a complete answer count as finished."""
        for stream in list(self.streams.values()):
            self.end(stream, FINISHED if stream.app_done else ending)

    def app_goes(self, last: int) -> int:
        """The app has sent GOAWAY with this last stream: end those above it. Returns the last
        stream that both it and we serve."""
        self.going = True
        self.last = last = min(last, self.last)
        for stream in [s for s in self.streams.values() if s.id > last and s.id & 1]:
            self.end(stream, APP_LEFT)
        return last

    def _forget(self, stream: Stream, ending: int) -> None:
        tracked = self.tracked.pop(stream.id, None)
        if tracked is not None:
            if self.heard is tracked:
                self.heard = None
            if tracked.inside_frame:
                self.outbound.follower = None
            self.forget_goodbye(stream.id)
            tracked.count_ending(ending)
        if not stream.id & 1:
            self.pushed -= 1

    def forget_goodbye(self, stream: int) -> None:
        """Remove the pending goodbye of this stream."""
        self.touched.pop(stream, None)
        self.short.pop(stream, None)
        if self.pending.pop(stream, None) is not None and not self.pending:
            self.touched.clear()
            self.deadlines.set(Deadline.GOODBYES, inf)

    def break_off(self, stream: Stream, code: int) -> None:
        """Reset both sides of a stream whose request turned out to be malformed."""
        self.connection.to_client(http2.rst_stream(stream.id, code))
        self.end_upstream(stream, CLIENT_LEFT)

    def fail(self, stream: Stream, status: int, reason: str, code: int = http2.CANCEL) -> None:
        """End a stream whose answer is broken or late, with `status` for the client if none has
        begun. `code`: of the app's RST_STREAM."""
        self.context.refusal("app", self.connection.peer, f"{status} {reason}", stream.facts)
        self.connection.to_client(self.final_frames(stream, status, reason, http2.INTERNAL_ERROR))
        self.end_upstream(stream, APP_LEFT, code)

    def end_early(self, stream: Stream, ending: int, reason: str = "", status: int = 503) -> None:
        """End a stream before its own end, with the frames of `final_frames` for the client and
        RST_STREAM for the app."""
        self.connection.to_client(self.final_frames(stream, status, reason, http2.CANCEL))
        self.end_upstream(stream, ending)

    def end_upstream(self, stream: Stream, ending: int, code: int = http2.CANCEL) -> None:
        """End a stream whose client has got the end: reset it towards the app."""
        self.connection.to_app(http2.rst_stream(stream.id, code))
        self.ignore(stream.id)
        if not stream.client_done:
            self.expect_late_frames(stream.id, passes=False)
        self.end(stream, FINISHED if stream.app_done else ending)

    def ignore(self, stream: int) -> None:
        """Drop what the app still sends on this stream."""
        self.unwanted[stream] = None
        if len(self.unwanted) > _MOST_REMEMBERED:
            del self.unwanted[next(iter(self.unwanted))]

    def expect_late_frames(self, stream: int, *, passes: bool) -> None:
        """Note a stream that has ended before the client ended its side; `passes`: whether its late
        frames go to the app."""
        self.late_frames[stream] = passes
        if len(self.late_frames) > _MOST_REMEMBERED:
            del self.late_frames[next(iter(self.late_frames))]

    def fail_late(self, now: float, timeout: float) -> float:
        """Answer 504 to complete requests that have waited for `timeout` seconds. Returns when the
        next one may be late, inf for never."""
        waiting = [stream for stream in self.streams.values() if not stream.status]
        for stream in waiting:
            if stream.asked_whole and stream.opened + timeout <= now:
                self.fail(stream, *APP_IS_LATE)
        left = [stream.opened for stream in waiting if stream.id in self.streams]
        return min(left, default=inf) + timeout

    def fail_owed(self) -> None:
        """No byte has moved for idle-timeout: answer 504 where the app owes an answer."""
        for stream in [each for each in self.streams.values() if not each.status]:
            if app_owes(sent=stream.asked_whole, takes=self._app_takes(stream)):
                self.fail(stream, *APP_IS_LATE)

    def _app_takes(self, stream: Stream) -> bool:
        """Whether the app takes more of the request: it reads, and its windows have room (RFC 9113
        6.9), or a frame has begun, whose whole length is counted already."""
        if self.connection.stops & APP_IS_FULL:
            return False
        full = self.untaken >= USUAL_WINDOW or stream.sent - stream.taken >= self.upload_window
        return not (full and self.inbound.between_frames)

    # Counting

    def count_finished(self) -> None:
        """Count and book the streams that finished in the current read."""
        finished, self.finished = self.finished, []
        if len(finished) == 1:
            # It is no group, of which the rest would make one.
            finished[0].close(FINISHED)
            return
        context = self.context
        context.counters.all_answered(finished, context.now())
        if self.has_calls:
            count_calls(context, finished)
        if context.access_log is not None:
            for stream in finished:
                stream.log(context.access_log)
        context.ledger.finish(finished)

    def count_begun(self, begun: list[Stream]) -> None:
        """Count the first byte of answers that began in the current read and are not complete."""
        now = self.context.now()
        for stream in begun:
            if self.streams.get(stream.id) is stream:
                self.context.counters.answer_begun(stream, now)

    # The last frames of a stream

    def final_frames(
        self, stream: Stream, status: int, reason: str, code: int, *, comes_again: bool = False
    ) -> bytes:
        """The frames that end a stream for its client: for gRPC trailers with UNAVAILABLE and
        `reason`; an answer with `status` if none has begun; else RST_STREAM with `code`. That is
        also sent in place of an answer to a request for events that is to be repeated
        (`comes_again`)."""
        frames = b""
        if not stream.app_done and stream is not self.outbound.ending:
            if stream.kind == "grpc":
                frames = self._head_frames(stream.id, _grpc_fields(stream, reason))
                # `Methods` counts by name only what the app has begun to answer.
                stream.grpc_status = UNAVAILABLE if stream.status else None
                stream.status = stream.status or 200
            elif stream.status or (comes_again and stream.head.asks_for_events):
                # WHATWG HTML 9.2.3: an EventSource reconnects after a network error, and never
                # again after any answer but a 200.
                return http2.rst_stream(stream.id, code)
            else:
                frames = self._head_frames(stream.id, self._answer_fields(status, reason))
                stream.status = status
        if stream.client_done:
            return frames
        # 8.1: the answer is complete, and the rest of the request is not needed.
        return frames + http2.rst_stream(stream.id, http2.NO_ERROR)

    def all_final_frames(self, status: int, reason: str, code: int, patience: float = 0.0) -> bytes:
        """`final_frames` of all open streams. Clients that ask for events are to repeat their
        request, unless it was sent over `patience` seconds ago."""
        since = self.context.now() - patience
        return b"".join(
            self.final_frames(each, status, reason, code, comes_again=each.opened > since)
            for each in self.streams.values()
        )

    def _answer_fields(self, status: int, reason: str) -> Fields:
        """An answer without a body, which could not be sent without window."""
        details = b'drainproxy; details="%s"' % reason.replace('"', "'").encode()
        fields: Fields = (
            (b":status", b"%d" % status),
            (b"proxy-status", details),
            (b"content-length", b"0"),
        )
        if status in (502, 503):
            return *fields, (b"retry-after", b"%d" % self.context.retry_after())
        return fields

    def _head_frames(self, stream: int, fields: Fields) -> bytes:
        block = self.outbound.own_block(fields)
        return http2.header_frames(stream, http2.END_STREAM, b"", block)


def _grpc_fields(stream: Stream, reason: str) -> Fields:
    """UNAVAILABLE, in trailers, or in a trailers-only answer if none has begun."""
    trailers = ((b"grpc-status", UNAVAILABLE), (b"grpc-message", f"drainproxy: {reason}".encode()))
    if stream.status:
        return trailers
    return (b":status", b"200"), (b"content-type", b"application/grpc"), *trailers
