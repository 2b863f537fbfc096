"""Goodbyes to single streams of an HTTP/2 connection, in whatever language each of them speaks."""

from math import inf

from drainproxy.drain.aging import STREAM
from drainproxy.drain.goodbye import DRAIN, MAX_STREAM_AGE
from drainproxy.drain.ledger import CUT, FINISHED, GOODBYE
from drainproxy.relay.due import Due
from drainproxy.relay.followed import FollowedEvents, FollowedWebSocket
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.parting import Parting
from drainproxy.relay.stream import Stream
from drainproxy.wire import http2, sse
from drainproxy.wire.websocket import close_frame

# A goodbye is said in a pause, so that no answer on its way is lost: nothing moves for so long.
_PAUSE = 0.1
# If a WebSocket's client spoke last, an app that is busy may take longer to answer it.
_ANSWER_PAUSE = 1.0
# Without one so long after its turn came, between any two frames; a call that has no answer yet
# may be a short one, and gets more time.
_PATIENCE, _UNANSWERED_PATIENCE = 2.0, 5.0
# Of an event in which the goodbye waits, in bytes.
_MOST_HELD = 16384
# RFC 6455 7.1.1 leaves it open how long the other Close may take.
_HANDSHAKE_TIMEOUT = 5.0

_REASONS = {
    DRAIN: "leaving: the stream may begin again elsewhere",
    MAX_STREAM_AGE: "the stream has reached its age",
}


class Farewells(Parting):
    """Says goodbye to streams when their time has come; `dues` are those that wait for a place."""

    __slots__ = ("_ages_due", "_dues_at")

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route)
        # When places are looked for, and when the oldest gRPC stream reaches its age.
        self._dues_at = self._ages_due = inf

    def part_from(self, stream: Stream, why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing; streams of plain HTTP, and
        event streams that nobody would ask for again, just finish."""
        if self.over or stream.app_done or self._is_gone(stream):
            return
        if stream.id in self.dues and not self.dues[stream.id].void:
            return
        if stream.kind == "grpc" or stream.id in self.followed:
            now = self.hub.now()
            self.dues[stream.id] = Due(why, now, now)
            self._say_dues()

    def retire(self, why: str) -> None:
        """The connection's streams finish, but those that have no end by themselves."""
        super().retire(why)
        for stream in [self.streams[each] for each in self.followed]:
            self.part_from(stream, why)

    def _is_gone(self, stream: Stream) -> bool:
        """A goodbye to one stream may have been the moment for that to another."""
        return self.streams.get(stream.id) is not stream

    def stay(self) -> None:
        """The drain was taken back: what has not been said is not said."""
        super().stay()
        for stream in [id_ for id_, due in self.dues.items() if due.why == DRAIN and not due.said]:
            if isinstance(self.followed.get(stream), FollowedEvents):
                self.dues[stream].void = True
            else:
                del self.dues[stream]
        if self.dues:
            self._say_dues()

    # Places

    def _say_dues(self) -> None:
        """Say what is due where it may be said now."""
        now = self.hub.now()
        for stream, due in list(self.dues.items()):
            found = self.streams[stream]
            if due.said:
                self._await_close(found, due, now)
            elif found.app_done:
                # It has ended by itself; only the client has more to say.
                del self.dues[stream]
            elif self.answers.between_frames:
                followed = self.followed.get(stream)
                if isinstance(followed, FollowedEvents):
                    self._say_to_events(found, followed, due, now)
                elif self._may_say(found, due, now):
                    self._say(found, due)
        self._dues_at = now + _PAUSE if self.dues else inf
        self._set_deadline()

    def _may_say(self, stream: Stream, due: Due, now: float) -> bool:
        followed = self.followed.get(stream.id)
        paused = now - due.moved >= _PAUSE
        if isinstance(followed, FollowedWebSocket):
            if followed.closing:
                # They part by themselves.
                return False
            overdue = now - due.since >= _PATIENCE
            if followed.client.asks:
                paused = now - due.moved >= _ANSWER_PAUSE
            # What has arrived and was not read, since this process was busy, is no pause either.
            paused = paused and followed.pauses and not self.hub.has_unread(self.client)
            return followed.may_end and (overdue or paused)
        overdue = now - due.since >= (_PATIENCE if stream.status else _UNANSWERED_PATIENCE)
        return overdue or (paused and bool(stream.status))

    def _say(self, stream: Stream, due: Due) -> None:
        if isinstance(self.followed.get(stream.id), FollowedWebSocket) and stream.status:
            self._say_close(stream, due)
            return
        self.counters.goodbyes[stream.kind, due.why] += 1
        reason = _REASONS.get(due.why, due.why)
        self.to_client(self.last_words(stream, 503, reason, http2.CANCEL))
        self.let_go_of(stream, GOODBYE)

    def _say_close(self, stream: Stream, due: Due) -> None:
        """Close, as soon as the client's windows have room for it."""
        limits = self.hub.limits
        words = close_frame(limits.websocket_close_code, limits.websocket_close_reason)
        if frame := self.own_data(stream, words):
            self.counters.goodbyes[stream.kind, due.why] += 1
            self.to_client(frame)
            self.muted.add(stream.id)
            due.said, due.since = True, self.hub.now()

    def _say_to_events(
        self, stream: Stream, followed: FollowedEvents, due: Due, now: float
    ) -> None:
        end = http2.frame(http2.DATA, http2.END_STREAM, stream.id)
        if followed.held > self.room(followed):
            # The client has made its windows smaller meanwhile.
            return
        if followed.over:
            self.to_client(self.released(stream) + end)
            stream.app_done = True
            if stream.client_done:
                self.end(stream, FINISHED)
        elif due.void:
            self.to_client(self.released(stream))
            del self.dues[stream.id]
        elif followed.may_end:
            self.counters.goodbyes[stream.kind, due.why] += 1
            last = self.own_data(stream, followed.up_to_end())
            retry = self.own_data(stream, sse.retry(self.hub.retry_milliseconds()))
            self.to_client(last + retry + end)
            self.let_go_of(stream, GOODBYE)
        elif followed.held > _MOST_HELD or now - due.moved >= _PAUSE:
            # Nobody waits for a part of an event that is long or slow.
            self.to_client(self.released(stream))

    def cut_stream(self, stream: Stream, why: str, reason: str) -> None:
        """Say the last on this stream. A WebSocket gets a little time for its handshake, an event
        stream for the end of its event; what is said in time is no cut."""
        if self._is_gone(stream):
            return
        if stream.id not in self.followed or not stream.status or stream.app_done:
            self.to_client(self.last_words(stream, 503, reason, http2.CANCEL))
            self.let_go_of(stream, CUT)
        elif stream.id not in self.dues or not self.dues[stream.id].said:
            self.dues[stream.id] = Due(why, -inf, -inf)
            self._say_dues()

    def _await_close(self, stream: Stream, due: Due, now: float) -> None:
        """The client's Close goes to the app, whose own ends it; not without end."""
        followed = self.followed[stream.id]
        app_closed = isinstance(followed, FollowedWebSocket) and followed.app_closed
        if now - due.since >= _HANDSHAKE_TIMEOUT or (app_closed and self.has_parted(stream)):
            self.app_has_closed(stream)

    def app_has_closed(self, stream: Stream) -> None:
        """The app has ended a WebSocket that its client was told to close."""
        self.to_client(http2.frame(http2.DATA, http2.END_STREAM, stream.id))
        self.let_go_of(stream, CUT)

    def has_parted(self, stream: Stream) -> bool:
        """Whether the client has answered our Close on this stream: whoever goes then, it ended
        with a goodbye."""
        due, followed = self.dues.get(stream.id), self.followed.get(stream.id)
        told = due is not None and due.said
        return told and isinstance(followed, FollowedWebSocket) and followed.client_closed

    def end_told(self) -> None:
        """The app is gone: nothing more comes on streams whose clients have heard Close."""
        for stream in [self.streams[each] for each, due in self.dues.items() if due.said]:
            self.app_has_closed(stream)

    # Ages of streams

    def expect_age(self, opened: float) -> None:
        """A gRPC stream has been opened, and max-stream-age is set."""
        self._ages_due = min(self._ages_due, self._age_of(opened))
        self._set_deadline()

    def age_anew(self) -> None:
        """The ages of the settings have changed."""
        super().age_anew()
        self._part_from_old_streams(self.hub.now())

    def _age_of(self, opened: float) -> float:
        return self.hub.limits.aging.retires(STREAM, opened, self.luck)

    def _part_from_old_streams(self, now: float) -> None:
        for stream in [s for s in self.streams.values() if s.kind == "grpc"]:
            if self._age_of(stream.opened) <= now:
                self.part_from(stream, MAX_STREAM_AGE)
        young = (
            stream
            for stream in self.streams.values()
            if stream.kind == "grpc" and stream.id not in self.dues and not stream.app_done
        )
        self._ages_due = min((self._age_of(stream.opened) for stream in young), default=inf)
        self._set_deadline()
