"""Defers long work to the next turn of the event loop, so that no session delays the others.

The bytes of one read may take long to parse: a megabyte of one-byte chunks has 170,000 chunk heads.
So a session parses a part, pauses reading from that side, and goes on in the next turn, behind all
sessions with new data. All deferred work together gets only a few milliseconds of each turn. Which
part is parsed at once is bounded in `wire`: see `relay`, "Turns of the loop".
"""

from collections import deque
from collections.abc import Callable

# The share of deferred work in one turn of the loop: at most so many steps, and none begins after
# so many seconds. A step may resume reading, which costs as much again.
_STEPS, _SECONDS = 4, 0.004
# Bytes. The loop reads on from one connection as long as its buffer is filled, up to 32 times in a
# turn (uv__read in libuv; the buffer is uvloop's). So reading pauses behind a full buffer.
FULL_READ = 256_000
# Bytes. While deferred work waits, a read of at least so many waits too.
LARGE_READ = 16_384
# Why reading from the client is paused: bits, since several reasons may hold at once.
APP_IS_FULL, HELD_IS_FULL, CONNECTING, CLIENT_IS_FULL, NEXT_TURN = 1, 2, 4, 8, 16
STOPS = 31
# Two more bits: the client does not read, so reading from the app is paused; and the client is read
# in small pieces. All are bits of one number, since idle connections keep them.
CLIENT_DOES_NOT_READ, SMALL_READS = 32, 64


class Turns:
    """All deferred work. `soon` calls a function in the next turn of the loop; `now` is a clock, in
    seconds. `crowded`: more steps wait than the next turn takes."""

    __slots__ = ("_now", "_scheduled", "_soon", "_waiting", "crowded")

    def __init__(
        self, soon: Callable[[Callable[[], None]], object], now: Callable[[], float]
    ) -> None:
        self._soon = soon
        self._now = now
        self._waiting: deque[Callable[[], None]] = deque()
        self._scheduled = False
        self.crowded = False

    def later(self, step: Callable[[], None]) -> None:
        """Call `step` once, in a later turn, behind the steps that wait already."""
        self._waiting.append(step)
        if not self._scheduled:
            self._schedule()
        self.crowded = len(self._waiting) > _STEPS

    def _schedule(self) -> None:
        self._scheduled = True
        self._soon(self._work)

    def _work(self) -> None:
        waiting, end = self._waiting, self._now() + _SECONDS
        try:
            # Steps that are added meanwhile belong to a later turn.
            for _ in range(min(_STEPS, len(waiting))):
                step = waiting.popleft()
                self.crowded = False
                step()
                if self._now() >= end:
                    break
        finally:
            self._scheduled = False
            self.crowded = len(waiting) > _STEPS
            if waiting:
                self._schedule()
