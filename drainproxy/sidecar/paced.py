"""Acts on items one after the other, each after its delay, with a single timer."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from drainproxy.relay.slices import Slices

# In seconds: the resolution of the loop's clock and timers.
_GRAIN = 0.001

T = TypeVar("T")


class Paced(Generic[T]):
    """Calls `act` with each item after its delay, in seconds; delays ascend. Items that are due at
    the same time are taken in `slices`."""

    def __init__(
        self, slices: Slices, delayed: Iterable[tuple[float, T]], act: Callable[[T], object]
    ) -> None:
        self._slices = slices
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._left = deque(delayed)
        self._act = act
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def cancel(self) -> None:
        """Drop the items that are left."""
        self._left.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._left:
            moment = self._began + self._left[0][0]
            self._timer = self._loop.call_at(moment, self._go_on)

    def _go_on(self) -> None:
        self._slices.each(self._due(), self._act)

    def _due(self) -> Iterator[T]:
        while self._left and self._began + self._left[0][0] <= self._loop.time() + _GRAIN:
            yield self._left.popleft()[1]
        self._wait()
