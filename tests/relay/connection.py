"""A transport without a socket: lists of bytes, and the manners of uvloop's transports.

What uvloop calls from its loop (`connection_lost`, the flush of what was written) is put in a
queue, which the proxy of a test works off: so a session never hears of its own doing halfway.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

HIGH_WATER = 65536


class Connection:
    """The proxy's end of one connection; the methods in the second half are the other end."""

    def __init__(
        self, soon: deque[Callable[[], None]], protocol: Any, peername: Any = None
    ) -> None:
        self._soon = soon
        self.protocol = protocol
        self.peername = peername
        self.received = bytearray()  # what has reached the other end
        self._unsent = bytearray()
        self._seen = 0
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._writing_paused = False
        self._reading = True
        self.other_end_reads = True
        self._inbox: deque[bytes] = deque()
        self._other_end_ended = False
        self._eof = False
        self._closing = False
        self.lost = False
        self.state = "open"  # as the other end sees it

    # As a session knows it

    def write(self, data: bytes) -> None:
        if self.lost:
            raise RuntimeError("the handler is closed")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._closing and not self._unsent:
            return
        self._unsent += data
        if len(self._unsent) > self._high:
            self._flush()
        else:
            self._soon.append(self._flush)
        self._pause_if_full()

    def write_eof(self) -> None:
        if self.lost:
            raise RuntimeError("the handler is closed")
        self._eof = True
        self._soon.append(self._flush)

    def close(self) -> None:
        if not self._closing:
            self._closing, self._reading = True, False
            self._soon.append(self._flush)

    def abort(self) -> None:
        self._lose("aborted", None)

    def reset(self) -> None:
        """What the sidecar does for a session that asks the context for it."""
        self._lose("reset", None)

    def take_unread(self) -> bytes:
        """What the other end has said and the session has not heard."""
        return self._inbox.popleft() if self._inbox else b""

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        if not self._closing:
            self._reading = False

    def resume_reading(self) -> None:
        if not self._closing and not self._reading:
            self._reading = True
            self._soon.append(self._deliver)

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low
        self._pause_if_full()

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def get_extra_info(self, name: str) -> Any:
        return {"peername": self.peername}.get(name)

    # As the other end does

    def sends(self, data: bytes) -> None:
        """Nothing is read while reading is paused: it waits, as it would in the kernel."""
        assert not self._other_end_ended
        if data:
            self._inbox.append(data)
        self._soon.append(self._deliver)

    def ends(self) -> None:
        """Half-close: an EOF after what was sent."""
        self._other_end_ended = True
        self._soon.append(self._deliver)

    def resets(self) -> None:
        """Break the connection off."""
        self._lose("left", ConnectionResetError())

    def stops_reading(self) -> None:
        self.other_end_reads = False

    def reads(self, most: int | None = None) -> None:
        """Take some of what waits; all, and whatever comes, if no number is given."""
        self.other_end_reads = most is None
        self._take(most)

    def got(self) -> bytes:
        """What has arrived since this was last asked."""
        new = bytes(self.received[self._seen :])
        self._seen = len(self.received)
        return new

    @property
    def waiting(self) -> int:
        """Bytes that the other end has sent and the session has not read."""
        return sum(map(len, self._inbox))

    # What the loop does

    def _flush(self) -> None:
        if self.other_end_reads:
            self._take(None)
        elif not self._unsent:
            self._after_flush()

    def _take(self, most: int | None) -> None:
        taken = self._unsent[:most]
        del self._unsent[: len(taken)]
        self.received += taken
        if self._writing_paused and len(self._unsent) <= self._low and not self.lost:
            self._writing_paused = False
            self._soon.append(self.protocol.resume_writing)
        if not self._unsent:
            self._after_flush()

    def _after_flush(self) -> None:
        if self._closing:
            self._soon.append(lambda: self._lose("closed", None))
        elif self._eof and self.state == "open":
            self.state = "half-closed"

    def _pause_if_full(self) -> None:
        if len(self._unsent) > self._high and not self._writing_paused:
            self._writing_paused = True
            self.protocol.pause_writing()

    @property
    def _heard_by(self) -> Any:
        """Who reads in small pieces gets what the other end has sent as a whole here."""
        return getattr(self.protocol, "protocol", self.protocol)

    def _deliver(self) -> None:
        while self._inbox and self._reading:
            self._heard_by.data_received(self._inbox.popleft())
        if self._other_end_ended and not self._inbox and self._reading:
            # Whoever resumes reading after this hears it once more.
            self._reading = False
            if not self.protocol.eof_received():
                self.close()

    def _lose(self, state: str, error: Exception | None) -> None:
        if self.lost:
            return
        self.lost = self._closing = True
        self._reading = False
        self.state = state
        self._unsent.clear()
        self._inbox.clear()
        self._soon.append(lambda: self.protocol.connection_lost(error))
