"""The interfaces of a goodbye and of its carrier.

A goodbye knows the protocol of its stream. A carrier knows how one stream is transported: as raw
bytes, in chunks, or as DATA within flow control.
"""

from typing import Protocol, TypeVar


class Carrier(Protocol):
    """Writes for a goodbye, behind all that the client has got so far. After `finish`, and after a
    WebSocket's Close, nothing of the app follows."""

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
        """Send these bytes to the client; they fit into `room`."""

    def count_goodbye(self, why: str) -> None:
        """Count a goodbye that was sent for this reason."""

    def finish(self, ending: int) -> None:
        """End both sides of the stream; the ledger books it as `ending`."""


AnyCarrier = TypeVar("AnyCarrier", bound=Carrier, contravariant=True)


class Goodbye(Protocol[AnyCarrier]):
    """The goodbye of one stream. Call `poll` after each of the other methods, after bytes have
    passed, and at the moment that it returned. Times in seconds."""

    @property
    def waits(self) -> bool:
        """Whether `poll` has anything to wait for."""

    def say(self, why: str, now: float) -> None:
        """Ask for the goodbye: it is sent as soon as nothing in transit is lost by it."""

    def hasten(self, why: str, now: float) -> None:
        """Time is up: send the goodbye at the next boundary."""

    def cancel(self, remaining: str, now: float) -> None:
        """Take back a goodbye that was not sent. `remaining`: another reason for it, or empty."""

    def poll(self, now: float, carrier: AnyCarrier) -> float:
        """Send what may be sent now, or end what has to end. Returns when to call again; inf: not
        before bytes move."""
