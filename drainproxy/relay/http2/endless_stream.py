"""An HTTP/2 stream whose response has no end by itself, once it has to end."""

from drainproxy.relay.goodbye.endless import EndlessGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class EndlessStream(TrackedStream):
    """Its goodbye is END_STREAM, for which a client needs no window (RFC 9113 6.9.1)."""

    __slots__ = ("_goodbye",)

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0)
        self._goodbye = EndlessGoodbye()

    @property
    def waits(self) -> bool:
        stream = self.stream
        return bool(self._goodbye.why) and not stream.app_done and stream.may_be_endless

    @property
    def can_be_told(self) -> bool:
        """At the deadline its end must not look like that of a whole answer."""
        return False

    def say(self, why: str, now: float) -> None:
        self._goodbye.say(why, now)

    def cancel(self, remaining: str, now: float) -> None:
        self._goodbye.cancel()

    def poll(self, now: float) -> float:
        return self._goodbye.poll(now, self)

    @property
    def at_boundary(self) -> bool:
        """Where it has begun: before, nobody knows whether there will be an answer."""
        return bool(self.stream.status) and super().at_boundary

    def passes(self, length: int, *, ends: bool) -> bool:
        self._goodbye.move(self.connection.context.now())
        return True
