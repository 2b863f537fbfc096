"""Says goodbye on many holds one after the other, spread over drain-spread."""

import random
from collections.abc import Iterable

from drainproxy.drain.goodbye import DRAIN, spread
from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Context
from drainproxy.sidecar.paced import Paced


class SpreadGoodbyes:
    """All goodbyes of a drain that are spread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: list[Paced[Hold]] = []

    def say(self, holds: Iterable[Hold], window: float) -> None:
        """Say goodbye on these holds, the oldest first, spread over `window` seconds."""
        told = sorted(holds, key=lambda hold: hold.opened)
        delays = spread(len(told), window, random.random)
        delayed = zip(delays, told, strict=True)
        self._told.append(
            Paced(self._context.slices, delayed, lambda hold: hold.say_goodbye(DRAIN))
        )

    def say_to_latecomers(self, window: float) -> None:
        """The listeners are closed: say goodbye to late connections now, on late holds spread over
        `window` seconds."""
        context = self._context
        late = context.latecomers.close()
        connections = [each for each in late if each not in context.ledger.holds]
        context.slices.each(connections, context.latecomers.tell)
        self.say([each for each in late if each in context.ledger.holds], window)

    def cancel(self) -> None:
        """The drain was taken back: drop the goodbyes whose turn has not come."""
        for told in self._told:
            told.cancel()
        self._told.clear()
