"""The log of a drain: a line when a phase ends, and lines about what the drain waits for."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import islice, pairwise

from drainproxy.drain.ledger import Ledger
from drainproxy.drain.machine import Machine, Phase
from drainproxy.drain.report import DrainReport
from drainproxy.sidecar.access_lines import trace_of

# In seconds, between two lines about what a drain waits for: a drain of an hour has 720.
EVERY = 5.0
# In seconds: the first line of a phase comes so much later, so that a phase of 5 s, the usual
# length of `announced`, has none.
_LATER = 0.5
# Paths are truncated to so many characters, so that the line fits a terminal.
_LONGEST = 60
# Of 80 columns, what time and level leave.
_ROOM = 47

log = logging.getLogger("drainproxy.drain")


class DrainLog:
    """Logs the phases of the machine; call `look` after each of its steps. `now`: its clock."""

    def __init__(self, machine: Machine, ledger: Ledger, now: Callable[[], float]) -> None:
        self._machine = machine
        self._ledger = ledger
        self._now = now
        self._lengths: dict[Phase, float] = {}
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Log the phases that have ended, and start the periodic lines."""
        machine = self._machine
        if machine.lengths is not self._lengths:
            self._lengths, self._told = machine.lengths, 0
        phases = [*machine.lengths, machine.phase]
        for phase, following in islice(pairwise(phases), self._told, None):
            self._tell_end(phase, following)
        self._wait(is_new=self._told != len(machine.lengths))
        self._told = len(machine.lengths)

    def _wait(self, is_new: bool) -> None:
        """Start the timer of the next line; a new phase restarts it."""
        if self._timer is not None and (is_new or not self._machine.draining):
            self._timer.cancel()
            self._timer = None
        if self._timer is None and self._machine.draining:
            self._timer = asyncio.get_running_loop().call_later(EVERY + _LATER, self._go_on)

    def _tell_end(self, phase: Phase, following: Phase) -> None:
        seconds = self._machine.lengths[phase]
        text = f"{phase.value} took {seconds:.1f} s, now {following.value}: {self._in_flight()}"
        if following is Phase.DRAINED and self._ledger.holds:
            text += ", cut now"
        log.info(text, extra={"details": {"phase": phase.value, "seconds": round(seconds, 3)}})

    def _go_on(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._go_on)
        machine, now = self._machine, self._now()
        since, left = now - machine.since, max(0.0, (machine.deadline or now) - now)
        text = f"{machine.phase.value} for {since:.1f} s, {left:.1f} s left: {self._in_flight()}"
        fields = {}
        for hold in self._ledger.oldest(1):
            text += (
                f"; {hold.kind} {_short(hold.path)} from {hold.peer} for {now - hold.opened:.1f} s"
            )
            fields = trace_of(hold)
        details = {"in_flight": self._ledger.in_flight()}
        log.info(text, extra={"fields": fields, "details": details})

    def _in_flight(self) -> str:
        return counted(self._ledger.in_flight())


def _short(path: str) -> str:
    """A path without its query, which may hold secrets."""
    return path.partition("?")[0][:_LONGEST]


def counted(kinds: Mapping[str, int]) -> str:
    """Counts as text: `3 in flight (2 http1, 1 sse)`; kinds without any are left out."""
    there = [f"{count} {kind}" for kind, count in kinds.items() if count]
    return f"{sum(kinds.values())} in flight ({', '.join(there)})" if there else "none in flight"


def told(report: DrainReport) -> str:
    """A report in one line that fits a terminal: verdict, length, what was cut, the most first."""
    text = f"drained: {report.verdict} in {report.seconds:.1f} s"
    cut = sorted(((ways["cut"], kind) for kind, ways in report.ended.items()), reverse=True)
    parts = [f"{count} {kind}" for count, kind in cut if count]
    if not parts:
        more = f", {sum(report.in_flight_at_start.values())} were in flight"
        return text + more if len(text + more) <= _ROOM else text
    shown = ", ".join(parts)
    while len(parts) > 1 and len(f"{text}: {shown}") > _ROOM:
        parts.pop()
        shown = ", ".join(parts) + " ..."
    return f"{text}: {shown}"
