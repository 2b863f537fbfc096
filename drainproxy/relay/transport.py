"""The writing side of a connection, as sessions use it."""

from typing import Any, Protocol


class Transport(Protocol):
    """The writing side of a connection; in production an asyncio transport."""

    def write(self, data: bytes) -> None:
        """Send `data` after all that was written before."""

    def write_eof(self) -> None:
        """Half-close, after all that was written."""

    def close(self) -> None:
        """Close, after all that was written."""

    def abort(self) -> None:
        """Close now, and drop what was not sent."""

    def pause_reading(self) -> None:
        """Stop reading from the other end."""

    def resume_reading(self) -> None:
        """Read on from the other end."""

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""

    def get_write_buffer_size(self) -> int:
        """Bytes that were written and are not in the kernel yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set at how many buffered bytes `pause_writing` and `resume_writing` are called."""

    def set_protocol(self, protocol: object) -> None:
        """Deliver what is read to `protocol` from now on."""

    def get_extra_info(self, name: str) -> Any:
        """Return the `peername` or the `socket`."""


class ClosedTransport:
    """The transport of a client that is gone: writes are discarded."""

    def __init__(self, peername: Any = None) -> None:
        self._peername = peername

    def write(self, data: bytes) -> None:
        """Discard the data."""

    def _nothing(self) -> None:
        """Do nothing: there is no connection."""

    write_eof = close = abort = pause_reading = resume_reading = _nothing

    def is_closing(self) -> bool:
        """True: it is closed."""
        return True

    def get_write_buffer_size(self) -> int:
        """0: nothing is buffered."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: nothing is ever written."""

    def set_protocol(self, protocol: object) -> None:
        """Do nothing: nothing is ever read."""

    def get_extra_info(self, name: str) -> Any:
        """The `peername` that the client had; None for anything else."""
        return self._peername if name == "peername" else None


CLOSED = ClosedTransport()
