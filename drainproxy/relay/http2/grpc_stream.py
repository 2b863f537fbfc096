"""A gRPC call, from the moment when it has to end: the carrier of its goodbye."""

from drainproxy.relay.goodbye.grpc import GrpcGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class GrpcStream(TrackedStream):
    """The carrier of the goodbye of one gRPC call."""

    __slots__ = ("_inside",)

    goodbye: GrpcGoodbye

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0, GrpcGoodbye())
        # Whether a frame is under way that began before this object, and may be of this call.
        self._inside = True

    @property
    def can_say_goodbye(self) -> bool:
        """No: at the deadline `StreamTable.end_early` sends the trailers."""
        return False

    @property
    def answered(self) -> bool:
        """The app has begun its answer."""
        return bool(self.stream.status)

    def poll(self, now: float) -> float:
        """See `GrpcGoodbye.poll`. A frame that was under way when the goodbye began may be of this
        call, so a pause begins only at its end."""
        if self._inside:
            self._inside = not (self.at_boundary and self.connection.table.inbound.between_frames)
            self.goodbye.move(now)
        return super().poll(now)

    def passes(self, length: int, *, ends: bool) -> bool:
        """Forward the DATA, and follow its bytes."""
        self.connection.outbound.follower = self
        return True

    def client_follower(self) -> "GrpcStream":
        """Follow the client's DATA too: it also ends a pause."""
        return self

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Bytes of the call have passed: a pause begins anew."""
        self.goodbye.move(self.connection.context.now())
        return end, 0

    def finish(self, ending: int) -> None:
        """End the call with UNAVAILABLE, in trailers or alone."""
        self.connection.table.end_early(self.stream, ending, self.goodbye.reason)
