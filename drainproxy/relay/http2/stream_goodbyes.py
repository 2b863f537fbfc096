"""Goodbyes to single streams of an HTTP/2 connection, each in the protocol of its stream."""

from math import inf

from drainproxy.drain.aging import STREAM
from drainproxy.drain.goodbye import DRAIN, MAX_STREAM_AGE
from drainproxy.drain.interruption import QUIET
from drainproxy.drain.ledger import CUT
from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.endless_stream import EndlessStream
from drainproxy.relay.http2.grpc_stream import GrpcStream
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.http2.tracked import TrackedStream


class StreamGoodbyes:
    """Says goodbye to single streams of one connection. Plain requests, and event streams that do
    not answer a GET, have no goodbye of their own: they just finish.

    `sample`: the jitter sample of the connection, for the ages of its streams; see `Aging`.
    """

    __slots__ = ("_sample", "_table")

    def __init__(self, table: StreamTable, sample: float) -> None:
        self._table = table
        self._sample = sample

    def say(self, stream: Stream, why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing."""
        table = self._table
        if self._is_gone(stream):
            return
        tracked = table.tracked.get(stream.id)
        if tracked is None and stream.kind == "grpc" and not stream.app_done:
            tracked = table.tracked[stream.id] = GrpcStream(table.connection, stream)
        elif tracked is None and why == DRAIN and self._is_endless(stream):
            tracked = table.tracked[stream.id] = EndlessStream(table.connection, stream)
        if tracked is not None:
            now = table.context.now()
            tracked.say(why, now)
            table.pending[stream.id] = tracked
            self._poll({stream.id: tracked}, now)

    def _is_endless(self, stream: Stream) -> bool:
        """Whether a drain may end the answer: `stream-drain` names it, it has no announced length,
        and its request can be repeated (GET)."""
        streams = self._table.context.limits.stream_drain
        asks_again = stream.kind == "http2" and stream.head.method == b"GET" and not stream.app_done
        lasts = asks_again and stream.may_be_endless
        return lasts and streams.ends(stream.kind, stream.path, stream.media_type)

    def say_to_all(self, why: str) -> None:
        """Say goodbye on all tracked streams, which have no end by themselves."""
        for tracked in list(self._table.tracked.values()):
            self.say(tracked.stream, why)

    def say_to_watches(self, why: str) -> None:
        """Say goodbye on the health watches of a connection that is to end: a gRPC server that
        shuts down ends these calls too."""
        for stream in list(self._table.streams.values()):
            if stream.watches_health:
                self.say(stream, why)

    def cut_all(self, why: str, status: int, reason: str) -> None:
        """Time is up: end all streams. A request without an answer gets `status` and `reason`. A
        WebSocket still has time for its handshake, an event stream for the end of its event: if
        they use it, they are not booked as cut."""
        table = self._table
        now = table.context.now()
        for stream in list(table.streams.values()):
            tracked = table.tracked.get(stream.id)
            if tracked is None or not tracked.can_say_goodbye:
                table.end_early(stream, CUT, reason, status)
            else:
                tracked.hasten(why, now)
                table.pending[stream.id] = tracked
        self._poll(table.pending.copy(), now)

    def cut_rest(self, why: str, spared: list[Stream]) -> None:
        """Cut all streams that are still open, but for those in `spared`."""
        kept = {stream.id for stream in spared}
        for stream in list(self._table.streams.values()):
            if stream.id not in kept:
                self._table.end_early(stream, CUT, why)

    def cancel(self, remaining: str) -> None:
        """Take back goodbyes that were not sent. `remaining`: another reason for them, or empty."""
        table = self._table
        now = table.context.now()
        for tracked in table.pending.values():
            tracked.cancel(remaining, now)
        self._poll(table.pending.copy(), now)
        # Streams whose goodbye was pending have an age again.
        self.say_to_old()

    def poll(self) -> None:
        """Poll pending goodbyes: send what may be sent now, and end handshakes that take too long.

        Called with each read while a goodbye is pending. So only streams in `touched`, on which
        bytes have moved, are polled, and the others when their deadline is over. In the middle of a
        frame of the app nothing can be sent, so streams stay in `touched` until it ends.
        """
        table = self._table
        now = table.context.now()
        if table.deadlines.get(Deadline.GOODBYES) <= now:
            due = {key: each for key, each in table.pending.items() if each.poll_at <= now}
            table.deadlines.set(Deadline.GOODBYES, inf)
            self._poll(due | table.touched, now)
            poll_at = min([each.poll_at for each in table.pending.values()], default=inf)
            table.deadlines.no_later(Deadline.GOODBYES, poll_at)
        elif table.touched and table.connection.outbound.between_frames:
            self._poll(table.touched.copy(), now)
        elif table.touched:
            table.deadlines.no_later(Deadline.GOODBYES, now + QUIET)

    def _poll(self, due: dict[int, TrackedStream], now: float) -> None:
        table = self._table
        self._note_what_goes_on(due)
        poll_at = now + QUIET if table.touched else inf
        for stream, tracked in due.items():
            # The goodbye of one stream may have ended another.
            if stream not in table.pending:
                continue
            if tracked.waits:
                tracked.poll_at = tracked.poll(now)
                poll_at = min(poll_at, tracked.poll_at)
            if stream not in table.pending:
                continue
            if not tracked.waits:
                table.forget_goodbye(stream)
            elif tracked.needs_room:
                table.short[stream] = tracked
            else:
                table.short.pop(stream, None)
        if table.pending:
            table.deadlines.no_later(Deadline.GOODBYES, poll_at)

    def _note_what_goes_on(self, due: dict[int, TrackedStream]) -> None:
        """Keep in `touched` the streams that have to be polled again though nothing else moves: all
        of them while the app is in the middle of a frame that passes; the stream whose incomplete
        frame is held; and the stream of the client's incomplete frame."""
        table = self._table
        if table.connection.outbound.between_frames:
            for stream, tracked in due.items():
                if not tracked.inside_frame:
                    table.touched.pop(stream, None)
        else:
            table.touched |= due
        if table.inbound.follower is not None and table.heard is not None:
            table.touched[table.heard.stream.id] = table.heard

    def end_in_handshake(self) -> None:
        """The app is gone: end the streams whose clients have got our Close."""
        for tracked in [each for each in self._table.pending.values() if each.close_sent]:
            tracked.app_gone()

    def in_handshake(self) -> list[Stream]:
        """The streams whose clients have got our Close and still have time to answer."""
        return [tracked.stream for tracked in self._table.pending.values() if tracked.close_sent]

    def _is_gone(self, stream: Stream) -> bool:
        """Whether the stream has ended: the goodbye of another may have ended it."""
        return self._table.streams.get(stream.id) is not stream

    # Ages

    def say_to_old(self) -> None:
        """Say goodbye on all gRPC streams that have reached max-stream-age, which may have changed;
        set the deadline of the next one."""
        table = self._table
        now = table.context.now()
        for stream in self._calls():
            if self._age_of(stream.opened) <= now:
                self.say(stream, MAX_STREAM_AGE)
        young = [each for each in self._calls() if each.id not in table.pending]
        ages = [self._age_of(each.opened) for each in young if not each.app_done]
        self._table.deadlines.set(Deadline.STREAM_AGE, min(ages, default=inf))

    def _calls(self) -> list[Stream]:
        return [each for each in self._table.streams.values() if each.kind == "grpc"]

    def _age_of(self, opened: float) -> float:
        return self._table.context.limits.aging.expires_at(STREAM, opened, self._sample)
