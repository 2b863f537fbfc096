"""Label selectors in manifests with positions, and an index of the objects that they select."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from itertools import islice
from typing import Final

from drainproxy.manifests.selectors import Requirement, Selector

from .copies import Shelf
from .place import FieldPlace, Object

# More than any pod has of Services or budgets; the relation of all with all has a bound.
_MOST: Final = 100


def read_selector(place: FieldPlace) -> Selector:
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
    """Objects under what their selector demands, the rarest of it: for a pod, few are looked at."""

    def __init__(self, found: Iterable[tuple[Object, Selector]]) -> None:
        self._selectors: dict[int, Selector] = {}
        given = [(each, selector, _demands(selector)) for each, selector in found]
        count = Counter(key for *_, demands in given for keys in demands for key in keys)
        keyed: list[tuple[Hashable, Object]] = []
        for each, selector, demands in given:
            self._selectors[id(each)] = selector
            rarest = min(demands, key=lambda keys: sum(count[key] for key in keys), default=(None,))
            keyed += [(key, each) for key in dict.fromkeys(rarest)]
        self._shelf = Shelf(keyed)

    def selecting(self, labels: Mapping[str, str], near: Object) -> list[Object]:
        """Those that select these labels, in the namespace of another object."""
        found = (
            each
            for key in (*labels.items(), *labels, None)
            for each in self._shelf.near(key, near)
            if self._selectors[id(each)].selects(labels)
        )
        return [*islice(found, _MOST)]


def _demands(selector: Selector) -> list[tuple[Hashable, ...]]:
    """What pods must have, each time one of several: a label, or the key of one."""
    demands: list[tuple[Hashable, ...]] = [(label,) for label in selector.labels.items()]
    for each in selector.match_expressions or []:
        if each.operator == "In":
            demands.append(tuple((each.key, value) for value in each.values or ()))
        elif each.operator == "Exists":
            demands.append((each.key,))
    return demands
