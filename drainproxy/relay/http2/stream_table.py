"""The streams of an HTTP/2 connection: which are open, how they end, and what the client is
sent."""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, FINISHED, GOODBYE
from drainproxy.relay.context import Access
from drainproxy.relay.goodbye.requests import APP_IS_LATE, app_owes
from drainproxy.relay.http2.deadlines import Deadline, Deadlines
from drainproxy.relay.http2.stream import UNAVAILABLE, Stream
from drainproxy.relay.http2.tracked import OneDirection, StreamConnection, TrackedStream
from drainproxy.relay.http2.windows import USUAL_WINDOW, ClientWindow
from drainproxy.relay.turns import APP_IS_FULL
from drainproxy.wire import http2
from drainproxy.wire.hpack import HeaderField
from drainproxy.wire.http2_head import RequestHead
from drainproxy.wire.logged import NO_FACTS, Facts

Fields = tuple[HeaderField, ...]

# Of so many streams that ended before their time the frames that still come are told apart.
_MOST_REMEMBERED = 1000
_MOST_GAPS = 100


class Side(OneDirection, Protocol):
    """What it asks of a direction. `ending`: the stream that is over once a frame has passed."""

    ending: Stream | None

    def own_block(self, fields: Fields) -> bytes:
        """A header block of ours."""


class StreamTable:
    """All streams of one connection.

    `highest` is the last stream that the client has opened, `passed` the last one that has gone to
    the app; none above `last` does. `tracked`: streams whose bodies are followed, or whose goodbye
    waits for its place; `pending`: of these the latter. `touched`: those on which something has
    moved since they were polled; `short`: those that may wait for the client's windows; `heard`:
    the one on which the client spoke last. `moment`: when what is being read has come.
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
        # Streams that were passed over, as ranges: they are closed and never were open.
        self._gaps: list[range] = []
        # Those that the app has begun and that are open. How many it has begun in all, less those
        # that the client has passed over.
        self.pushed = self._begun_beside = 0
        # How many numbers up to `highest` are those of streams that the app never heard of.
        self._not_passed = 0
        # Streams that ended before the client has ended its side: whether frames that still come
        # go to the app, which may not know that they do not belong to anything.
        self.late_frames: dict[int, bool] = {}
        # Streams that we have ended, and the app may not have heard of it: insertion order counts.
        self.unwanted: dict[int, None] = {}
        self.window = ClientWindow()
        # What of all DATA has gone to the app and it has not given back to the connection's window.
        self.untaken = 0
        # The app's window for a stream of which it has not taken anything.
        self.upload_window = USUAL_WINDOW
        # One of the two sides has said GOAWAY itself.
        self.going = False

    @property
    def begun(self) -> int:
        """How many streams have been begun so far, whoever has done it."""
        return (self.highest + 1) // 2 + self._begun_beside

    @property
    def passed_to_app(self) -> int:
        """How many of the client's streams have gone to the app so far."""
        return (self.highest + 1) // 2 - self._not_passed

    def change_windows(self, announced: int | None) -> None:
        """This is the least that the client has announced for its streams and the app has not
        acknowledged, None for nothing."""
        change = self.window.change(announced)
        if not change:
            return
        for tracked in self.tracked.values():
            tracked.window += change
        self.touched |= self.short

    # How streams begin

    def pass_over(self, skipped: range) -> None:
        """The client has not used these numbers, and never will (RFC 9113 5.1.1)."""
        self._gaps.append(skipped)
        del self._gaps[:-_MOST_GAPS]
        self._begun_beside -= len(skipped) // 2
        self._not_passed += len(skipped) // 2

    def turn_away(self, stream: int) -> None:
        """The app never hears of this stream, nor of frames of it that still come."""
        self._not_passed += 1
        self.expect_late_frames(stream, passes=False)

    def was_opened(self, stream: int) -> bool:
        """Whether the client has ever opened it."""
        if stream > self.highest or not stream & 1:
            return False
        return not any(stream in gap for gap in self._gaps)

    def open_pushed(self, stream: int, head: RequestHead) -> None:
        """The app has begun a stream of its own (8.4), on which the client says nothing."""
        opened = Stream(self.connection, stream, head, self.context.now(), client_done=True)
        self.streams[stream] = opened
        self.hold(opened)
        self.pushed += 1
        self._begun_beside += 1

    def reject(self, reason: str, words: str, facts: Facts = NO_FACTS) -> None:
        """Count something that was turned away, and say why; `facts`: what its request tells."""
        self.context.counters.rejected[reason] += 1
        self.context.refusal(reason, self.connection.peer, words, facts)

    def log_refusal(self, reason: str, words: str, streams: Sequence[Stream]) -> None:
        """Say in one line why these streams are turned away; of a single one, what it tells."""
        facts = streams[0].facts if len(streams) == 1 else NO_FACTS
        told = f"{words} ({len(streams)} streams)"
        self.context.refusal(reason, self.connection.peer, told, facts)

    def answer_unopened(
        self, stream: int, status: int, reason: str, facts: Facts, target: str = "-"
    ) -> None:
        """Answer a request that the app never hears of; `facts`: what it tells the access log."""
        self.context.counters.codes["http2"][status] += 1
        if (write := self.context.access_log) is not None:
            peer = self.connection.peer
            write(Access("http2", peer, "-", target, status, seconds=0.0, received=0, facts=facts))
        self.connection.to_client(self._head_frames(stream, self._answer_fields(status, reason)))

    # How they end

    def finish(self, stream: Stream) -> None:
        """Both messages of a stream are through: as all usual streams end."""
        del self.streams[stream.id]
        if self.tracked or not stream.id & 1:
            self._forget(stream, FINISHED)
        self.finished.append(stream)

    def end(self, stream: Stream, ending: int) -> None:
        """A stream is over."""
        if self.finished:
            # In the order in which they ended, however that was read.
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
        """Whatever is open is over; what the app has answered to its end is finished."""
        for stream in list(self.streams.values()):
            self.end(stream, FINISHED if stream.app_done else ending)

    def app_goes(self, last: int) -> int:
        """The app says GOAWAY: streams above this one are not served, by nobody. Returns the last
        stream that it, or we, will serve."""
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
        """No goodbye waits on this stream any more."""
        self.touched.pop(stream, None)
        self.short.pop(stream, None)
        if self.pending.pop(stream, None) is not None and not self.pending:
            self.touched.clear()
            self.deadlines.set(Deadline.GOODBYES, inf)

    def break_off(self, stream: Stream, code: int) -> None:
        """The client's request turned out to be malformed when the app had begun to get it."""
        self.connection.to_client(http2.rst_stream(stream.id, code))
        self.end_upstream(stream, CLIENT_LEFT)

    def fail(self, stream: Stream, status: int, reason: str, code: int = http2.CANCEL) -> None:
        """The app's answer on this stream is not to be had; `code` is what the app hears."""
        self.context.refusal("app", self.connection.peer, f"{status} {reason}", stream.facts)
        self.connection.to_client(self.final_frames(stream, status, reason, http2.INTERNAL_ERROR))
        self.end_upstream(stream, APP_LEFT, code)

    def end_early(self, stream: Stream, ending: int, reason: str = "", status: int = 503) -> None:
        """End it, with an answer of this `status` or RST_STREAM; `reason` explains it where there
        is a body."""
        self.connection.to_client(self.final_frames(stream, status, reason, http2.CANCEL))
        self.end_upstream(stream, ending)

    def end_upstream(self, stream: Stream, ending: int, code: int = http2.CANCEL) -> None:
        """The client has heard the last of this stream: the app's work on it is not wanted."""
        self.connection.to_app(http2.rst_stream(stream.id, code))
        self.ignore(stream.id)
        if not stream.client_done:
            self.expect_late_frames(stream.id, passes=False)
        self.end(stream, FINISHED if stream.app_done else ending)

    def ignore(self, stream: int) -> None:
        """Nothing of what the app still says on this stream goes to the client."""
        self.unwanted[stream] = None
        if len(self.unwanted) > _MOST_REMEMBERED:
            del self.unwanted[next(iter(self.unwanted))]

    def expect_late_frames(self, stream: int, *, passes: bool) -> None:
        """A stream ended before the client has ended its side."""
        self.late_frames[stream] = passes
        if len(self.late_frames) > _MOST_REMEMBERED:
            del self.late_frames[next(iter(self.late_frames))]

    def fail_late(self, now: float, timeout: float) -> float:
        """504 for each request that has been sent as a whole and waits too long for its answer;
        returns when the next one may be late, inf for never."""
        waiting = [stream for stream in self.streams.values() if not stream.status]
        for stream in waiting:
            if stream.asked_whole and stream.opened + timeout <= now:
                self.fail(stream, *APP_IS_LATE)
        left = [stream.opened for stream in waiting if stream.id in self.streams]
        return min(left, default=inf) + timeout

    def fail_owed(self) -> None:
        """Nothing has moved for long: 504 for each request whose answer the app owes."""
        for stream in [each for each in self.streams.values() if not each.status]:
            if app_owes(sent=stream.asked_whole, takes=self._app_takes(stream)):
                self.fail(stream, *APP_IS_LATE)

    def _app_takes(self, stream: Stream) -> bool:
        """It reads, and has more room in its windows (RFC 9113 6.9), or for the rest of the frame
        that has begun: that is counted as a whole."""
        if self.connection.stops & APP_IS_FULL:
            return False
        full = self.untaken >= USUAL_WINDOW or stream.sent - stream.taken >= self.upload_window
        return not (full and self.inbound.between_frames)

    # Counting

    def count_finished(self) -> None:
        """Finished streams have been passed on: close their holds."""
        finished, self.finished = self.finished, []
        context = self.context
        count, now = context.counters.answered, context.now()
        for stream in finished:
            count(stream, now)
            if stream.kind == "grpc":
                stream.count_call()
        if context.access_log is not None:
            for stream in finished:
                stream.log(context.access_log)
        context.ledger.finish(finished)

    def count_begun(self, begun: list[Stream]) -> None:
        """Of these answers the first byte came with what was just read, and of those that are not
        over the rest will come later."""
        now = self.context.now()
        for stream in begun:
            if self.streams.get(stream.id) is stream:
                self.context.counters.answer_begun(stream, now)

    # What a client is told

    def final_frames(
        self, stream: Stream, status: int, reason: str, code: int, *, comes_again: bool = False
    ) -> bytes:
        """What tells the client of a stream that there will be no more: an answer of our own if
        none has begun, trailers for gRPC, `code` for any other, and for whoever asks for events
        and `comes_again`."""
        words = b""
        if not stream.app_done and stream is not self.outbound.ending:
            if stream.kind == "grpc":
                words = self._head_frames(stream.id, _grpc_fields(stream, reason))
                # A method that the app has begun to answer is one that it knows.
                stream.grpc_status = UNAVAILABLE if stream.status else None
                stream.status = stream.status or 200
            elif stream.status or (comes_again and stream.head.asks_for_events):
                # WHATWG HTML 9.2.3: an EventSource gives up for ever on any answer but a 200, and
                # comes again after an error of the network.
                return http2.rst_stream(stream.id, code)
            else:
                words = self._head_frames(stream.id, self._answer_fields(status, reason))
                stream.status = status
        # 8.1: the answer is complete, what is still sent for it is not wanted.
        return words if stream.client_done else words + http2.rst_stream(stream.id, http2.NO_ERROR)

    def all_final_frames(self, status: int, reason: str, code: int, patience: float = 0.0) -> bytes:
        """The same for all that are open. Who asks for events is to come again, unless it has
        waited for `patience` seconds."""
        since = self.context.now() - patience
        return b"".join(
            self.final_frames(each, status, reason, code, comes_again=each.opened > since)
            for each in self.streams.values()
        )

    def _answer_fields(self, status: int, reason: str) -> Fields:
        """An answer without a body: for one the client's window would have to be known."""
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
    """UNAVAILABLE: in trailers, or alone in an answer that has not begun."""
    trailers = ((b"grpc-status", UNAVAILABLE), (b"grpc-message", f"drainproxy: {reason}".encode()))
    if stream.status:
        return trailers
    return (b":status", b"200"), (b"content-type", b"application/grpc"), *trailers
