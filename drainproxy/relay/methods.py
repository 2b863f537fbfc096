"""Counts gRPC calls by method, bounded: clients can invent any number of names."""

from collections import defaultdict

# Methods that are counted by their names, and what all others are counted as.
MOST_METHODS, _LONGEST_METHOD = 200, 200
OTHER_METHODS = b"other"
# Names beyond those whose calls are counted, should one of them deserve a place.
_MOST_CANDIDATES = 1000
# Any other status is UNKNOWN, as it is to gRPC clients.
_STATUSES = frozenset(b"%d" % status for status in range(17))
_OK, _UNIMPLEMENTED = b"0", b"12"

Calls = defaultdict[bytes, int]


class Methods:
    """Counts calls by method, then by status, both as they came.

    A name gets a place once the app has answered a call of it, and not that it knows none such.
    What guards an app refuses invented names too, so one of which a call was OK goes before all of
    which none was. Among equals, when all places are taken, one that is called more often gets that
    of the one that is called least, whose calls become those of `other`. Each time that costs more
    calls, so that no client makes an endless row of names out of it.
    """

    __slots__ = ("_all_proven", "_candidates", "_displaced", "_fewest", "_totals", "by_name")

    def __init__(self) -> None:
        self.by_name: dict[bytes, Calls] = {}
        # How often each of them was called, and those that have no place, the oldest first.
        self._totals: dict[bytes, int] = {}
        self._candidates: dict[bytes, int] = {}
        self._displaced = 0
        # A lower bound of the totals that were looked at last, maybe an old one.
        self._fewest = 0
        # Whether of each of them a call was OK.
        self._all_proven = False

    def count(self, method: bytes, status: bytes, *, answered: bool) -> None:
        """Count a call."""
        counts = self.by_name.get(method)
        if counts is None:
            named = answered and status != _UNIMPLEMENTED and len(method) <= _LONGEST_METHOD
            method = method.partition(b"?")[0]
            place = named and (method in self.by_name or self._gets_place(method, status == _OK))
            method = method if place else OTHER_METHODS
            counts = self.by_name.setdefault(method, defaultdict(int))
        if method in self._totals:
            self._totals[method] += 1
        counts[status if status in _STATUSES else b"2"] += 1

    def _gets_place(self, method: bytes, proven: bool) -> bool:
        if len(self._totals) >= MOST_METHODS:
            least = self._displaced_by(method, proven)
            if least is None:
                return False
            self._candidates.pop(method, None)
            del self._totals[least]
            others = self.by_name.setdefault(OTHER_METHODS, defaultdict(int))
            for status, count in self.by_name.pop(least).items():
                others[status] += count
        self._totals[method] = 0
        self._fewest = 0
        return True

    def _displaced_by(self, method: bytes, proven: bool) -> bytes | None:
        """The method to replace; None if this one is not called often enough."""
        if proven and (unproven := self._unproven()):
            return min(unproven, key=self._totals.__getitem__)
        if self._all_proven and not proven:
            return None
        calls = self._candidates[method] = self._candidates.get(method, 0) + 1
        if len(self._candidates) > _MOST_CANDIDATES:
            self._forget_half()
        price = calls - self._displaced // MOST_METHODS
        # Totals only grow: where a call of each was too few before, to look again is in vain.
        if price < self._fewest:
            return None
        rivals = self._totals if proven else self._unproven()
        least = min(rivals, key=self._totals.__getitem__, default=None)
        if least is None:
            return None
        self._fewest = self._totals[least]
        if price < self._fewest:
            return None
        self._displaced += 1
        return least

    def _unproven(self) -> list[bytes]:
        """Those with a place of which no call was OK; once there is none, none gets one."""
        if self._all_proven:
            return []
        unproven = [name for name in self._totals if _OK not in self.by_name[name]]
        if not unproven:
            self._all_proven, self._fewest = True, 0
        return unproven

    def _forget_half(self) -> None:
        often = sorted(self._candidates, key=self._candidates.__getitem__)[_MOST_CANDIDATES // 2 :]
        self._candidates = {name: self._candidates[name] for name in often}
