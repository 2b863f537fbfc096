"""Says goodbye to many clients one after the other, spread over drain-spread."""

import asyncio
import random
from collections.abc import Iterable

from drainproxy.drain.goodbye import DRAIN, spread
from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Context


class SpreadGoodbyes:
    """What is in flight hears of the drain in turn."""

    def __init__(self) -> None:
        self._timers: list[asyncio.TimerHandle] = []

    def say(self, holds: Iterable[Hold], window: float) -> None:
        """The oldest first, spread over so many seconds."""
        told = sorted(holds, key=lambda hold: hold.opened)
        later = asyncio.get_running_loop().call_later
        delays = spread(len(told), window, random.random)
        self._timers += [
            later(delay, hold.say_goodbye, DRAIN) for delay, hold in zip(delays, told, strict=True)
        ]

    def say_to_latecomers(self, context: Context, window: float) -> None:
        """Listeners are closed: tell connections now, and what is in flight on them spread out."""
        holds = []
        for late in context.latecomers.close():
            if late in context.ledger.holds:
                holds.append(late)
            else:
                late.say_goodbye(DRAIN)
        self.say(holds, window)

    def cancel(self) -> None:
        """The drain was taken back."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
