"""An HTTP/2 stream whose response has no end by itself, once it has to end."""

from drainproxy.relay.goodbye.endless import EndlessGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream


class EndlessStream(TrackedStream):
    """Its goodbye is END_STREAM, for which a client needs no window (RFC 9113 6.9.1)."""

    __slots__ = ()

    goodbye: EndlessGoodbye

    def __init__(self, connection: StreamConnection, stream: Stream) -> None:
        super().__init__(connection, stream, 0, EndlessGoodbye())

    @property
    def waits(self) -> bool:
        """Nothing is waited for where the answer turns out to have an end of its own."""
        return super().waits and self.stream.may_be_endless

    @property
    def can_say_goodbye(self) -> bool:
        """At the deadline its end must not look like that of a whole answer."""
        return False

    @property
    def at_boundary(self) -> bool:
        """Where it has begun: before, nobody knows whether there will be an answer."""
        return bool(self.stream.status) and super().at_boundary

    def passes(self, length: int, *, ends: bool) -> bool:
        """Pass it on; a pause begins anew."""
        self.goodbye.move(self.connection.context.now())
        return True
