"""One look at a rollout, or one after the other until there is a verdict or no time is left."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from drainproxy.rollout.unwaited import in_thread

from .budget import budget_queries, judge_budget
from .doubt import doubt, uncounted, vanished
from .judgement import Tolerance, overall
from .memory import NARROWER, Allowance
from .prometheus import NoAnswer, PrometheusServer, ask
from .queries import queries, texts
from .report import GateReport, held, report
from .samples import WARM_UP, Series
from .signals import judged, traffic
from .versions import version

_UNJUDGED: Final = "what Prometheus answered cannot be judged"


class Rollout(Struct, frozen=True):
    """Two versions by the matchers that select their pods; `window`: seconds since the step began,
    `warm_up`: those of a pod that do not count;
    `weight`: of the canary, in percent, if it is known; `release`: what tells it from one before
    with the same matchers, if it has to be told."""

    canary: str
    stable: str
    window: float
    policy: Tolerance = Tolerance()
    warm_up: float = WARM_UP
    weight: float | None = None
    release: str = ""


async def look_at_canary(server: PrometheusServer, rollout: Rollout, now: float) -> GateReport:
    """One look; a hold with the reason where Prometheus does not answer, or where its answers are
    too large to be judged within the timeout."""
    ends = asyncio.get_running_loop().time() + server.timeout
    asked = [queries(each, rollout.window) for each in (rollout.canary, rollout.stable)]
    both = {(side, name): query for side in (0, 1) for name, query in asked[side].items()}
    names = {f"{side} {name}": query for (side, name), query in both.items()}
    allowance = Allowance(server.memory)
    try:
        found = await ask(server, names, now, allowance)
    except BaseException as error:
        allowance.release()
        if not isinstance(error, NoAnswer):
            raise
        return held(str(error), texts(asked))
    sides = [{name: found[f"{side} {name}"] for name in asked[side]} for side in (0, 1)]
    # It takes seconds for a hundred pods, in which others ask too.
    judging = in_thread(lambda: _judged(sides, rollout, now, texts(asked)))
    # What it judges is kept until its end, which comes after the timeout or before.
    judging.add_done_callback(lambda _: allowance.release())
    try:
        async with asyncio.timeout_at(ends):
            return await asyncio.shield(judging)
    except TimeoutError:
        return held(f"{_UNJUDGED} within {server.timeout:g} s: {NARROWER}", texts(asked))


def _judged(
    sides: Sequence[Mapping[str, Sequence[Series]]],
    rollout: Rollout,
    now: float,
    asked: Sequence[str],
) -> GateReport:
    """The report on what was found of the canary and of stable."""
    if not any(sides[0].values()):
        return held("Prometheus knows no pod of the canary", asked)
    if reason := doubt(*sides):
        return held(reason, asked)
    canary, stable = (version(each, now - rollout.window, rollout.warm_up) for each in sides)
    verdicts = judged(canary, stable, rollout.policy, rollout.weight)
    # What has failed has failed, whether it crashed then or not.
    if overall(verdicts.signals) != "fail" and (
        gone := vanished(sides[0], canary.scope.interval, now)
    ):
        return held(gone, asked)
    shares = traffic(canary, stable)
    notes = [*verdicts.notes, *uncounted(*sides)]
    return report(verdicts.signals, asked, shares, rollout.weight, notes)


async def look_at_budget(
    server: PrometheusServer, source: str, service: str, now: float
) -> GateReport:
    """One look at an error budget; ValueError if the service has no name."""
    asked = budget_queries(source, service)
    try:
        found = await ask(server, asked, now)
    except NoAnswer as error:
        return held(str(error), texts([asked]))
    return report([judge_budget(found)], texts([asked]))


async def wait_for_verdict(
    look: Callable[[], Awaitable[GateReport]],
    seconds: float,
    interval: float,
    seen: Callable[[GateReport], None] = lambda report: None,
) -> GateReport:
    """Look until a look says pass or fail, for so many seconds at most; each look is `seen`."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while True:
        found = await look()
        left = ends - loop.time()
        if found.verdict != "hold" or left <= 0:
            return found
        seen(found)
        await asyncio.sleep(min(interval, left))
