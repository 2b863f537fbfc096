"""Counts gRPC calls by method, bounded: clients can invent any number of names."""

from collections import defaultdict

# How many methods are counted by name, and how long a name may be; the label of all others.
MOST_METHODS, _LONGEST_METHOD = 200, 200
OTHER_METHODS = b"other"
# How many further names have their calls counted, in case they displace one.
_MOST_CANDIDATES = 1000
# Any other status is UNKNOWN, as it is to gRPC clients.
_STATUSES = frozenset(b"%d" % status for status in range(17))
_OK, _UNIMPLEMENTED = b"0", b"12"

Calls = defaultdict[bytes, int]


class Methods:
    """Counts calls by method, then by status.

    A method gets a counter of its own once the app has answered a call of it with another status
    than UNIMPLEMENTED. When all counters are taken, a method displaces another one, whose calls
    are then counted as `other`: a method with an OK displaces the least called without one, since
    an authenticating app also refuses invented names. Between two that both have an OK, or both
    have none, the more called displaces the less called. Each displacement raises the number of
    calls that the next one takes, so that a client cannot create new names for ever.
    """

    __slots__ = ("_all_proven", "_candidates", "_displaced", "_fewest", "_totals", "by_name")

    def __init__(self) -> None:
        self.by_name: dict[bytes, Calls] = {}
        # Calls of the methods with a counter, and of those without one.
        self._totals: dict[bytes, int] = {}
        self._candidates: dict[bytes, int] = {}
        self._displaced = 0
        # A lower bound of the totals, from the last search for the least called.
        self._fewest = 0
        # Every method with a counter has had an OK.
        self._all_proven = False

    def count(self, method: bytes, status: bytes, *, answered: bool, calls: int = 1) -> None:
        """Count `calls` that ended with this status. `answered`: the app has answered them itself,
        and its HTTP status does not deny that there is such a method."""
        counts = self.by_name.get(method)
        if counts is None and calls > 1:
            # The first ones may give the method its counter.
            for _ in range(calls):
                self.count(method, status, answered=answered)
            return
        if counts is None:
            named = answered and status != _UNIMPLEMENTED and len(method) <= _LONGEST_METHOD
            method = method.partition(b"?")[0]
            place = named and (method in self.by_name or self._gets_place(method, status == _OK))
            method = method if place else OTHER_METHODS
            counts = self.by_name.setdefault(method, defaultdict(int))
        if method in self._totals:
            self._totals[method] += calls
        counts[status if status in _STATUSES else b"2"] += calls

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
        """The method that this one displaces; None if it is not called often enough."""
        if proven and (unproven := self._unproven()):
            return min(unproven, key=self._totals.__getitem__)
        if self._all_proven and not proven:
            return None
        calls = self._candidates[method] = self._candidates.get(method, 0) + 1
        if len(self._candidates) > _MOST_CANDIDATES:
            self._forget_half()
        price = calls - self._displaced // MOST_METHODS
        # Totals only grow: below the least one that was found before, a search is in vain.
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
        """The methods with a counter that never had an OK. Once there are none, a method without an
        OK gets no counter any more."""
        if self._all_proven:
            return []
        unproven = [name for name in self._totals if _OK not in self.by_name[name]]
        if not unproven:
            self._all_proven, self._fewest = True, 0
        return unproven

    def _forget_half(self) -> None:
        often = sorted(self._candidates, key=self._candidates.__getitem__)[_MOST_CANDIDATES // 2 :]
        self._candidates = {name: self._candidates[name] for name in often}
