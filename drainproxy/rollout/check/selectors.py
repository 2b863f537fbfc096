"""Label selectors in manifests with positions, and an index of what has them."""

from collections.abc import Iterable, Mapping

from drainproxy.manifests.selectors import Requirement, Selector

from .copies import Shelf
from .place import Object, Place


def read_selector(place: Place) -> Selector:
    """A LabelSelector, whatever is wrong with it; that of a Service is a mapping alone."""
    expressions = [
        Requirement(
            each.at("key").text,
            each.at("operator").text,
            [value.text for value in each.at("values").items],
        )
        for each in place.at("matchExpressions").items
    ]
    return Selector(place.at("matchLabels").texts, expressions)


class Index:
    """Objects under one label that their selector demands: for a pod, few are looked at."""

    def __init__(self, found: Iterable[tuple[Object, Selector]]) -> None:
        self._selectors: dict[int, Selector] = {}
        keyed = []
        for each, selector in found:
            self._selectors[id(each)] = selector
            keyed.append((selector.label, each))
        self._shelf = Shelf(keyed)

    def selecting(self, labels: Mapping[str, str], near: Object) -> list[Object]:
        """Those that select these labels, in the namespace of another object."""
        return [
            each
            for label in (*labels.items(), None)
            for each in self._shelf.near(label, near)
            if self._selectors[id(each)].selects(labels)
        ]
