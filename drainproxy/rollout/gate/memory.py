"""Bounds what the answers of Prometheus take in memory: those of one look, and of all together.

A sample has 29 bytes in an answer, takes 129 of memory and 159 while it is read; the limit of
deploy/gate/deployment.yaml is made for one large look, and many small ones.
"""

import asyncio
from typing import Final

MOST: Final = 64 << 20
# What a pod or two of each version have: so many can be looked at whenever anybody asks.
_SMALL: Final = 1 << 20
# What whoever asks for too much can do.
NARROWER: Final = "narrow the window, or select fewer pods"


class BeyondAllowance(Exception):
    """The answers of one look are too large."""


class Allowance:
    """What the answers of one look may take, of that of the whole process: of large ones there is
    one at a time, which lasts from the first byte too many until `release`."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn = turn
        self._asking = asyncio.Lock()
        # Whether another large look is under way.
        self.is_waiting = False
        self._is_large = self._is_over = False
        self._spent = 0

    async def spend(self, size: int) -> None:
        """So many bytes have come; BeyondAllowance where no look may have so many."""
        self._spent += size
        if self._spent > MOST:
            raise BeyondAllowance(f"its answers are over {MOST >> 20} MiB together: {NARROWER}")
        if self._spent > _SMALL and not self._is_large:
            async with self._asking:
                if not self._is_large:
                    self.is_waiting = True
                    await self._turn.acquire()
                    self.is_waiting, self._is_large = False, True
                    if self._is_over:
                        self.release()

    def release(self) -> None:
        """Nothing is kept any more of what came, and of what still comes."""
        self._is_over = True
        if self._is_large:
            self._is_large = False
            self._turn.release()
