"""Bounds what the answers of Prometheus take in memory: those of one look, and of all together.

A sample has 29 bytes in an answer, takes 129 of memory and 159 while it is read; the limit of
deploy/gate/deployment.yaml is made for the largest look, and for what all others share.
"""

import asyncio
from typing import Final

# Of one look, and of all that are under way and do not wait for each other.
MOST: Final = 64 << 20
_SHARED: Final = 24 << 20
# What whoever asks for too much can do.
NARROWER: Final = "narrow the window, or select fewer pods"


class BeyondAllowance(Exception):
    """The answers of one look are too large."""


class SharedMemory:
    """That of the process: so many bytes `left` that are shared, and one `turn` to go beyond."""

    def __init__(self, shared: int = _SHARED) -> None:
        self.left = shared
        self.turn = asyncio.Lock()


class Allowance:
    """What the answers of one look take, until `release`. Where nothing is left it waits for its
    turn: looks that waited for each other's bytes would do so for ever."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._asking = asyncio.Lock()
        # Whether others take what there is.
        self.is_waiting = False
        self._has_turn = self._is_over = False
        self._spent = self._shared = 0

    async def spend(self, size: int) -> None:
        """So many bytes have come; BeyondAllowance where no look may have so many."""
        self._spent += size
        if self._spent > MOST:
            raise BeyondAllowance(f"its answers are over {MOST >> 20} MiB together: {NARROWER}")
        if self._has_turn:
            return
        if size <= self._memory.left and not self._is_over:
            self._memory.left -= size
            self._shared += size
            return
        async with self._asking:
            if not self._has_turn:
                self.is_waiting = True
                await self._memory.turn.acquire()
                self.is_waiting, self._has_turn = False, True
                if self._is_over:
                    self.release()

    def release(self) -> None:
        """Nothing is kept any more of what came, and of what still comes."""
        self._is_over = True
        self._memory.left += self._shared
        self._shared = 0
        if self._has_turn:
            self._has_turn = False
            self._memory.turn.release()
