"""Smooth weighted round robin. Pure."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Rota(Generic[T]):
    """Every `next` gives each item its weight and takes the whole sum from the one with most.

    With equal weights that is plain round robin; with 1 and 19 the first comes once in 20 turns.
    """

    def __init__(self) -> None:
        self._weights: dict[T, float] = {}
        self._credit: dict[T, float] = {}

    def put(self, item: T, weight: float) -> None:
        """Take it up, or give it another weight."""
        self._weights[item] = weight
        self._credit.setdefault(item, 0.0)

    def remove(self, item: T) -> None:
        """Take it out; nothing if it is not in."""
        self._weights.pop(item, None)
        self._credit.pop(item, None)

    def next(self) -> T | None:
        """Whose turn it is; None if nobody has any weight."""
        total = sum(self._weights.values())
        if total <= 0:
            return None
        for item, weight in self._weights.items():
            self._credit[item] += weight
        chosen = max(
            (item for item, weight in self._weights.items() if weight > 0),
            key=self._credit.__getitem__,
        )
        self._credit[chosen] -= total
        return chosen
