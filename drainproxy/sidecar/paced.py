"""Does something for one after the other, each in its time, with a single timer."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from drainproxy.relay.slices import Slices

# In seconds: the loop's clock and its timers have milliseconds.
_GRAIN = 0.001

T = TypeVar("T")


class Paced(Generic[T]):
    """Calls `act` with each item after its delay, in seconds; delays ascend. Items whose time has
    come together have their turn in `slices`."""

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
        """Do it for no more."""
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
