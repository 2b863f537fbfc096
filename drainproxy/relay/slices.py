"""Acts on many, such as all connections, a slice in each turn of the event loop.

Ten thousand goodbyes take the better part of a second. In one turn nobody else would be served in
that time, and no probe answered. So only some are said in a turn, and what the loop has to do
meanwhile comes between.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import call
from typing import Any, Never, TypeVar

# A slice has at most so many items, and none begins after so many seconds. What was written and
# closed the loop carries out behind it, which takes some 0.1 ms for each connection: hence both.
_MOST, _SECONDS = 100, 0.004

T = TypeVar("T")


class Slices:
    """`soon` calls something in the next turn of the loop; `now` is a clock, in seconds. `working`:
    something that was begun is not done yet.

    All work is done in the order in which it was begun. Whatever goes wrong with one item, those
    behind it have their turn, and so has whoever began the work: the loop is told of the error.
    """

    __slots__ = ("_now", "_soon", "_work", "working")

    def __init__(
        self, soon: Callable[[Callable[[], None]], object], now: Callable[[], float]
    ) -> None:
        self._soon = soon
        self._now = now
        # What is left of each work, and what is to be done with it.
        self._work: deque[tuple[Iterator[Any], Callable[[Any], object]]] = deque()
        self.working = False

    def each(self, items: Iterable[T], act: Callable[[T], object]) -> None:
        """Call `act` with each of `items`, which are asked for one by one: the first ones now,
        unless other work has to come to its end first."""
        self._work.append((iter(items), act))
        if not self.working:
            self.working = True
            try:
                self._slice()
            except Exception as error:
                # A drain has more to do than this.
                self._soon(partial(_fail, error))

    def then(self, step: Callable[[], object]) -> None:
        """Call `step` when all that was begun before is done, which may be now."""
        self.each((step,), call)

    def _slice(self) -> None:
        work, now = self._work, self._now
        end, left = now() + _SECONDS, _MOST
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
