"""Says goodbye to many clients one after the other, spread over drain-spread."""

import random
from collections.abc import Iterable

from drainproxy.drain.goodbye import DRAIN, spread
from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Context
from drainproxy.sidecar.paced import Paced


class SpreadGoodbyes:
    """What is in flight hears of the drain in turn."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: list[Paced[Hold]] = []

    def say(self, holds: Iterable[Hold], window: float) -> None:
        """The oldest first, spread over so many seconds."""
        told = sorted(holds, key=lambda hold: hold.opened)
        delays = spread(len(told), window, random.random)
        delayed = zip(delays, told, strict=True)
        self._told.append(
            Paced(self._context.slices, delayed, lambda hold: hold.say_goodbye(DRAIN))
        )

    def say_to_latecomers(self, window: float) -> None:
        """Listeners are closed: tell connections now, and what is in flight on them spread out."""
        context = self._context
        late = context.latecomers.close()
        connections = [each for each in late if each not in context.ledger.holds]
        context.slices.each(connections, context.latecomers.tell)
        self.say([each for each in late if each in context.ledger.holds], window)

    def cancel(self) -> None:
        """The drain was taken back."""
        for told in self._told:
            told.cancel()
        self._told.clear()
