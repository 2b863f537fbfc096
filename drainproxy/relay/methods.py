"""gRPC calls by method, of which clients can invent names without end."""

from collections import defaultdict

# Methods that are counted by their names, and what all others are counted as.
MOST_METHODS, _LONGEST_METHOD = 200, 200
OTHER_METHODS = b"other"
# Names beyond those whose calls are counted, should one of them deserve a place.
_MOST_CANDIDATES = 1000
# Any other status is UNKNOWN, as it is to gRPC clients.
_STATUSES = frozenset(b"%d" % status for status in range(17))
_UNIMPLEMENTED = b"12"

Calls = defaultdict[bytes, int]


class Methods:
    """Counts calls by method, then by status, both as they came.

    A name gets a place once the app has answered a call of it, and not that it knows none such.
    When all places are taken, one that is called more often gets that of the one that is called
    least, whose calls become those of `other`. Each time that costs more calls, so that no client
    makes an endless row of names out of it.
    """

    __slots__ = ("_candidates", "_displaced", "_fewest", "_totals", "by_name")

    def __init__(self) -> None:
        self.by_name: dict[bytes, Calls] = {}
        # How often each of them was called, and those that have no place, the oldest first.
        self._totals: dict[bytes, int] = {}
        self._candidates: dict[bytes, int] = {}
        self._displaced = 0
        # A lower bound of all totals, maybe an old one.
        self._fewest = 0

    def count(self, method: bytes, status: bytes, *, answered: bool) -> None:
        """Count a call."""
        counts = self.by_name.get(method)
        if counts is None:
            named = answered and status != _UNIMPLEMENTED and len(method) <= _LONGEST_METHOD
            method = method.partition(b"?")[0]
            place = named and (method in self.by_name or self._gets_place(method))
            method = method if place else OTHER_METHODS
            counts = self.by_name.setdefault(method, defaultdict(int))
        if method in self._totals:
            self._totals[method] += 1
        counts[status if status in _STATUSES else b"2"] += 1

    def _gets_place(self, method: bytes) -> bool:
        if len(self._totals) >= MOST_METHODS and not self._displaces(method):
            return False
        self._totals[method] = 0
        self._fewest = 0
        return True

    def _displaces(self, method: bytes) -> bool:
        calls = self._candidates[method] = self._candidates.get(method, 0) + 1
        if len(self._candidates) > _MOST_CANDIDATES:
            self._forget_half()
        price = calls - self._displaced // MOST_METHODS
        # Totals only grow: where a call of each was too few before, to look again is in vain.
        if price < self._fewest:
            return False
        least = min(self._totals, key=self._totals.__getitem__)
        self._fewest = self._totals[least]
        if price < self._fewest:
            return False
        self._displaced += 1
        self._candidates.pop(method, None)
        del self._totals[least]
        others = self.by_name.setdefault(OTHER_METHODS, defaultdict(int))
        for status, count in self.by_name.pop(least).items():
            others[status] += count
        return True

    def _forget_half(self) -> None:
        often = sorted(self._candidates, key=self._candidates.__getitem__)[_MOST_CANDIDATES // 2 :]
        self._candidates = {name: self._candidates[name] for name in often}
