"""Finds items of lists by one of their own values, without reading the list each time."""

from typing import Any


class ListIndex:
    """What was found out about some lists; who changes an item of one of them says so."""

    def __init__(self) -> None:
        # With the list itself, whose identity another could have when it is gone.
        self._known: dict[tuple[int, str], tuple[list[Any], dict[str, int]]] = {}

    def find(self, items: list[Any], step: str) -> int | None:
        """The index of the first item that has the value in `key=value`, or that is `3` itself."""
        key, equals, text = step.partition("=")
        if not equals:
            is_index = step.isascii() and step.isdigit() and len(step) < 7
            return int(step) if is_index and int(step) < len(items) else None
        if (id(items), key) not in self._known:
            self._known[id(items), key] = items, _index(items, key)
        return self._known[id(items), key][1].get(text)

    def changed(self, items: list[Any], at: int, key: str, old: Any, new: Any) -> None:
        """An item has another value there now."""
        if known := self._known.get((id(items), key)):
            _, index = known
            if index.get(str(old)) == at:
                del index[str(old)]
            index.setdefault(str(new), at)


def _index(items: list[Any], key: str) -> dict[str, int]:
    index: dict[str, int] = {}
    for at, item in enumerate(items):
        if isinstance(item, dict) and key in item and not isinstance(item[key], dict | list):
            index.setdefault(str(item[key]), at)
    return index
