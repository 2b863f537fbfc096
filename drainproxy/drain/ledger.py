"""Everything in flight, each as a hold that is opened once and closed once, with the way it ended.

A drain is over when the last hold is closed: that is an event, nothing polls.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Protocol

KINDS = ("http1", "http2", "grpc", "sse", "websocket", "tcp")

# How an exchange can end. Plain ints: they are indexes on the data path.
FINISHED, GOODBYE, CLIENT_LEFT, APP_LEFT, CUT = range(5)
ENDINGS = ("finished", "goodbye", "client_left", "app_left", "cut")
# The most unanswered goodbyes that a report names.
MOST_NAMED = 40


class Hold(Protocol):
    """Something in flight: a request, a tunnel, a stream."""

    kind: str
    opened: float

    def say_goodbye(self, why: str) -> None:
        """Tell the client to go, as soon as that loses nothing; nothing if it cannot be told."""

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def path(self) -> str:
        """What was asked for, as the client wrote it; empty where the protocol has none."""


class Ledger:
    """All that is in flight, and how all that was in flight ended. The kind of a hold may change
    while it is open: a response may turn out to be an event stream."""

    __slots__ = (
        "_endings",
        "_stands_for",
        "cuts",
        "holds",
        "on_empty",
        "open",
        "unanswered",
        "unanswered_holds",
        "watched",
    )

    def __init__(self) -> None:
        self.holds: set[Hold] = set()
        # From now on a hold is in flight. Each request pays for it: so it is the set's own method.
        self.open: Callable[[Hold], None] = self.holds.add
        self._endings = {kind: [0] * len(ENDINGS) for kind in KINDS}
        # How many were cut, by kind and by why.
        self.cuts: defaultdict[tuple[str, str], int] = defaultdict(int)
        # Called when the last hold is released; set only while somebody waits for that.
        self.on_empty: Callable[[], None] | None = None
        # Holds that have taken the place of others.
        self._stands_for: dict[Hold, Hold] = {}
        # Goodbyes to clients whose last message was not answered, and their holds, if asked for.
        self.unanswered = 0
        self.unanswered_holds: dict[Hold, float] | None = None
        # How each of those ended that are watched; None while it is open.
        self.watched: dict[Hold, int | None] | None = None

    def close(self, hold: Hold, ending: int, why: str = "") -> None:
        """`hold` ended in the given way, and if that is CUT, why; KeyError if it was not open."""
        self.holds.remove(hold)
        self._endings[hold.kind][ending] += 1
        if ending == CUT:
            self.cuts[hold.kind, why] += 1
        if self._stands_for:
            hold = self._stands_for.pop(hold, hold)
        if self.watched is not None and hold in self.watched:
            self.watched[hold] = ending
        if self.on_empty is not None and not self.holds:
            self.on_empty()

    def hand_over(self, hold: Hold, to: Hold) -> None:
        """`to` is in flight in place of `hold`, whose ending will be its own."""
        self.holds.remove(hold)
        self.holds.add(to)
        self._stands_for[to] = hold

    def finish(self, holds: Sequence[Hold]) -> None:
        """All of `holds` FINISHED; KeyError if any of them was not open."""
        left = len(self.holds) - len(holds)
        self.holds.difference_update(holds)
        if len(self.holds) != left:
            raise KeyError("of what is finished not all was open")
        endings = self._endings
        for hold in holds:
            endings[hold.kind][FINISHED] += 1
        if self.watched is not None:
            for hold in self.watched.keys() & holds:
                self.watched[hold] = FINISHED
        if self.on_empty is not None and not left:
            self.on_empty()

    def leave_unanswered(self, hold: Hold, now: float) -> None:
        """The client of `hold` has heard a goodbye `now`, and its last question has no answer."""
        self.unanswered += 1
        if self.unanswered_holds is not None and len(self.unanswered_holds) < MOST_NAMED:
            self.unanswered_holds[hold] = now

    def in_flight(self) -> dict[str, int]:
        """How many are in flight, by kind; kinds with none are there too."""
        counts = dict.fromkeys(KINDS, 0)
        for hold in self.holds:
            counts[hold.kind] += 1
        return counts

    def ended(self) -> dict[str, list[int]]:
        """How many ended so far, by kind and in the order of `ENDINGS`."""
        return {kind: list(counts) for kind, counts in self._endings.items()}

    def watch(self, holds: Sequence[Hold]) -> None:
        """From now on it is remembered how these end, and of no others."""
        self.watched = dict.fromkeys(holds)

    def oldest(self, most: int) -> list[Hold]:
        """The holds that have been open longest, oldest first; if they are more than `most`, some
        of each kind."""
        # Of ten thousand only a few are asked for, so they are not sorted.
        by_kind: defaultdict[str, list[Hold]] = defaultdict(list)
        for hold in self.holds:
            by_kind[hold.kind].append(hold)
        oldest = [nsmallest(most, holds, key=_opened) for holds in by_kind.values()]
        in_turn = sorted(
            (place, hold.opened, kind, hold)
            for kind, holds in enumerate(oldest)
            for place, hold in enumerate(holds)
        )
        return sorted([hold for *_, hold in in_turn[:most]], key=_opened)


def _opened(hold: Hold) -> float:
    return hold.opened
