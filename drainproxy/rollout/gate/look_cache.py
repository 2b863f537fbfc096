"""Shares one look among all requests for the same at the same time, and bounds how many run."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from msgspec import Struct

from .report import GateReport, held

# Engines ask every few seconds, each measurement anew.
KEPT_FOR: Final = 5.0
# The most looks under way, beyond which a new key gets a hold, and the most reports kept.
_MOST_UNDER_WAY: Final = 32
_MOST_KEPT: Final = 1000


class _Kept(Struct):
    report: GateReport
    until: float


class LookCache:
    """Reports of looks by key, each kept for `kept_for` seconds; `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float], kept_for: float = KEPT_FOR) -> None:
        self._now = now
        self._kept_for = kept_for
        self._under_way: dict[Hashable, asyncio.Task[GateReport]] = {}
        self._kept: dict[Hashable, _Kept] = {}

    async def get(self, key: Hashable, look: Callable[[], Awaitable[GateReport]]) -> GateReport:
        """The report for this key: a fresh one that is kept, the one of a look that is under way,
        or that of a new look. Who asks may go before it is there: others may wait for it."""
        kept = self._kept.get(key)
        if kept is not None and kept.until > self._now():
            return kept.report
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= _MOST_UNDER_WAY:
                return held(f"{_MOST_UNDER_WAY} looks are under way already")
            task = asyncio.create_task(self._look(key, look))
            self._under_way[key] = task
        return await asyncio.shield(task)

    async def _look(self, key: Hashable, look: Callable[[], Awaitable[GateReport]]) -> GateReport:
        try:
            report = await look()
        finally:
            del self._under_way[key]
        if len(self._kept) >= _MOST_KEPT:
            self._forget()
        self._kept[key] = _Kept(report, self._now() + self._kept_for)
        return report

    def _forget(self) -> None:
        now = self._now()
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
