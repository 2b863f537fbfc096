"""Where the sidecar listens for each port of the app, so that no NetworkPolicy lets clients to more
than before.

In each pod the numbers go up from 9181. A policy that lists a port of the app is changed to allow
the sidecar's beside it, in every pod that the policy is about; were that 9181, it would allow
whatever is behind 9181 in the others. So the number for a listed port follows from that port: it is
the same in every pod, and no other port has it. It depends on nothing else, so that another
workload or another input moves none, unless an app listens there itself.
"""

from bisect import bisect_right
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from drainproxy.manifests.policies import NetworkPolicy

# Behind the default admin port. What the app listens on without declaring it we cannot know:
# the annotation `forward` chooses other ports. More than these, few pods have ports.
_IN_ORDER: Final = range(9181, 9301)
# Ports from 32768 to 60999 are given to connections of the app (ip_local_port_range of Linux), and
# could not be listened on again after a restart.
_DISTANCE: Final = 10_000
_LAST_BEFORE_EPHEMERAL: Final = 32_767
# For ports that are too high for the distance. Both numbers are prime to each other: a number that
# is in use is passed by, and no port comes back to it soon.
_HIGH: Final = 61_000
_MANY_HIGH: Final = 4_500
_STEP: Final = 97
_ATTEMPTS: Final = 40
# Istio's proxy, which its webhook adds, listens on some of them.
_MESH: Final = range(15_000, 15_100)


class _Intervals:
    """Numbers of ports, as ranges that do not overlap."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for first, last in sorted(ranges):
            if self._ends and first <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], last)
            elif first <= last:
                self._starts.append(first)
                self._ends.append(last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]


class ListedPorts:
    """The TCP ports that NetworkPolicies list. For which pods is not asked: so all that are behind
    one Service have the same number for the same port. `apps` are the ports that any pod declares,
    which no policy is to allow for the sake of others; `names` are
    those by which policies list ports."""

    def __init__(self, policies: Iterable[NetworkPolicy] = (), apps: Iterable[int] = ()) -> None:
        views, self._apps = [*policies], frozenset(apps)
        ranges = {each for view in views for each in view.port_ranges()}
        self.names = frozenset(name for view in views for name in view.port_names())
        wide = {each for each in ranges if each[0] <= _IN_ORDER[0] and each[1] >= _IN_ORDER[-1]}
        # Of what is in each of the wide ones, policies allow our numbers as they are.
        self._wide = _Intervals(wide)
        self._first = max((first for first, _ in wide), default=1)
        self._last = min((last for _, last in wide), default=(1 << 16) - 1)
        self._narrow = _Intervals(ranges - wide)

    def own_numbers(self, port: int, names: Collection[str]) -> Iterator[int]:
        """Where to listen for a port that policies tell apart from others, the first that is free;
        nothing if any free number will do."""
        is_listed = port in self._narrow or not self.names.isdisjoint(names)
        if is_listed or not self._first <= port <= self._last:
            for number in _following(port):
                if not any(number in each for each in (self._narrow, self._wide, self._apps)):
                    yield number

    def free_numbers(self, busy: Container[int]) -> Iterator[int]:
        """Where the sidecar can listen for others, in order."""
        unlisted = (at for at in range(_IN_ORDER.start, 1 << 16) if at not in self._narrow)
        yield from (at for at in unlisted if at not in busy)
        yield from (at for at in range(_IN_ORDER.start, 1 << 16) if at not in busy)


def is_in_order(number: int) -> bool:
    """Whether it follows from how many ports of the app come before."""
    return number in _IN_ORDER


def free_numbers(
    ports: Sequence[tuple[int, Collection[str]]],
    busy: set[int],
    before: Mapping[int, Sequence[int]],
    listed: ListedPorts,
) -> list[int]:
    """A number for each of these ports, which have these names: where the sidecar was `before`, or
    else one that is not `busy`."""
    found: dict[int, int] = {}
    for at, (port, _) in enumerate(ports):
        number = next((each for each in before.get(port, ()) if each not in busy), None)
        if number is not None:
            found[at] = number
            busy.add(number)
    others = listed.free_numbers(busy)
    for at, (port, names) in enumerate(ports):
        if at not in found:
            own = (each for each in listed.own_numbers(port, names) if each not in busy)
            found[at] = next(own, None) or next(others)
            busy.add(found[at])
    return [found[at] for at in range(len(ports))]


def _following(port: int) -> Iterator[int]:
    for number in (port + _DISTANCE, port + 2 * _DISTANCE):
        if number <= _LAST_BEFORE_EPHEMERAL and number not in _MESH:
            yield number
    for attempt in range(_ATTEMPTS):
        yield _HIGH + (port + _STEP * attempt) % _MANY_HIGH
