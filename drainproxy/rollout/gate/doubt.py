"""What looks like an answer of Prometheus, and is nothing to judge by: for that there is a hold."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite, isnan
from typing import Final

from .queries import COUNTED
from .samples import Series

# What a counter holds beyond it is not exact, and no sidecar has ever counted so far.
_MOST: Final = 2.0**53


def doubt(
    canary: Mapping[str, Sequence[Series]], stable: Mapping[str, Sequence[Series]]
) -> str | None:
    """Why these series, by metric, are no ground for a verdict; None if they are."""
    for found in (canary, stable):
        for metric in COUNTED:
            for series in found.get(metric, ()):
                if reason := _no_counter(metric, series):
                    return f"{metric}{{{_shown(series)}}}: {reason}"
    for series in _of_both(canary, stable):
        return f"both versions have the same pod, so one of them is not told apart: {series.pod}"
    return None


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


def _of_both(
    canary: Mapping[str, Sequence[Series]], stable: Mapping[str, Sequence[Series]]
) -> Iterable[Series]:
    """Not by the pod's name: a label of a pod may change as it goes from one version's role to the
    other's, and then it has other series."""
    for metric in COUNTED:
        known = {_identity(series) for series in canary.get(metric, ())}
        yield from (each for each in stable.get(metric, ()) if _identity(each) in known)


def _identity(series: Series) -> frozenset[tuple[str, str]]:
    return frozenset(series.labels.items())


def _shown(series: Series) -> str:
    return ",".join(f'{name}="{value}"' for name, value in sorted(series.labels.items()))
