"""Everything in flight, as holds: each is opened once, and closed once with the way it ended.

A drain is over when the last hold is closed. That is an event: nothing polls.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from heapq import nsmallest
from operator import attrgetter
from typing import Protocol

KINDS = ("http1", "http2", "grpc", "sse", "websocket", "tcp")

# How a hold can end. Plain ints: they are indexes on the data path.
FINISHED, GOODBYE, CLIENT_LEFT, APP_LEFT, CUT = range(5)
ENDINGS = ("finished", "goodbye", "client_left", "app_left", "cut")
# The most unanswered goodbyes that a report names.
MOST_NAMED = 40

_kind_of = attrgetter("kind")


class Hold(Protocol):
    """Something in flight: an HTTP/1 exchange, an HTTP/2 stream, a WebSocket, a tunnel."""

    kind: str
    opened: float

    def say_goodbye(self, why: str) -> None:
        """Say goodbye as soon as that loses nothing; do nothing where the protocol has none."""

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def path(self) -> str:
        """The target of the request as the client sent it; empty where the protocol has none."""


class Ledger:
    """All open holds, and how many ended in each way. The kind of a hold may change while it is
    open: a response may turn out to be an event stream."""

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
        # Opens a hold. It is `set.add` itself, which saves a call for each request.
        self.open: Callable[[Hold], None] = self.holds.add
        self._endings = {kind: [0] * len(ENDINGS) for kind in KINDS}
        # How many holds were cut, by kind and reason.
        self.cuts: defaultdict[tuple[str, str], int] = defaultdict(int)
        # Called when the last hold is closed; set only during a drain.
        self.on_empty: Callable[[], None] | None = None
        # Holds that have replaced others (`hand_over`).
        self._stands_for: dict[Hold, Hold] = {}
        # How many goodbyes went to clients whose last message was not answered; and, during a
        # drain, when the first of them did, by hold.
        self.unanswered = 0
        self.unanswered_holds: dict[Hold, float] | None = None
        # How each watched hold has ended, None while it is open; None without any.
        self.watched: dict[Hold, int | None] | None = None

    def close(self, hold: Hold, ending: int, why: str = "") -> None:
        """Close a hold that ended in this way; `why`: the reason of a CUT. KeyError if it was not
        open."""
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
        """Replace `hold` by `to`: the ending of `to` will be that of `hold`."""
        self.holds.remove(hold)
        self.holds.add(to)
        self._stands_for[to] = hold

    def finish(self, holds: Sequence[Hold]) -> None:
        """Close all of `holds` as FINISHED; KeyError if any of them was not open."""
        left = len(self.holds) - len(holds)
        self.holds.difference_update(holds)
        if len(self.holds) != left:
            raise KeyError("of what is finished not all was open")
        # Without a step of the interpreter for each: there are one or two kinds among many holds.
        kinds = [*map(_kind_of, holds)]
        for kind in {*kinds}:
            self._endings[kind][FINISHED] += kinds.count(kind)
        if self.watched is not None:
            for hold in self.watched.keys() & holds:
                self.watched[hold] = FINISHED
        if self.on_empty is not None and not left:
            self.on_empty()

    def leave_unanswered(self, hold: Hold, now: float) -> None:
        """Note that the client of `hold` got a goodbye before the answer to its last message."""
        self.unanswered += 1
        if self.unanswered_holds is not None and len(self.unanswered_holds) < MOST_NAMED:
            self.unanswered_holds[hold] = now

    def in_flight(self) -> dict[str, int]:
        """How many holds are open, by kind; kinds without any have 0."""
        counts = dict.fromkeys(KINDS, 0)
        for hold in self.holds:
            counts[hold.kind] += 1
        return counts

    def ended(self) -> dict[str, list[int]]:
        """How many holds ended so far, by kind, in the order of `ENDINGS`."""
        return {kind: list(counts) for kind, counts in self._endings.items()}

    def watch(self, holds: Sequence[Hold]) -> None:
        """Record in `watched` how these holds end, in place of those watched before."""
        self.watched = dict.fromkeys(holds)

    def oldest(self, most: int) -> list[Hold]:
        """The `most` oldest holds, the oldest first; if there are more, some of each kind."""
        # Not sorted: only a few of maybe ten thousand are needed.
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
