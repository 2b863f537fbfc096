"""Shows a rehearsal while it runs: a live table on a terminal, elsewhere a line per step."""

import asyncio
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drainproxy.rehearsal.rehearsal import Rehearsal
from drainproxy.rehearsal.scores import KINDS

_EVERY = 0.25


async def show(rehearsals: Sequence[Rehearsal], console: Console) -> None:
    """Until cancelled."""
    told = [0] * len(rehearsals)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            for number, rehearsal in enumerate(rehearsals):
                told[number] = _tell(rehearsal, told[number], len(rehearsals) > 1, console)
            if console.is_terminal:
                live.update(_view(rehearsals), refresh=True)
            await asyncio.sleep(_EVERY)


def _tell(rehearsal: Rehearsal, told: int, several: bool, console: Console) -> int:
    who = f"{rehearsal.plan.short_name:>10}  " if several else ""
    for at, text in rehearsal.marks[told:]:
        console.print(f"{at:6.1f} s  {who}{text}", markup=False, highlight=False)
    return len(rehearsal.marks)


def _view(rehearsals: Sequence[Rehearsal]) -> RenderableType:
    return Group(*(part for each in rehearsals for part in (_replicas(each), _scores(each))))


def _replicas(rehearsal: Rehearsal) -> RenderableType:
    title = f"{rehearsal.plan.short_name}: {rehearsal.stage}"
    if not rehearsal.replicas:
        return Text(title)
    table = Table(title=title, title_justify="left")
    for name in ("replica", "state", "phase", "connections", "in flight"):
        table.add_column(name)
    _, last = rehearsal.connections[-1] if rehearsal.connections else (0.0, {})
    for replica in rehearsal.replicas:
        if replica.state not in {"gone", "killed"}:
            table.add_row(
                *(replica.name, replica.state, replica.phase),
                *(str(last.get(replica.name, 0)), str(replica.in_flight)),
            )
    return table


def _scores(rehearsal: Rehearsal) -> RenderableType:
    parts = [
        f"{KINDS[kind]} {score.requests:,} ({score.failed.total():,} failed)"
        for kind, score in rehearsal.scores.items()
        if rehearsal.plan.clients.get(kind)
    ]
    return Text("  ".join(parts))
