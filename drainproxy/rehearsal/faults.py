"""Faults that the new version of the built-in app may have, on purpose."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# Answers that a fault has met say so, since a slow one looks like any other.
FAULT_HEADER = "App-Fault"
SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Faults:
    """`fails`: the share of requests and calls that are answered with an error, 0 to 1; `slow`:
    seconds that each answer comes later; `drops_websockets`: each loses its connection at the
    first message, without a Close."""

    fails: float = 0.0
    slow: float = 0.0
    drops_websockets: bool = False

    def __bool__(self) -> bool:
        return bool(self.fails or self.slow or self.drops_websockets)

    def flags(self) -> tuple[str, ...]:
        """For the command of the built-in app."""
        drops = ("--drops-websockets",) if self.drops_websockets else ()
        return (f"--fails={self.fails}", f"--slow={self.slow}", *drops)

    async def strike(
        self, sleep: Callable[[float], Awaitable[None]], chance: Callable[[], float] = random.random
    ) -> bool:
        """Let one request feel it; whether it is to fail."""
        if self.slow:
            await sleep(self.slow)
        return chance() < self.fails


NONE = Faults()
