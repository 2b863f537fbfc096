"""Finds the Services that select a pod by an index of labels, without comparing all with each
other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from drainproxy.manifests.services import POD_NAME, Service

from .density import Effort

# Namespace, key and value; for POD_NAME the StatefulSet's name.
_Label = tuple[str, str, str | None]
# The labels of a pod as Services see them: namespace, labels, name of the StatefulSet.
_Labels = tuple[str, frozenset[tuple[str, str]], str | None]
# Namespace and selector: what has both in common is compared once.
_Alike = tuple[str, frozenset[tuple[str, str]]]

# Characters of the input for each port of a Service that leads to a workload of it, where all that
# are behind one are weighed with each other, and for each comparison of labels with a selector.
_LEAD: Final = 11
_COMPARISON: Final = 2
_PROBLEM: Final = "too many workloads are behind too many Services, as this one behind Service"


class Selecting:
    """The Services of an input by the pods that they select."""

    def __init__(self, services: Sequence[Service], effort: Effort) -> None:
        self._places = {id(each): at for at, each in enumerate(services)}
        self._index = _by_rarest(services)
        self._known: dict[_Labels, list[Service]] = {}
        self._effort = effort

    def services(
        self, namespace: str, labels: Mapping[str, str], stateful_set: str | None = None
    ) -> Sequence[Service]:
        """Those that select a pod with these labels, in their order; TooMuch if there are too many
        to compare."""
        key = namespace, frozenset(labels.items()), stateful_set
        if key not in self._known:
            found: list[Service] = []
            for label in dict.fromkeys((*labels.items(), (POD_NAME, stateful_set))):
                for alike in self._index.get((namespace, *label), ()):
                    self._weigh(_COMPARISON * (len(alike) + _length(alike[0])), alike[0])
                    if alike[0].selects(namespace, labels, stateful_set):
                        found += alike
            self._known[key] = sorted(found, key=lambda each: self._places[id(each)])
        return self._known[key]

    def weigh(self, services: Iterable[Service]) -> None:
        """Count what leads to one workload; TooMuch if that is too much."""
        for each in services:
            self._weigh(_LEAD * (1 + len(each.ports)), each)

    def _weigh(self, characters: int, service: Service) -> None:
        self._effort.spend(characters, _PROBLEM, service.name)


def _length(service: Service) -> int:
    return len(service.selector)


def _by_rarest(services: Iterable[Service]) -> dict[_Label, list[list[Service]]]:
    """By the label of each selector that the fewest have: many have one in common."""
    alike: dict[_Alike, list[Service]] = {}
    for service in services:
        selector = frozenset(service.selector.items())
        alike.setdefault((service.namespace, selector), []).append(service)
    labels = [(_labels(each[0]), each) for each in alike.values()]
    counts = Counter(label for found, _ in labels for label in found)
    index: dict[_Label, list[list[Service]]] = {}
    for found, each in labels:
        if found:
            index.setdefault(min(found, key=counts.__getitem__), []).append(each)
    return index


def _labels(service: Service) -> list[_Label]:
    """What it selects by."""
    selector: dict[str, str | None] = {**service.selector}
    if service.stateful_set is not None:
        selector[POD_NAME] = service.stateful_set
    return [(service.namespace, *pair) for pair in selector.items()]
