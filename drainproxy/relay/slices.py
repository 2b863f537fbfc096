"""Work on many items, such as all connections, in slices: one in each turn of the event loop.

Ten thousand goodbyes take the better part of a second. In a single turn they would delay all other
traffic, and probes, for as long. So a turn takes a slice, and the loop does its other work between
two slices.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import inf
from operator import call
from typing import Any, Never, TypeVar

# A slice has at most so many items, and begins none after so many seconds. The number is needed
# too, since the loop closes connections only after the slice, which takes some 0.1 ms for each.
_MOST, _SECONDS = 100, 0.004

T = TypeVar("T")


class Slices:
    """All work in slices. `soon` calls a function in the next turn of the loop; `now` is a clock,
    in seconds. `working`: some work is not done yet. `unbounded`: set it where the process ends
    sooner than later turns come; the next slice does all work.

    Work is done in the order in which it was given. An exception of one item ends only the slice:
    the loop is told of it, and the items behind it follow in the next slice.
    """

    __slots__ = ("_now", "_soon", "_work", "unbounded", "working")

    def __init__(
        self, soon: Callable[[Callable[[], None]], object], now: Callable[[], float]
    ) -> None:
        self._soon = soon
        self._now = now
        # The remaining items of each work, and the function to call with them.
        self._work: deque[tuple[Iterator[Any], Callable[[Any], object]]] = deque()
        self.working = self.unbounded = False

    def each(self, items: Iterable[T], act: Callable[[T], object]) -> None:
        """Call `act` with each of `items`, which are taken from their iterator one by one. The
        first slice is done now, unless other work is still under way."""
        self._work.append((iter(items), act))
        if not self.working:
            self.working = True
            try:
                self._slice()
            except Exception as error:
                # A drain has more to do than this.
                self._soon(partial(_fail, error))

    def then(self, step: Callable[[], object]) -> None:
        """Call `step` when all work that was given before is done, which may be now."""
        self.each((step,), call)

    def _slice(self) -> None:
        work, now = self._work, self._now
        end, left = (inf, inf) if self.unbounded else (now() + _SECONDS, _MOST)
        try:
            while work:
                items, act = work[0]
                for item in items:
                    act(item)
                    left -= 1
                    if not left or now() >= end:
                        return
                work.popleft()
        finally:
            self.working = bool(work)
            if work:
                self._soon(self._slice)


def _fail(error: Exception) -> Never:
    raise error
