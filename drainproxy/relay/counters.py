"""The counters of the data path: plain integers that only grow, read at a scrape."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from drainproxy.drain.ledger import KINDS
from drainproxy.relay.methods import Calls, Methods

# Upper bounds of the histograms, in seconds.
DURATION_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
AGE_BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0)

_kind_and_opened = attrgetter("kind", "opened")


class Histogram:
    """A histogram: counts by upper bound, and the sum of all values."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def plus(self, other: "Histogram") -> "Histogram":
        """The sum of both histograms."""
        sums = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        return self._with(sums, self.total + other.total)

    def less(self, other: "Histogram") -> "Histogram":
        """This histogram without the values of `other`, which are part of it."""
        rest = [mine - its for mine, its in zip(self.counts, other.counts, strict=True)]
        return self._with(rest, max(self.total - other.total, 0.0))

    def _with(self, counts: list[int], total: float) -> "Histogram":
        made = Histogram(self.bounds)
        made.counts, made.total = counts, total
        return made


class Answered(Protocol):
    """An exchange whose answer has begun. `begun`: its first byte was counted already, since the
    rest of the answer came in a later read."""

    kind: str
    status: int
    opened: float
    begun: bool


class Counters:
    """All counters of the data path."""

    __slots__ = (
        "_first_parts",
        "_in_parts",
        "accept_failures",
        "ages",
        "app_connect_failures",
        "bytes_from_app",
        "bytes_from_clients",
        "codes",
        "connections",
        "durations",
        "goodbyes",
        "max_streams_reached",
        "methods",
        "rejected",
        "unanswered",
        "websocket_closes",
    )

    def __init__(self) -> None:
        self.codes: dict[str, defaultdict[int, int]] = {kind: defaultdict(int) for kind in KINDS}
        # Seconds by kind: from the head of a request to the end of its answer, for all answers and
        # for those that came in more than one read; and to the first byte of the latter.
        self.durations = {kind: Histogram(DURATION_BOUNDS) for kind in KINDS}
        self._in_parts = {kind: Histogram(DURATION_BOUNDS) for kind in KINDS}
        self._first_parts = {kind: Histogram(DURATION_BOUNDS) for kind in KINDS}
        self.ages = Histogram(AGE_BOUNDS)
        self.connections: defaultdict[str, int] = defaultdict(int)
        # Goodbyes by kind and reason: to clients whose last question had no answer, and all.
        self.unanswered: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.goodbyes: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.rejected: defaultdict[str, int] = defaultdict(int)
        self.bytes_from_clients = 0
        self.bytes_from_app = 0
        self.accept_failures = self.app_connect_failures = 0
        self.max_streams_reached = 0
        # By the code of the first Close, and by its sender: client, app or us.
        self.websocket_closes: defaultdict[tuple[int, str], int] = defaultdict(int)
        self.methods = Methods()

    def answered(self, exchange: Answered, now: float) -> None:
        """Count an answer that has ended: its status, and its duration."""
        kind = exchange.kind
        self.codes[kind][exchange.status] += 1
        # Histogram.observe, inlined: each request would pay for the call.
        durations, seconds = self.durations[kind], now - exchange.opened
        durations.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        durations.total += seconds
        if exchange.begun:
            self._in_parts[kind].observe(seconds)

    def all_answered(self, exchanges: Iterable[Answered], now: float) -> None:
        """Count answers that have ended in one read. Most of such are of one kind and have begun
        in one read too: then they have one duration."""
        for (kind, opened), alike in groupby(exchanges, _kind_and_opened):
            codes, durations = self.codes[kind], self.durations[kind]
            seconds, number = now - opened, 0
            for exchange in alike:
                codes[exchange.status] += 1
                number += 1
                if exchange.begun:
                    self._in_parts[kind].observe(seconds)
            durations.counts[bisect_left(DURATION_BOUNDS, seconds)] += number
            durations.total += seconds * number

    def answer_begun(self, exchange: Answered, now: float) -> None:
        """Count the first byte of an answer whose rest comes in a later read."""
        exchange.begun = True
        self._first_parts[exchange.kind].observe(now - exchange.opened)

    def first_bytes(self) -> dict[str, Histogram]:
        """Seconds from the head of a request to the first byte of its answer, by kind.

        The first byte of an answer that came in one read came when the answer ended.
        """
        return {
            kind: whole.less(self._in_parts[kind]).plus(self._first_parts[kind])
            for kind, whole in self.durations.items()
        }

    @property
    def grpc(self) -> dict[bytes, Calls]:
        """Calls by method, then by status."""
        return self.methods.by_name
