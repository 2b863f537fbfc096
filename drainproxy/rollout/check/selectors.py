"""Label selectors of the API, weighed as the API server does, and an index of what has them."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from .copies import Shelf
from .place import Object, Place


class Selector(Struct, frozen=True):
    """The labels that pods must have, and expressions about them."""

    labels: dict[str, str]
    expressions: list[Place] = []

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether pods with these labels are meant; an empty selector means all."""
        same = self.labels.items() <= labels.items()
        return same and all(_holds(each, labels) for each in self.expressions)


def read_selector(place: Place) -> Selector:
    """A LabelSelector; that of a Service is a mapping alone."""
    return Selector(place.at("matchLabels").texts, place.at("matchExpressions").items)


class Index:
    """Objects under one label that their selector demands: for a pod, few are looked at."""

    def __init__(self, found: Iterable[tuple[Object, Selector]]) -> None:
        self._selectors: dict[int, Selector] = {}
        keyed = []
        for each, selector in found:
            self._selectors[id(each)] = selector
            keyed.append((next(iter(selector.labels.items()), None), each))
        self._shelf = Shelf(keyed)

    def selecting(self, labels: Mapping[str, str], near: Object) -> list[Object]:
        """Those that select these labels, in the namespace of another object."""
        return [
            each
            for label in (*labels.items(), None)
            for each in self._shelf.near(label, near)
            if self._selectors[id(each)].selects(labels)
        ]


def _holds(expression: Place, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.at("key").text)
    values = {each.text for each in expression.at("values").items}
    match expression.at("operator").text:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:  # DoesNotExist
            return value is None
