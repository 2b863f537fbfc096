"""A gRPC call that has to end: the carrier of its goodbye."""

from drainproxy.relay.goodbye.grpc import GrpcGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class GrpcStream(TrackedStream):
    """A gRPC call, from the moment when it has to end."""

    __slots__ = ("goodbye",)

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0)
        self.goodbye = GrpcGoodbye()

    @property
    def waits(self) -> bool:
        """Trailers wait for their moment."""
        return self.goodbye.pending is not None and not self.stream.app_done

    @property
    def can_be_told(self) -> bool:
        """No: a cut sends its trailers itself."""
        return False

    def say(self, why: str, now: float) -> None:
        """End the call as soon as that loses nothing."""
        self.goodbye.say(why, now)

    def cancel(self, remaining: str, now: float) -> None:
        """Go on, unless the stream itself is too old."""
        self.goodbye.cancel()

    def poll(self, now: float) -> float:
        """See `GrpcGoodbye`."""
        return self.goodbye.poll(now, self, answered=bool(self.stream.status))

    def passes(self, length: int, *, ends: bool) -> bool:
        """Pass it on; a pause begins anew."""
        self._move()
        return True

    def client_follower(self) -> None:
        """Nothing is followed; the pause moves."""
        self._move()

    def _move(self) -> None:
        if self.goodbye.pending is not None:
            self.goodbye.pending.moved = self.connection.context.now()

    def finish(self, ending: int) -> None:
        """UNAVAILABLE, in trailers or alone."""
        self.connection.table.cancel(self.stream, ending, self.goodbye.reason)
