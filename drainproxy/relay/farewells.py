"""Goodbyes to single streams of an HTTP/2 connection, in whatever language each of them speaks."""

from math import inf

from drainproxy.drain.aging import STREAM
from drainproxy.drain.goodbye import MAX_STREAM_AGE
from drainproxy.drain.ledger import CUT
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.parting import Parting
from drainproxy.relay.stream import Stream
from drainproxy.relay.tracked import GrpcStream


class Farewells(Parting):
    """Says goodbye to streams when their time has come."""

    __slots__ = ("_ages_due", "_looks_at")

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route)
        # When places are looked for, and when the oldest gRPC stream reaches its age.
        self._looks_at = self._ages_due = inf

    def part_from(self, stream: Stream, why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing; streams of plain HTTP, and
        event streams that nobody would ask for again, just finish."""
        if self.over or self._is_gone(stream):
            return
        tracked = self.tracked.get(stream.id)
        if tracked is None and stream.kind == "grpc" and not stream.app_done:
            tracked = self.tracked[stream.id] = GrpcStream(self, stream)
        if tracked is not None:
            tracked.say(why, self.hub.now())
            self.pending[stream.id] = tracked
            self._poll_goodbyes()

    def retire(self, why: str) -> None:
        """The connection's streams finish, but those that have no end by themselves."""
        super().retire(why)
        for tracked in list(self.tracked.values()):
            self.part_from(tracked.stream, why)

    def _is_gone(self, stream: Stream) -> bool:
        """A goodbye to one stream may have been the moment for that to another."""
        return self.streams.get(stream.id) is not stream

    def stay(self) -> None:
        """The drain was taken back: what has not been said is not said."""
        super().stay()
        now = self.hub.now()
        for tracked in self.pending.values():
            tracked.cancel(self.retired_by, now)
        self._poll_goodbyes()

    def _poll_goodbyes(self) -> None:
        """Say what may be said now, and end handshakes that do not end."""
        now = self.hub.now()
        self._looks_at = inf
        for stream, tracked in list(self.pending.items()):
            # A goodbye to one may have been the end of another.
            if tracked.waits and stream in self.pending:
                self._looks_at = min(self._looks_at, tracked.poll(now))
            if not tracked.waits:
                self.pending.pop(stream, None)
        self._set_deadline()

    def cut_stream(self, stream: Stream, why: str, reason: str) -> None:
        """Say the last on this stream. A WebSocket gets a little time for its handshake, an event
        stream for the end of its event; what is said in time is no cut."""
        if self._is_gone(stream):
            return
        tracked = self.tracked.get(stream.id)
        if tracked is None or not tracked.can_be_told:
            self.cancel(stream, CUT, reason)
        else:
            tracked.hasten(why, self.hub.now())
            self.pending[stream.id] = tracked
            self._poll_goodbyes()

    def end_told(self) -> None:
        """The app is gone: nothing more comes on streams whose clients have heard Close."""
        for tracked in [each for each in self.pending.values() if each.said]:
            tracked.app_gone()

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
            if stream.kind == "grpc" and stream.id not in self.pending and not stream.app_done
        )
        self._ages_due = min((self._age_of(stream.opened) for stream in young), default=inf)
        self._set_deadline()
