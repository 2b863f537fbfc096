"""An HTTP/2 stream whose answer has no end by itself, from the moment when it has to end."""

from drainproxy.relay.goodbye.endless import EndlessGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class EndlessStream(TrackedStream):
    """The carrier of its goodbye, END_STREAM, which needs no window (RFC 9113 6.9.1)."""

    __slots__ = ()

    goodbye: EndlessGoodbye

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0, EndlessGoodbye())

    @property
    def waits(self) -> bool:
        """Whether its goodbye is pending, and the answer has not announced a length since."""
        return super().waits and self.stream.may_be_endless

    @property
    def can_say_goodbye(self) -> bool:
        """No: at the deadline the answer must not look complete."""
        return False

    @property
    def at_boundary(self) -> bool:
        """Between two frames, once the answer has begun: it may still get a length."""
        return bool(self.stream.status) and super().at_boundary

    def passes(self, length: int, *, ends: bool) -> bool:
        """Forward the DATA; a pause begins anew."""
        self.goodbye.move(self.connection.context.now())
        return True
