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
    """Says goodbye to streams when their time has come. Streams of plain HTTP, and event streams
    that nobody would ask for again, have no language for it: they just finish.

    `sample`: where the ages of its streams lie among those of others; see `Aging`.
    """

    __slots__ = ("_sample", "_table")

    def __init__(self, table: StreamTable, sample: float) -> None:
        self._table = table
        self._sample = sample

    def say(self, stream: Stream, why: str) -> None:
        """A goodbye on this stream, as soon as that loses nothing."""
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
        """Without an announced length, and the answer to a request that can be repeated."""
        streams = self._table.context.limits.stream_drain
        asks_again = stream.kind == "http2" and stream.head.method == b"GET" and not stream.app_done
        lasts = asks_again and stream.may_be_endless
        return lasts and streams.ends(stream.kind, stream.path, stream.media_type)

    def say_to_all(self, why: str) -> None:
        """To all that have no end by themselves."""
        for tracked in list(self._table.tracked.values()):
            self.say(tracked.stream, why)

    def say_to_watches(self, why: str) -> None:
        """To those who watch the app's health, as long as it lasts, on a connection that is to end:
        a server that shuts down would end these calls too."""
        for stream in list(self._table.streams.values()):
            if stream.watches_health:
                self.say(stream, why)

    def cut_all(self, why: str, status: int, reason: str) -> None:
        """Time is up. A request without an answer gets `status` for this `reason`. A WebSocket gets
        a little for its handshake, an event stream for the end of its event; what is said in time
        is no cut."""
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
        """End all that are still open, but for those that are spared."""
        kept = {stream.id for stream in spared}
        for stream in list(self._table.streams.values()):
            if stream.id not in kept:
                self._table.end_early(stream, CUT, why)

    def cancel(self, remaining: str) -> None:
        """What has not been said is not said, but for the reason that remains, if one does."""
        table = self._table
        now = table.context.now()
        for tracked in table.pending.values():
            tracked.cancel(remaining, now)
        self._poll(table.pending.copy(), now)
        # The ages of those that have been waiting until now count again.
        self.say_to_old()

    def poll(self) -> None:
        """Say what may be said now, and end handshakes that do not end.

        Called with each read while a goodbye waits, so only those are polled on which something has
        moved, and once their moment has come all others. In the middle of a frame of the app
        nothing can be said, so what has moved meanwhile waits for its end.
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
            # A goodbye to one may have been the end of another.
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
        """Of those that are polled now some are to be polled again without a further word of them:
        all behind the frame that the app is in the middle of, or the one whose frame it is if the
        client does not get that, and one behind that of the client."""
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
        """The app is gone: nothing more comes on streams whose clients have heard Close."""
        for tracked in [each for each in self._table.pending.values() if each.close_sent]:
            tracked.app_gone()

    def in_handshake(self) -> list[Stream]:
        """The streams whose clients have got Close and have time to answer."""
        return [tracked.stream for tracked in self._table.pending.values() if tracked.close_sent]

    def _is_gone(self, stream: Stream) -> bool:
        """A goodbye to one stream may have been the moment for that to another."""
        return self._table.streams.get(stream.id) is not stream

    # Ages

    def say_to_old(self) -> None:
        """To all that have reached their age, be it because that has changed."""
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
