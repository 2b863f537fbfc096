"""The two versions that are compared: what was found of each, and the comparison of one share."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from .judgement import Count, SignalJudgement, Tolerance, judge
from .samples import WARM_UP, Scope, Series, births, count
from .sidecars import joined

Labels = Mapping[str, str]
Found = Mapping[str, Sequence[Series]]

# Of what stable had fewer in the window, the canary's few can hold no rollout.
RARE: Final = 100
_STARTS: Final = "process_start_time_seconds"
# A scrape interval where none can be told.
_USUAL_INTERVAL: Final = 15.0


class Version(Struct, frozen=True):
    """What was found of one version, and what of it counts."""

    found: Found
    scope: Scope

    def series(self, metric: str) -> Sequence[Series]:
        """Those of one metric."""
        return self.found.get(metric, ())

    def requests(self, kinds: Sequence[str]) -> int:
        """How many answers of these kinds are counted."""
        asked = self.series("drainproxy_requests_total")
        its = [each for each in asked if each.labels.get("kind") in kinds]
        return count(its, lambda _: False, self.scope).total


def version(found: Found, window: float, warm_up: float = WARM_UP) -> Version:
    """What was found, by metric, in the window that begins then (seconds since 1970)."""
    starts = found.get(_STARTS, ())
    others = [each for series in found.values() for each in series]
    gaps = [
        later[0] - earlier[0]
        for each in starts
        for earlier, later in zip(each.samples, each.samples[1:], strict=False)
    ]
    interval = median(gaps) if gaps else _USUAL_INTERVAL
    counted = {metric: joined(series) for metric, series in found.items()}
    # A restart may be seen between two series only, of which the second has other labels.
    born = births([*starts, *counted.get(_STARTS, ())], others)
    return Version(counted, Scope(born, window, interval, warm_up))


def compared(
    signal: str, canary: Count, stable: Count, policy: Tolerance, most_of_rare: float = 0
) -> SignalJudgement | None:
    """None if neither had any. What is rare may fail a rollout, and does not hold it as long as no
    more than so many bad ones happen."""
    if not canary.total and not stable.total:
        return None
    found = judge(signal, canary, stable, policy)
    if found.verdict == "hold" and stable.total < RARE and canary.bad <= most_of_rare:
        reason = f"{canary} beside {stable}: too rare to hold a rollout"
        return SignalJudgement(
            signal, "pass", reason, canary, stable, found.bound, None, found.evidence
        )
    return found
