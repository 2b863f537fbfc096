"""Results of Prometheus that look right but cannot be judged: they are a hold."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite, isnan
from typing import Final

from .queries import COUNTED
from .samples import Series
from .sidecars import differing, seen_by_both, seen_twice

# What a counter holds beyond it is not exact, and no sidecar has ever counted so far.
_MOST: Final = 2.0**53
# What every sidecar has. An app in the same pod has a process too, and of buckets there are many.
_OF_SIDECARS: Final = tuple(name for name in COUNTED if name.endswith("_total"))
# After so many scrapes that failed, and so many seconds, nobody knows how a version is.
_MISSED_SCRAPES: Final = 3.0
_LEAST_SILENCE: Final = 60.0


def doubt(
    canary: Mapping[str, Sequence[Series]], stable: Mapping[str, Sequence[Series]]
) -> str | None:
    """Why these series, by metric, are no ground for a verdict; None if they are."""
    for found in (canary, stable):
        for metric in COUNTED:
            for series in found.get(metric, ()):
                if reason := _no_counter(metric, series):
                    return f"{metric}{{{_shown(series)}}}: {reason}"
    for metric in _OF_SIDECARS:
        its, others = canary.get(metric, ()), stable.get(metric, ())
        if pair := next(seen_by_both(its, others), None):
            pod = pair[0].pod
            return f"both versions have the same pod, so one of them is not told apart: {pod}"
        for side in (its, others):
            if pair := next(seen_twice(side), None):
                return _twice(*pair)
    return None


def vanished(canary: Mapping[str, Sequence[Series]], interval: float, now: float) -> str | None:
    """Why what was counted does not say how the canary is at `now`, which is scraped each
    `interval` seconds; None if it does. Whether stable is still there does not matter: a blue-green
    switch has taken its place."""
    scraped = [
        each.samples[-1][0]
        for metric in _OF_SIDECARS
        for each in canary.get(metric, ())
        if each.samples
    ]
    silence = now - max(scraped, default=now)
    if silence <= max(_MISSED_SCRAPES * interval, _LEAST_SILENCE):
        return None
    return f"the canary was last scraped {silence:.0f} s ago: nobody knows how it is now"


def _twice(one: Series, other: Series) -> str:
    first, second = differing(one, other)
    return (
        f"the sidecar of {one.pod} is seen twice, with {first} and with {second}: each of its"
        " requests would count twice. Let one of them scrape it, or select one in both versions"
    )


def _no_counter(metric: str, series: Series) -> str | None:
    if metric.endswith("_bucket") and not _is_number(series.labels.get("le", "")):
        return "a bucket of no histogram"
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(series.samples)):
        return "the samples are not in order of time"
    for _, value in series.samples:
        # What is no number at all is a gap: it is left out of the count.
        if isfinite(value) and not 0 <= value <= _MOST:
            return f"no counter is at {value:g}"
    return None


def _is_number(text: str) -> bool:
    try:
        return not isnan(float(text))
    except ValueError:
        return False


def _shown(series: Series) -> str:
    return ",".join(f'{name}="{value}"' for name, value in sorted(series.labels.items()))
