"""Latency as a share: how many of the canary's answers are slower than a bound that stable keeps.

A histogram knows no time, only between which of its bounds it lies; a bound says something of those
versions alone whose histograms all have it.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .judgement import SignalJudgement, Tolerance
from .samples import Series, quantile, slower
from .versions import Version, compared


class Latency(Struct, frozen=True):
    """One signal that is a time: `share` of stable's events keep within a bound."""

    what: str
    metric: str
    kinds: tuple[str, ...]
    share: float

    @property
    def signal(self) -> str:
        """Without the bound, which depends on stable."""
        return f"{self.what} p{self.share * 100:.0f}"

    @property
    def least(self) -> int:
        """Of fewer events nobody can say what one in so many of them exceeds."""
        return round(1 / (1 - self.share))

    def series(self, version: Version) -> list[Series]:
        """The buckets that count."""
        found = version.series(self.metric)
        return [each for each in found if each.labels.get("kind") in self.kinds]


class NotJudged(Struct, frozen=True):
    """Why a latency is no signal, although there are requests."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: not judged, {self.reason}"


DURATION: Final = "drainproxy_request_duration_seconds_bucket"
FIRST_BYTE: Final = "drainproxy_time_to_first_byte_seconds_bucket"
LATENCIES: Final = tuple(
    Latency(what, metric, kinds, share)
    for what, metric, kinds in (
        ("latency", DURATION, ("http1", "http2")),
        ("first byte", FIRST_BYTE, ("grpc", "sse")),
    )
    for share in (0.9, 0.99)
)


def judge_latency(
    each: Latency, canary: Version, stable: Version, policy: Tolerance
) -> SignalJudgement | NotJudged | None:
    """The verdict; None where stable has no such requests."""
    its, others = each.series(canary), each.series(stable)
    events = slower(others, inf, stable.scope).total
    if events < each.least:
        return _too_few(each, stable, bool(others), events)
    if not its and canary.requests(each.kinds):
        return SignalJudgement(each.signal, "hold", "no histogram of the canary is scraped")
    shared, has_all = _bounds([*its, *others])
    usually = quantile(_with(others, shared), each.share, stable.scope)
    if usually is None or usually.within == inf:
        if has_all:
            return NotJudged(each.signal, f"of stable it is {usually}, the last bound")
        reason = "the histograms of the two versions share no bound that stable keeps"
        return SignalJudgement(each.signal, "hold", reason)
    bound = usually.within
    late = slower(its, bound, canary.scope)
    usual = slower(others, bound, stable.scope)
    rest = 1 - each.share
    tolerated = Tolerance(policy.times, policy.times * rest, rest / 10)
    signal = f"{each.signal} within {bound:g} s"
    # Some are always late: what few of stable keep to, the canary misses by chance now and then.
    found = compared(signal, late, usual, tolerated, most_of_rare=late.total / 2)
    now = quantile(_with(its, shared), each.share, canary.scope)
    if found is None or now is None:
        return found
    shown = f"p{each.share * 100:.0f} {now} beside {usually}"
    return replace(found, reason=f"{shown}; slower: {found.reason}")


def _too_few(each: Latency, stable: Version, is_scraped: bool, events: int) -> NotJudged | None:
    if not stable.requests(each.kinds):
        return None
    if not is_scraped:
        return NotJudged(each.what, "no histogram is scraped")
    return NotJudged(each.signal, f"stable has had {events} of the {each.least} that it takes")


def _bounds(buckets: Sequence[Series]) -> tuple[frozenset[float], bool]:
    """Those that the histograms of all targets have, and whether none has any other."""
    by_target: dict[str, set[float]] = defaultdict(set)
    for each in buckets:
        by_target[each.target].add(float(each.labels["le"]))
    shared = frozenset[float].intersection(*map(frozenset, by_target.values()))
    return shared, all(bounds == shared for bounds in by_target.values())


def _with(buckets: Sequence[Series], bounds: frozenset[float]) -> list[Series]:
    return [each for each in buckets if float(each.labels["le"]) in bounds]
