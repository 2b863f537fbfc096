"""Which workloads of an input a Service or a NetworkPolicy affects, found by an index.

Policies select by labels: pods that agree in all labels that any policy names count as one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from drainproxy.manifests.policies import Move, NetworkPolicy, PolicyPod
from drainproxy.manifests.services import Service

from .capture import Capture, Rewrite
from .density import Effort
from .service_edits import move

# Characters of the input for each comparison of a pod with a part of a policy.
_COMPARISON: Final = 4
# Of pods that differ in labels alone so many are looked at where no label selects them.
_ENOUGH: Final = 100
_PROBLEM: Final = "too many pods are to be compared with"

# A workload by its number, where its pods are, and a port of it.
_Moved = tuple[int, PolicyPod, Move]
# Namespace, key and value; None is any namespace.
_Label = tuple[str | None, str, str]


class Behind(Struct, frozen=True):
    """A workload: where its pods are, and how clients are led to them; None if to no sidecar.

    `stateful_set` is its name if it is one, `title` what messages call it, `names` those of its
    ports by their numbers.
    """

    place: PolicyPod
    capture: Capture | None = None
    stateful_set: str | None = None
    title: str = ""
    names: Mapping[int, Sequence[str]] = {}

    def moves(self) -> Iterator[Move]:
        """Where clients of its ports come now."""
        ports = self.capture.ports if self.capture else ()
        new = {each.renamed for each in ports}
        names = {
            port: {name: None for name in self.names.get(port, ()) if name not in new}
            for port in {each.port for each in ports}
        }
        for each in ports:
            names[each.port] |= {each.name: None} if each.name else {}
        for each in ports:
            yield move(each, names[each.port])


class AffectedWorkloads:
    """The workloads by what may lead to them; each method raises TooMuch where it would have to
    look at too many."""

    def __init__(
        self, workloads: Sequence[Behind], views: Iterable[Service | NetworkPolicy], effort: Effort
    ) -> None:
        self._effort = effort
        self._keys = {key for view in views for key in view.label_keys()}
        self._rewrites: dict[int, list[tuple[int, Rewrite]]] = {}
        self._by_label: dict[_Label, list[_Moved]] = {}
        # Also by None for all namespaces.
        self._by_port: dict[str | None, dict[int | str, list[_Moved]]] = {}
        # The same by where the sidecar listens; of those that are alike but for labels, a few.
        self._by_listen: dict[str | None, dict[int, dict[Move, list[_Moved]]]] = {}
        self._titles = [each.title for each in workloads]
        # Policies hold for the app's ports of these, and for the sidecar's if somebody comes there.
        self._redirected = set[int]()
        self._behind: dict[object, Behind] = {}
        # How many more are like the first that has this move, for messages.
        self._more: dict[tuple[int, Move], int] = {}
        known: dict[object, int] = {}
        for at, each in enumerate(workloads):
            alike = self._alike(each.place)
            self._behind.setdefault((alike, each.stateful_set), each)
            for rewrite in each.capture.rewrites if each.capture else ():
                self._rewrites.setdefault(rewrite.service.key, []).append((at, rewrite))
            is_redirected = each.capture is not None and each.capture.mode == "redirect"
            if is_redirected:
                self._redirected.add(at)
            for one in each.moves():
                first = known.setdefault((alike, one, is_redirected), at)
                if first == at:
                    self._add((at, each.place, one))
                else:
                    self._more[first, one] = self._more.get((first, one), 0) + 1
        self._numbers = {
            namespace: sorted(port for port in ports if isinstance(port, int))
            for namespace, ports in self._by_port.items()
        }
        self._listens = {
            namespace: sorted(listening) for namespace, listening in self._by_listen.items()
        }

    def _alike(self, place: PolicyPod) -> object:
        return place.namespace, frozenset(self._labels(place))

    def _labels(self, place: PolicyPod) -> Iterator[tuple[str, str]]:
        """Those that matter; what is asked about may be few of many."""
        yield from ((key, place.labels[key]) for key in self._keys & place.labels.keys())

    def _add(self, moved: _Moved) -> None:
        at, place, one = moved
        for namespace in (place.namespace, None):
            for label in self._labels(place):
                self._by_label.setdefault((namespace, *label), []).append(moved)
            listening = self._by_listen.setdefault(namespace, {}).setdefault(one.listen, {})
            listening.setdefault(one, []).append(moved)
            if at in self._redirected:
                continue
            ports = self._by_port.setdefault(namespace, {})
            keys: list[int | str] = [one.port, *one.names]
            for port in keys:
                ports.setdefault(port, []).append(moved)

    def rewrites(self, view: Service) -> list[tuple[int, Rewrite]]:
        """What the ports of a Service are to target."""
        return self._rewrites.get(view.key, [])

    def moves(self, view: NetworkPolicy) -> list[_Moved]:
        """The ports that a policy allows where the sidecar listens at one that it does not."""
        found: dict[tuple[int, int], _Moved] = {}
        characters = _COMPARISON * view.size()
        for moved in self._candidates(view):
            at, place, one = moved
            if at in self._redirected:
                continue
            self._effort.spend(characters, _PROBLEM, _called(view))
            if any(view.too_narrow(place, one)):
                found[at, one.listen] = moved
        return [found[key] for key in sorted(found)]

    def opened(self, view: NetworkPolicy, moves: Iterable[_Moved]) -> dict[str, int]:
        """The ports of workloads to which a policy would let clients with these moves, although it
        does not allow them, each with the number of its workload: the sidecar listens for them at
        a port that the policy allows, or is to allow for the sake of others."""
        paths: dict[int, set[tuple[str, ...]]] = {}
        for _, place, one in moves:
            paths.setdefault(one.listen, set()).update(view.too_narrow(place, one))
        found: dict[str, int] = {}
        for at, place, one in self._listening(view, paths):
            if view.opens(place, one, paths.get(one.listen, ())):
                more = self._more.get((at, one), 0)
                like_it = f" and {more:,} more" if more else ""
                found.setdefault(f"port {one.port} of {self._titles[at]}{like_it}", at)
        return found

    def has_behind(self, view: Service | NetworkPolicy) -> bool:
        """Whether a workload of the input is among those that it is about."""
        characters = _COMPARISON * view.size()
        for each in self._behind.values():
            self._effort.spend(characters, _PROBLEM, _called(view))
            if _concerns(view, each):
                return True
        return False

    def _candidates(self, view: NetworkPolicy) -> Iterator[_Moved]:
        rarest, everywhere = self._peers(view)
        for each in rarest:
            yield from each
        for namespace in everywhere:
            yield from self._by_ports(namespace, view)

    def _listening(self, view: NetworkPolicy, moved: Iterable[int]) -> Iterator[_Moved]:
        """What may be behind a policy, where the sidecar listens at one of these or at a port that
        the policy allows."""
        rarest, everywhere = self._peers(view)
        for each in rarest:
            yield from each
        characters = _COMPARISON * view.size()
        for namespace in everywhere:
            groups = self._by_listen.get(namespace, {})
            allowed = _within(self._listens.get(namespace, []), view)
            for at in dict.fromkeys(chain(moved, allowed)):
                for alike in groups.get(at, {}).values():
                    self._effort.spend(characters, _PROBLEM, _called(view))
                    yield from alike[:_ENOUGH]

    def _peers(self, view: NetworkPolicy) -> tuple[Iterable[list[_Moved]], Iterable[str | None]]:
        """What has a label that it selects by, and the namespaces where it selects without one."""
        rarest: dict[_Label, list[_Moved]] = {}
        everywhere: dict[str | None, None] = {}
        for namespace, selector in view.peers():
            labels = [(namespace, *label) for label in selector.labels.items()]
            if labels:
                label = min(labels, key=lambda each: len(self._by_label.get(each, ())))
                rarest[label] = self._by_label.get(label, [])
            else:
                everywhere[namespace] = None
        return rarest.values(), everywhere

    def _by_ports(self, namespace: str | None, view: NetworkPolicy) -> Iterator[_Moved]:
        ports = self._by_port.get(namespace, {})
        for name in dict.fromkeys(view.port_names()):
            yield from ports.get(name, ())
        for number in _within(self._numbers.get(namespace, []), view):
            yield from ports[number]


def _within(numbers: Sequence[int], view: NetworkPolicy) -> Iterator[int]:
    """Those of some numbers, which are sorted, that a policy allows."""
    for first, last in dict.fromkeys(view.port_ranges()):
        yield from numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]


def _called(view: Service | NetworkPolicy) -> str:
    what = "Service" if isinstance(view, Service) else "NetworkPolicy"
    return f"{what} {view.metadata.name}"


def _concerns(view: Service | NetworkPolicy, each: Behind) -> bool:
    place = each.place
    if isinstance(view, Service):
        return view.selects(place.namespace, place.labels, each.stateful_set)
    return view.selects(place) or any(
        not rule.to or any(peer.may_be(place, view.namespace) for peer in rule.to)
        for rule in view.egress
    )
