"""Results of Prometheus that look right but cannot be judged: they are a hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite, isnan
from operator import lt
from typing import Final

from .queries import COUNTED
from .samples import Series
from .sidecars import differing, seen_by_both, seen_twice

Found = Mapping[str, Sequence[Series]]

# What a counter holds beyond it is not exact, and no sidecar has ever counted so far.
_MOST: Final = 2.0**53
# What every sidecar has. An app in the same pod has a process too, and of buckets there are many.
_OF_SIDECARS: Final = tuple(name for name in COUNTED if name.endswith("_total"))
_CONNECTIONS: Final = "drainproxy_connections_total"
_REQUESTS: Final = "drainproxy_requests_total"
_STARTS: Final = "process_start_time_seconds"
_ENDED: Final = "drainproxy_ended_total"
# Of these kinds, whatever tells of one family is counted in the other, which has all its series
# from the start. One that a relabelling drops takes its signals with it.
_FAMILIES: Final[Sequence[tuple[str, str, Callable[[str], bool]]]] = (
    (_REQUESTS, _CONNECTIONS, lambda kind: kind != "tcp"),
    (_ENDED, _CONNECTIONS, lambda kind: kind != "tcp"),
    ("drainproxy_websocket_closes_total", _CONNECTIONS, lambda kind: kind == "websocket"),
    ("drainproxy_grpc_requests_total", _REQUESTS, lambda kind: kind == "grpc"),
)
# Of these no other tells that there is something to count, and what is unknown without them.
_NO_WITNESS: Final = {
    _STARTS: "what its pods count until their first scrape is not seen, nor is their warm-up",
    _CONNECTIONS: "refused connections have nothing to be compared with",
    "drainproxy_app_connect_failures_total": "refused connections are not seen",
}
# After so many scrapes that failed, and so many seconds, nobody knows how a version is.
_MISSED_SCRAPES: Final = 3.0
_LEAST_SILENCE: Final = 60.0


def doubt(canary: Found, stable: Found) -> str | None:
    """Why these series, by metric, are no ground for a verdict; None if they are."""
    return next(_doubts(canary, stable), None)


def _doubts(canary: Found, stable: Found) -> Iterator[str]:
    yield from _nonsense(canary)
    yield from _nonsense(stable)
    yield from _missing("the canary", canary)
    yield from _missing("stable", stable)
    for metric in _OF_SIDECARS:
        yield from _not_told_apart(canary.get(metric, ()), stable.get(metric, ()))


def _nonsense(found: Found) -> Iterator[str]:
    for metric in COUNTED:
        for series in found.get(metric, ()):
            if reason := _no_counter(metric, series):
                yield f"{metric}{{{_shown(series)}}}: {reason}"


def _missing(name: str, found: Found) -> Iterator[str]:
    for family, witness, of_kind in _FAMILIES:
        if not found.get(family) and any(
            of_kind(each.labels.get("kind", "")) and _counts(each)
            for each in found.get(witness, ())
        ):
            yield f"{family} of {name} is not scraped, though {witness} is"


def _not_told_apart(its: Sequence[Series], others: Sequence[Series]) -> Iterator[str]:
    for one, _ in seen_by_both(its, others):
        yield f"both versions have the same pod, so they cannot be compared: {one.pod}"
    for side in (its, others):
        for pair in seen_twice(side):
            yield _twice(*pair)


def _counts(series: Series) -> bool:
    return any(value > 0 for _, value in series.samples)


def vanished(canary: Found, interval: float, now: float) -> str | None:
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
    return f"the canary was last scraped {silence:.0f} s ago: its present state is unknown"


def uncounted(canary: Found, stable: Found) -> Iterator[str]:
    """What is not counted of these, and decides nothing."""
    for name, found in (("the canary", canary), ("stable", stable)):
        if any(found.get(metric) for metric in _OF_SIDECARS):
            for metric, what in _NO_WITNESS.items():
                if not found.get(metric):
                    yield f"{metric} of {name} is not scraped: {what}"


def _twice(one: Series, other: Series) -> str:
    first, second = differing(one, other)
    if not first:
        return f"a series of {one.pod} comes twice in one answer, with the same labels"
    return (
        f"the sidecar of {one.pod} is seen twice, with {first} and with {second}: each of its"
        " requests would count twice. Let one of them scrape it, or select one in both versions"
    )


def _no_counter(metric: str, series: Series) -> str | None:
    if not (series.labels.get("pod") or series.labels.get("instance")):
        return "neither pod nor instance shows which sidecar it is of, and a duplicate is not seen"
    if metric.endswith("_bucket") and not _is_number(series.labels.get("le", "")):
        return "a bucket of no histogram"
    moments = [moment for moment, _ in series.samples]
    if not all(map(lt, moments, moments[1:])):
        return "the samples are not in order of time"
    values = [value for _, value in series.samples]
    if all(map(isfinite, values)) and (not values or 0 <= min(values) <= max(values) <= _MOST):
        return None
    for value, later in pairwise([*values, 0.0]):
        # A single one that is no number is a gap, which is left out of the count: with it a series
        # ends that is not scraped any more, and not every server leaves out that mark.
        if isnan(value):
            if isnan(later):
                return "several samples after each other are no numbers"
        elif not 0 <= value <= _MOST:
            return f"no counter is at {value:g}"
    return None


def _is_number(text: str) -> bool:
    try:
        return not isnan(float(text))
    except ValueError:
        return False


def _shown(series: Series) -> str:
    return ",".join(f'{name}="{value}"' for name, value in sorted(series.labels.items()))
