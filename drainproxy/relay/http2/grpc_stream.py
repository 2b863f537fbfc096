"""A gRPC call that has to end: the carrier of its goodbye."""

from drainproxy.relay.goodbye.grpc import GrpcGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class GrpcStream(TrackedStream):
    """A gRPC call, from the moment when it has to end."""

    __slots__ = ()

    goodbye: GrpcGoodbye

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0, GrpcGoodbye())

    @property
    def can_be_told(self) -> bool:
        """No: a cut sends its trailers itself."""
        return False

    @property
    def answered(self) -> bool:
        """The app has begun its answer."""
        return bool(self.stream.status)

    def passes(self, length: int, *, ends: bool) -> bool:
        """Pass it on; a pause begins anew."""
        self.goodbye.move(self.connection.context.now())
        return True

    def client_follower(self) -> None:
        """Nothing is followed; the pause moves."""
        self.goodbye.move(self.connection.context.now())

    def finish(self, ending: int) -> None:
        """UNAVAILABLE, in trailers or alone."""
        self.connection.table.cancel(self.stream, ending, self.goodbye.reason)
