"""Exact counts from raw samples of Prometheus.

`increase()` extrapolates, and does not see what a series held at its first sample: the first error
of a young pod is invisible to it (prometheus#1673, prometheus#3886). So raw samples are fetched
(`metric[window]`) and their differences summed: a counter that falls was reset and counts from
zero, and so does one whose process began anew, and a series that was born within the window.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import inf, isfinite
from operator import itemgetter
from typing import Final

from msgspec import Struct

from .judgement import Count

# What a pod does in its first seconds is no sign of how it will do.
WARM_UP: Final = 60.0
# The time of the boot is in whole seconds, and the start of a process is told from there: so it may
# jump by one while the process lives.
_START_JITTER: Final = 1.5


_VALUE: Final = itemgetter(1)


class Series(Struct, frozen=True):
    """One series: its labels, and samples as (seconds since 1970, value) in order of time."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]

    @property
    def pod(self) -> str:
        """Whose series it is; where pods are not labelled, what was scraped."""
        name = self.labels.get("pod") or self.labels.get("instance", "")
        return f"{self.labels.get('namespace', '')}/{name}"

    @property
    def target(self) -> str:
        """What was scraped. A pod may be several, each at moments of its own: the app has metrics
        too, with the labels of the same pod."""
        named = (self.labels.get(name) for name in ("namespace", "pod", "job", "instance"))
        return "/".join(name for name in named if name)


class Births(Struct, frozen=True):
    """Of each target: when its process began, when it was seen first, and at which scrapes a new
    process had taken its place; seconds since 1970."""

    began: Mapping[str, float]
    seen: Mapping[str, float]
    restarts: Mapping[str, frozenset[float]] = {}

    def is_new(self, series: Series, window: float) -> bool:
        """Whether the series held nothing before its first sample in the window that begins then:
        its process began later, or had been scraped before without it."""
        first, target = series.samples[0][0], series.target
        return self.began.get(target, -inf) >= window or self.seen.get(target, inf) < first

    def warm(self, series: Series, warm_up: float) -> float:
        """The moment at which its process had begun long enough before."""
        return self.began.get(series.target, -inf) + warm_up


class Scope(Struct, frozen=True):
    """What is counted: from `window` on (seconds since 1970), of pods that began at least `warm_up`
    seconds before. `interval`: seconds between two scrapes."""

    born: Births
    window: float
    interval: float
    warm_up: float = WARM_UP


def births(starts: Iterable[Series], others: Iterable[Series]) -> Births:
    """From `process_start_time_seconds` and any series of the same targets, over the same window.
    A container that is restarted stays the same: it began when it was first started."""
    began: dict[str, float] = {}
    seen: dict[str, float] = {}
    restarts: dict[str, frozenset[float]] = {}
    for series in starts:
        target = series.target
        if anew := _restarts(series):
            restarts[target] = restarts.get(target, frozenset()) | anew
        for moment, value in series.samples:
            began[target] = min(began.get(target, inf), value)
            seen[target] = min(seen.get(target, inf), moment)
    for series in others:
        target = series.target
        for moment, _ in series.samples[:1]:
            seen[target] = min(seen.get(target, inf), moment)
    return Births(began, seen, restarts)


def _restarts(starts: Series) -> frozenset[float]:
    return frozenset(
        moment
        for (_, before), (moment, value) in pairwise(starts.samples)
        if value > before + _START_JITTER
    )


class Increase(Struct, frozen=True):
    """So much more than at the sample before."""

    moment: float
    more: float


def steps(series: Series, scope: Scope) -> list[Increase]:
    """What a counter counted, sample by sample."""
    found: list[Increase] = []
    if not any(map(_VALUE, series.samples)):  # as most are: of errors that have never happened
        return found
    before = 0.0 if series.samples and scope.born.is_new(series, scope.window) else None
    restarts, last = scope.born.restarts.get(series.target, ()), inf
    warm = scope.born.warm(series, scope.warm_up)
    for moment, value in series.samples:
        if not isfinite(value):
            continue
        if before is not None and moment > warm:
            # A counter that was reset may have overtaken what it was until the next scrape.
            is_reset = value < before or (
                restarts and any(last < restart <= moment for restart in restarts)
            )
            if more := value if is_reset else value - before:
                found.append(Increase(moment, more))
        before, last = value, moment
    return found


def count(
    series: Iterable[Series], is_bad: Callable[[Mapping[str, str]], bool], scope: Scope
) -> Count:
    """Of all events in these series, those with bad labels."""
    total = bad = 0.0
    moments = []
    for each in series:
        wrong = is_bad(each.labels)
        for step in steps(each, scope):
            total += step.more
            if wrong:
                bad += step.more
                moments.append(step.moment)
    return Count(round(bad), round(total), intervals(moments, scope.interval))


def intervals(moments: Iterable[float], interval: float) -> int:
    """In how many intervals these moments lie: those of one burst are seen by several pods."""
    number, ends = 0, -inf
    for moment in sorted(moments):
        if moment >= ends:
            number, ends = number + 1, moment + interval
    return number


def slower(buckets: Iterable[Series], bound: float, scope: Scope) -> Count:
    """Of all that a histogram counted, what took longer than `bound`, which is one of its bounds;
    `buckets` are its series with the label `le`, of any pods and kinds."""
    its = [each for each in buckets if float(each.labels["le"]) in (inf, bound)]
    counted = _by_bound(its, scope)
    return _late(counted[inf], counted[bound] if bound != inf else {}, scope)


_Counted = Mapping[float, float]


def _by_bound(buckets: Iterable[Series], scope: Scope) -> defaultdict[float, dict[float, float]]:
    """What was counted within each bound, by the moment of the scrape that saw it."""
    found: defaultdict[float, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for each in buckets:
        into = found[float(each.labels["le"])]
        for step in steps(each, scope):
            into[step.moment] += step.more
    return found


def _late(total: _Counted, within: _Counted, scope: Scope) -> Count:
    late = {moment: more - within.get(moment, 0.0) for moment, more in total.items()}
    bad = max(sum(late.values()), 0.0)
    moments = [moment for moment, more in late.items() if more > 0]
    return Count(round(bad), round(sum(total.values())), intervals(moments, scope.interval))


class Edges(Struct, frozen=True):
    """Between which bounds of a histogram a quantile lies: all that it can say of it."""

    above: float
    within: float

    def __str__(self) -> str:
        if self.within == inf:
            return f"over {self.above:g} s"
        return f"{self.above:g} to {self.within:g} s"


def quantile(buckets: Sequence[Series], share: float, scope: Scope) -> Edges | None:
    """Where the smallest bound lies within which at least this share is: `within` is infinite if
    not even the largest bound holds so much. None if nothing was counted."""
    counted = _by_bound(buckets, scope)
    every = counted[inf]
    above = 0.0
    for bound in sorted(counted):
        if bound == inf:
            break
        seen = _late(every, counted[bound], scope)
        if not seen.total:
            return None
        if 1 - seen.share >= share:
            return Edges(above, bound)
        above = bound
    return Edges(above, inf) if buckets else None
