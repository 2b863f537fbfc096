"""Reads large uploads in small pieces, so that little is buffered when the app stops reading.

uvloop reads up to 256,000 bytes at once. What the app's socket does not accept of them is buffered
here, for as long as the app likes and as many clients as like it. So a client that may send much is
read 32 KiB at a time (asyncio.BufferedProtocol). That costs more system calls, 0.15 ms per
megabyte; responses of the app are read in uvloop's own sizes.
"""

from typing import Any

from drainproxy.relay.transport import Transport

SIZE = 32768
# Reading from a client that sends much resumes once no more bytes than this wait for the app.
BACKLOG = 16384
# After so many full reads of one side the others have their turn.
_FULL_READS_BEFORE_PAUSE = 4
# One for all: what was read is copied out before anybody else reads.
_BUFFER = memoryview(bytearray(SIZE))


class SmallReads:
    """Stands in for `protocol` and tells it what comes; its `client_in_next_turn` is called where
    it has had its share of a turn."""

    __slots__ = ("_full", "protocol")

    # uvloop keeps what it finds under each of these names as long as the client stays, and a bound
    # method is 64 bytes: so there is none. This one, of another kind of protocol, it never calls.
    data_received = None

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self._full = 0

    @staticmethod
    def get_buffer(size_hint: int) -> memoryview:
        """Where the next bytes are put."""
        return _BUFFER

    @property
    def buffer_updated(self) -> "SmallReads":
        """What to call when they are there."""
        return self

    def __call__(self, size: int) -> None:
        """The loop has filled the buffer."""
        data = bytes(_BUFFER[:size])
        if size == SIZE:
            self._full += 1
            if self._full == _FULL_READS_BEFORE_PAUSE:
                self._full = 0
                self.protocol.client_in_next_turn(b"")
        self.protocol.data_received(data)

    def eof_received(self) -> bool:
        """The other end says no more."""
        stays: bool = self.protocol.eof_received()
        return stays

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        self.protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """The other end takes nothing."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.protocol.resume_writing()


def hand_over(transport: Transport, protocol: object, *, paused: bool) -> None:
    """The loop decides how it reads for a protocol when reading begins."""
    transport.pause_reading()
    transport.set_protocol(protocol)
    if not paused:
        transport.resume_reading()
