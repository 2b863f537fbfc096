"""One look at a rollout, or one after the other until there is a verdict or no time is left."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from .budget import budget_queries, judge_budget
from .doubt import doubt, vanished
from .judgement import Tolerance, overall
from .prometheus import NoAnswer, PrometheusServer, ask
from .queries import queries, texts
from .report import GateReport, held, report
from .samples import WARM_UP
from .signals import judged, traffic
from .versions import version


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
    """One look; a hold with the reason where Prometheus does not answer."""
    asked = [queries(each, rollout.window) for each in (rollout.canary, rollout.stable)]
    both = {(side, name): query for side in (0, 1) for name, query in asked[side].items()}
    names = {f"{side} {name}": query for (side, name), query in both.items()}
    try:
        found = await ask(server, names, now)
    except NoAnswer as error:
        return held(str(error), texts(asked))
    sides = [{name: found[f"{side} {name}"] for name in asked[side]} for side in (0, 1)]
    if not any(sides[0].values()):
        return held("Prometheus knows no pod of the canary", texts(asked))
    if reason := doubt(*sides):
        return held(reason, texts(asked))
    canary, stable = (version(each, now - rollout.window, rollout.warm_up) for each in sides)
    verdicts = judged(canary, stable, rollout.policy, rollout.weight)
    # What has failed has failed, whether it crashed then or not.
    if overall(verdicts.signals) != "fail" and (
        gone := vanished(sides[0], canary.scope.interval, now)
    ):
        return held(gone, texts(asked))
    shares = traffic(canary, stable)
    return report(verdicts.signals, texts(asked), shares, rollout.weight, verdicts.notes)


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
