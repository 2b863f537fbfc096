"""What is in flight is held, not guessed.

Whoever works on an answer is a `Hold`: it is opened once and closed once, with the way it ended.
Drained means that the last hold was released; nothing polls.
"""

from collections.abc import Callable
from typing import Protocol

KINDS = ("http1", "http2", "grpc", "sse", "websocket", "tcp")

# How an exchange can end. Plain ints: they index `Tally.ended` on the data path.
FINISHED, GOODBYE, CLIENT_LEFT, APP_LEFT, CUT = range(5)
ENDINGS = ("finished", "goodbye", "client_left", "app_left", "cut")


class Hold(Protocol):
    """Something in flight: a request, a tunnel, a stream."""

    kind: str
    opened: float

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def path(self) -> str:
        """What was asked for, as the client wrote it; empty where the protocol has none."""


class Tally:
    """The counts of one kind."""

    __slots__ = ("ended", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self.ended = [0] * len(ENDINGS)


class Ledger:
    """All that is in flight, and how all that was in flight ended."""

    __slots__ = ("holds", "on_empty", "tallies")

    def __init__(self) -> None:
        self.holds: set[Hold] = set()
        self.tallies = {kind: Tally() for kind in KINDS}
        # Called when the last hold is released; set only while somebody waits for that.
        self.on_empty: Callable[[], None] | None = None

    def open(self, hold: Hold) -> None:
        """From now on `hold` is in flight, as `hold.kind`."""
        self.holds.add(hold)
        self.tallies[hold.kind].in_flight += 1

    def close(self, hold: Hold, ending: int) -> None:
        """`hold` ended in the given way; KeyError if it was not open."""
        self.holds.remove(hold)
        tally = self.tallies[hold.kind]
        tally.in_flight -= 1
        tally.ended[ending] += 1
        if self.on_empty is not None and not self.holds:
            self.on_empty()

    def reclassify(self, hold: Hold, kind: str) -> None:
        """An open hold turns out to be of another kind (a response that is an event stream)."""
        self.tallies[hold.kind].in_flight -= 1
        hold.kind = kind
        self.tallies[kind].in_flight += 1

    def in_flight(self) -> dict[str, int]:
        """How many are in flight, by kind; kinds with none are there too."""
        return {kind: tally.in_flight for kind, tally in self.tallies.items()}

    def ended(self) -> dict[str, list[int]]:
        """How many ended so far, by kind and in the order of `ENDINGS`."""
        return {kind: list(tally.ended) for kind, tally in self.tallies.items()}

    def oldest(self, most: int) -> list[Hold]:
        """The holds that have been open longest, oldest first."""
        return sorted(self.holds, key=lambda hold: hold.opened)[:most]
