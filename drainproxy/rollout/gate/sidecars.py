"""Recognises series of the same sidecar: scraped twice, or under other labels later.

A pod with both a PodMonitor and scrape annotations is scraped by two jobs, and a Thanos without
deduplication has everything twice from two replicas of a Prometheus: the same events would count
several times. A pod whose labels change goes on in a new series, with the counts of the one before.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from .samples import Series

# What a sidecar says of its events itself; all other labels are of the target.
_OWN: Final = frozenset(("kind", "code", "method", "grpc_status", "how", "by", "reason", "le"))


def joined(series: Iterable[Series]) -> list[Series]:
    """The same, where a series that goes on under other labels of its target is one with it."""
    groups: dict[Hashable, list[Series]] = defaultdict(list)
    for each in series:
        if each.samples:
            at = (_pod(each), each.labels.get("instance"), _own(each))
            groups[at].append(each)
    found = []
    for group in groups.values():
        group.sort(key=lambda each: each.samples[0][0])
        if len(group) > 1 and not any(_overlap(*pair) for pair in pairwise(group)):
            samples = [sample for each in group for sample in each.samples]
            group = [Series(group[0].labels, samples)]
        found += group
    return found


def seen_by_both(
    series: Iterable[Series], others: Iterable[Series]
) -> Iterator[tuple[Series, Series]]:
    """Pairs of two series, one of each, that hold the same events of one sidecar."""
    by_place: dict[Hashable, list[Series]] = defaultdict(list)
    for other in others:
        for place in _places(other):
            by_place[place].append(other)
    for each in series:
        for place in _places(each):
            for other in by_place[place]:
                if _same(each, other) and _overlap(each, other):
                    yield each, other


def seen_twice(series: Sequence[Series]) -> Iterator[tuple[Series, Series]]:
    """The same among the series of one version."""
    pairs = seen_by_both(series, series)
    yield from ((one, other) for one, other in pairs if one is not other)


def differing(one: Series, other: Series) -> tuple[str, str]:
    """By which labels these two are told apart, the job first; empty if they have the same."""
    names = {*one.labels, *other.labels}
    apart = sorted(name for name in names if one.labels.get(name) != other.labels.get(name))
    apart.sort(key=lambda name: name != "job")
    return _shown(one.labels, apart), _shown(other.labels, apart)


def _shown(labels: Mapping[str, str], names: Sequence[str]) -> str:
    return ",".join(f'{name}="{labels.get(name, "")}"' for name in names)


def _places(series: Series) -> Iterator[Hashable]:
    own = _own(series)
    if pod := _pod(series):
        yield pod, own
    if instance := series.labels.get("instance"):
        yield instance, own


def _same(one: Series, other: Series) -> bool:
    """Clusters may have pods of the same name or of the same address, but hardly of both; a job may
    name its instances as it likes."""
    same_instance = one.labels.get("instance") == other.labels.get("instance")
    if _pod(one) and _pod(other):
        same_job = one.labels.get("job") == other.labels.get("job")
        return _pod(one) == _pod(other) and (same_instance or not same_job)
    return same_instance


def _pod(series: Series) -> tuple[str, str] | None:
    pod = series.labels.get("pod")
    return (series.labels.get("namespace", ""), pod) if pod else None


def _own(series: Series) -> frozenset[tuple[str, str]]:
    return frozenset(item for item in series.labels.items() if item[0] in _OWN)


def _overlap(one: Series, other: Series) -> bool:
    if not one.samples or not other.samples:
        return False
    begins = max(one.samples[0][0], other.samples[0][0])
    return begins <= min(one.samples[-1][0], other.samples[-1][0])
