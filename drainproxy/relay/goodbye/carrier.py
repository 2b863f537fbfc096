"""The interface to what carries a goodbye: raw bytes, chunks, or DATA with windows."""

from typing import Protocol


class Carrier(Protocol):
    """What differs between the transports of one kind of stream. A goodbye asks its carrier; what
    it says stands behind all that the client has got so far, and nothing of the app follows it."""

    @property
    def at_boundary(self) -> bool:
        """Whether bytes of ours may stand here: between two frames, or two chunks."""

    @property
    def room(self) -> float:
        """How many bytes the client takes now (RFC 9113 6.9); inf without flow control."""

    @property
    def ended(self) -> bool:
        """The app has ended its side, or the client's connection is closing."""

    def has_unread(self) -> bool:
        """Whether bytes have arrived that this process was too busy to read."""

    def send(self, payload: bytes) -> None:
        """Say these bytes, which fit into `room`."""

    def told(self, why: str) -> None:
        """A goodbye has been said for this reason: count it."""

    def finish(self, ending: int) -> None:
        """End both sides of the stream, which is booked as `ending`."""
