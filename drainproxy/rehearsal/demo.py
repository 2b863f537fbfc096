"""One drain in the middle of the work of clients of every kind.

The first of two sidecars gets SIGTERM; whoever has heard its goodbye, or comes anew, goes to the
second, as behind a load balancer. Nobody may lose anything, and the first must exit by itself.
"""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals
from typing import cast

from rich.console import Console

from drainproxy.rehearsal.balancer import Balancer
from drainproxy.rehearsal.crowd import Crowd, Size
from drainproxy.rehearsal.processes import Process
from drainproxy.rehearsal.scene import Timing, scene
from drainproxy.rehearsal.story import Story
from drainproxy.rehearsal.table import (
    DrainReport,
    Outcome,
    reasons,
    render,
    render_timeline,
    summary,
)

# How long beyond its deadline the sidecar may take before we wait no longer, in seconds.
_BEYOND = 5.0
_PROBE_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """How many clients, how the sidecar drains, and how long all work before and after; seconds."""

    size: Size = field(default_factory=Size)
    timing: Timing = field(default_factory=Timing)
    before: float = 2.0
    after: float = 1.0
    # SIGKILL shows what is lost where nothing drains.
    signal: Signals = SIGTERM


async def perform(plan: Plan, console: Console) -> int:
    """Drain, tell, and show what came of it; the exit code, 0 if nothing was lost."""
    outcome = await drain(plan, Story(console))
    console.print(render(outcome))
    if outcome.report:
        console.print(render_timeline(outcome.report))
    problems = reasons(outcome)
    for line in problems or summary(outcome):
        style = "red" if problems else "green"
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    return 1 if problems else 0


async def drain(plan: Plan, story: Story) -> Outcome:
    """Set the scene, let the first sidecar leave, and take everything down again.

    StartFailed if something does not come up.
    """
    async with scene(plan.timing) as stage, asyncio.TaskGroup() as tasks:
        story.tell("a demo app and two sidecars in front of it are ready")
        balancer = Balancer(stage.backends)
        watching = tasks.create_task(balancer.watch(stage.probe, _PROBE_EVERY))
        crowd = Crowd(plan.size, balancer)
        crowd.start(tasks)
        await crowd.all_begun()
        story.tell("clients of every kind are at work, all through the first sidecar")
        async with story.of(stage.probe, stage.backends[0].admin):
            await asyncio.sleep(plan.before)
            story.tell(f"{plan.signal.name} to the first sidecar")
            began = time.monotonic()
            exit_code = await _end(stage.leaving, plan)
            seconds, served = time.monotonic() - began, crowd.served_at - began
        gone = "gone" if exit_code is not None else "not gone"
        story.tell(f"the first sidecar is {gone}, the clients work on through the second")
        await asyncio.sleep(plan.after)
        await crowd.finish()
        watching.cancel()
        story.tell("all clients have come to an end")
        return Outcome(
            report=_read(stage.report_file),
            exit_code=exit_code,
            seconds=seconds,
            served=served,
            timeout=plan.timing.timeout,
            goodbyes=crowd.goodbyes,
            lost=crowd.lost,
        )


async def _end(sidecar: Process, plan: Plan) -> int | None:
    """Send the signal; the exit code, None if it does not exit."""
    sidecar.signal(plan.signal)
    return await sidecar.wait(plan.timing.timeout + _BEYOND)


def _read(report_file: Path) -> DrainReport | None:
    with suppress(FileNotFoundError):
        return cast(DrainReport, json.loads(report_file.read_text(encoding="utf-8")))
    return None
