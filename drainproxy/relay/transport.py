"""The writing side of a connection, as sessions use it."""

from typing import Any, Protocol


class Transport(Protocol):
    """The writing side of a connection; in production an asyncio transport."""

    def write(self, data: bytes) -> None:
        """Send `data` after all that was written before."""

    def write_eof(self) -> None:
        """Half-close, after what was written is out."""

    def close(self) -> None:
        """Close, after what was written is out."""

    def abort(self) -> None:
        """Close now and drop what was not sent."""

    def pause_reading(self) -> None:
        """Stop reading from the other end."""

    def resume_reading(self) -> None:
        """Read on."""

    def is_closing(self) -> bool:
        """Closed, or about to be."""

    def get_write_buffer_size(self) -> int:
        """Bytes that were written and are not in the kernel yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When `pause_writing` and `resume_writing` are called."""

    def set_protocol(self, protocol: object) -> None:
        """From now on `protocol` gets what is read."""

    def get_extra_info(self, name: str) -> Any:
        """`peername` or `socket`."""


class ClosedTransport:
    """The transport of a client that is gone: whatever is written is discarded."""

    def __init__(self, peername: Any = None) -> None:
        self._peername = peername

    def write(self, data: bytes) -> None:
        """Discard it."""

    def _nothing(self) -> None:
        """There is nothing to act on."""

    write_eof = close = abort = pause_reading = resume_reading = _nothing

    def is_closing(self) -> bool:
        """Long since."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever written."""

    def set_protocol(self, protocol: object) -> None:
        """Nothing is ever read."""

    def get_extra_info(self, name: str) -> Any:
        """There is no socket; who it was is still known."""
        return self._peername if name == "peername" else None


CLOSED = ClosedTransport()
