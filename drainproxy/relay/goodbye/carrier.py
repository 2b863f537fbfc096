"""What a goodbye and its carrier ask of each other.

A goodbye knows its protocol, and a carrier what differs between the transports of one kind of
stream: raw bytes, chunks, or DATA with windows.
"""

from typing import Protocol, TypeVar


class Carrier(Protocol):
    """Writes for a goodbye. What it sends stands behind all that the client has got so far, and
    nothing of the app follows it."""

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

    def count_goodbye(self, why: str) -> None:
        """A goodbye has been said for this reason: count it."""

    def finish(self, ending: int) -> None:
        """End both sides of the stream, which is booked as `ending`."""


AnyCarrier = TypeVar("AnyCarrier", bound=Carrier, contravariant=True)


class Goodbye(Protocol[AnyCarrier]):
    """The goodbye of one stream. Call `poll` after each of the other methods, after bytes have
    passed, and at the moment that it returned. Times in seconds."""

    @property
    def waits(self) -> bool:
        """Whether there is anything to poll for."""

    def say(self, why: str, now: float) -> None:
        """Say goodbye as soon as that loses nothing."""

    def hasten(self, why: str, now: float) -> None:
        """Time is up: say it at the next place that does no harm to the framing."""

    def cancel(self, remaining: str, now: float) -> None:
        """Take back what has not been said, but for the reason that remains, if one does."""

    def poll(self, now: float, carrier: AnyCarrier) -> float:
        """Say what may be said now, or end what has to end; returns when to ask again, inf if not
        before something moves."""
