"""Reads large uploads in small pieces, so that little is buffered when the app stops reading.

uvloop reads up to 256,000 bytes at once. What the app's socket does not accept of them is buffered
here until the app reads on, for each client that uploads. So a client that may send much is read
32 KiB at a time (asyncio.BufferedProtocol). That costs more system calls, 0.15 ms per megabyte;
responses of the app are read in uvloop's own sizes.
"""

from typing import Any

from drainproxy.relay.transport import Transport

SIZE = 32768
# Reading from a client that sends much resumes once no more bytes than this wait for the app.
BACKLOG = 16384
# Reading from a client pauses until the next turn after so many full reads, however many turns
# these have taken.
_FULL_READS_BEFORE_PAUSE = 4
# One buffer for all connections: the bytes are copied out before the next read.
_BUFFER = memoryview(bytearray(SIZE))


class SmallReads:
    """The asyncio protocol in place of `protocol`, a session, to which it passes everything on.
    After some full reads it calls the session's `client_in_next_turn`."""

    __slots__ = ("_full", "protocol")

    # uvloop keeps what it finds under each of these names as long as the connection lasts, and a
    # bound method takes 64 bytes, so the names are no methods. This one it never calls, since a
    # BufferedProtocol has none.
    data_received = None

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self._full = 0

    @staticmethod
    def get_buffer(size_hint: int) -> memoryview:
        """The buffer for the next bytes."""
        return _BUFFER

    @property
    def buffer_updated(self) -> "SmallReads":
        """The callable for filled buffers: this object itself, which saves a bound method."""
        return self

    def __call__(self, size: int) -> None:
        """The loop has put `size` bytes into the buffer."""
        data = bytes(_BUFFER[:size])
        if size == SIZE:
            self._full += 1
            if self._full == _FULL_READS_BEFORE_PAUSE:
                self._full = 0
                self.protocol.client_in_next_turn(b"")
        self.protocol.data_received(data)

    def eof_received(self) -> bool:
        """The client has ended its sending side; True keeps ours open."""
        stays: bool = self.protocol.eof_received()
        return stays

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        self.protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """The client does not read."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.protocol.resume_writing()


def hand_over(transport: Transport, protocol: object, *, paused: bool) -> None:
    """Set the transport's protocol while reading is paused: the loop decides how it reads when
    reading begins. `paused`: leave it so."""
    transport.pause_reading()
    transport.set_protocol(protocol)
    if not paused:
        transport.resume_reading()
