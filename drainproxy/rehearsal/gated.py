"""A canary by steps of 5 %, each let on by the gate, which asks a real Prometheus.

As deploy/rollouts/argo/canary.yaml does it, with shorter times: a step takes two scrapes at least,
not 90 s, and the gate counts over 20 s, not 5 minutes, the steps before included.
"""

import asyncio
import operator
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from drainproxy.rehearsal.deployment import Deployment
from drainproxy.rehearsal.gate_result import GateResult, StepResult, deciding, requests_of
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.scores import Score
from drainproxy.rollout.gate.look import Rollout, look_at_canary, wait_for_verdict
from drainproxy.rollout.gate.prometheus import NoAnswer, Server, ask
from drainproxy.rollout.gate.report import Report

WEIGHTS = tuple(range(5, 100, 5))
# Seconds: between two scrapes and two looks; what a look counts; of a pod's beginning, what not.
SCRAPE_EVERY = 1.0
_LOOK_EVERY = 1.0
_WINDOW, _WARM_UP = 20.0, 2.0
# Until a Prometheus scrapes what it is told to: it looks at its targets every 5 s.
_SCRAPED_WITHIN = 40.0


class Load:
    """What users have asked for so far."""

    def __init__(self, scores: Iterable[Score]) -> None:
        self._scores = tuple(scores)

    def __call__(self) -> tuple[int, int, int]:
        """Requests, users, and those who met a fault."""
        return (
            sum(score.requests for score in self._scores),
            sum(score.users for score in self._scores),
            sum(score.struck for score in self._scores),
        )


class GatedCanary:
    """One rollout; `now` is the clock of Prometheus, in seconds since 1970."""

    def __init__(
        self, deployment: Deployment, server: Server, load: Load, now: Callable[[], float]
    ) -> None:
        self._deployment = deployment
        self._server = server
        self._load = load
        self._now = now
        self._began = 0.0
        self._steps: list[StepResult] = []

    async def roll_out(self, old: str, new: str) -> GateResult:
        """To the end, or back to the old version as soon as the gate says so."""
        deployment = self._deployment
        deployment.mark(f"all of {new} started")
        await deployment.start(new, deployment.plan.replicas)
        await self._scraped(2 * deployment.plan.replicas)
        self._began, before = self._now(), self._load()
        weights = iter(WEIGHTS)
        report = await self._step(next(weights), old, new)
        while report.verdict == "pass" and (weight := next(weights, None)) is not None:
            report = await self._step(weight, old, new)
        result = self._result(report, before)
        if result.stopped_at is None:
            await self._finish(old, new)
        else:
            await self._roll_back(old, new)
        # Who had come before the verdict may meet the fault a little later.
        return replace(result, users_struck=self._load()[2] - before[2])

    async def _step(self, weight: int, old: str, new: str) -> Report:
        deployment = self._deployment
        deployment.mark(f"{weight} % to {new}")
        began = self._now()
        await self._put(new, weight / 100)
        await self._put(old, 1 - weight / 100)
        await asyncio.sleep(deployment.plan.hold)
        held = Counter[str]()
        report = await wait_for_verdict(
            lambda: self._look(weight, old, new),
            deployment.plan.gate_timeout,
            _LOOK_EVERY,
            lambda seen: held.update(
                each.signal for each in seen.signals if each.verdict == "hold"
            ),
        )
        took, (of_new, _) = self._now() - began, requests_of(deciding(report))
        self._steps.append(StepResult(weight, report.verdict, report.reason, took, of_new, held))
        if report.verdict != "pass":
            deployment.mark(f"{report.verdict}: {report.reason}")
        return report

    async def _look(self, weight: int, old: str, new: str) -> Report:
        now = self._now()
        window = min(now - self._began, _WINDOW)
        rollout = Rollout(
            f'version="{new}"', f'version="{old}"', window, warm_up=_WARM_UP, weight=weight
        )
        return await look_at_canary(self._server, rollout, now)

    async def _put(self, version: str, weight: float) -> None:
        await self._deployment.add(self._deployment.of(version), weight)

    async def _finish(self, old: str, new: str) -> None:
        deployment = self._deployment
        deployment.mark(f"100 % to {new}")
        await self._put(new, 1.0)
        await self._put(old, 0.0)
        await deployment.scale_down(deployment.of(old))

    async def _roll_back(self, old: str, new: str) -> None:
        deployment = self._deployment
        deployment.mark(f"roll back: 0 % to {new}")
        await self._put(old, 1.0)
        await self._put(new, 0.0)
        for replica in deployment.of(new):
            deployment.delete(replica)
        await deployment.all_deleted()

    def _result(self, report: Report, before: tuple[int, int, int]) -> GateResult:
        stopped = None if report.verdict == "pass" else self._steps[-1].weight
        of_new, of_old = requests_of(deciding(report))
        requests, users, struck = map(operator.sub, self._load(), before)
        return GateResult(
            verdict=report.verdict,
            reason=report.reason,
            stopped_at=stopped,
            signals=[
                each
                for each in report.signals
                if stopped is not None and each.verdict == report.verdict
            ],
            requests_of_new=of_new,
            requests_of_old=of_old,
            seconds=self._now() - self._began,
            requests=requests,
            users=users,
            users_struck=struck,
            steps=self._steps,
        )

    async def _scraped(self, replicas: int) -> None:
        """Return when all of them were scraped; StartFailed if that does not come."""
        try:
            async with asyncio.timeout(_SCRAPED_WITHIN):
                while True:
                    if await self._up() >= replicas:
                        return
                    await asyncio.sleep(_LOOK_EVERY / 2)
        except TimeoutError:
            raise StartFailed(
                f"prometheus has not scraped all {replicas} sidecars within {_SCRAPED_WITHIN:g} s"
            ) from None

    async def _up(self) -> int:
        try:
            found = await ask(self._server, {"up": "up == 1"}, self._now())
        except NoAnswer:
            return 0
        return len(found["up"])


def gated_canary(deployment: Deployment, url: str, scores: Iterable[Score]) -> GatedCanary:
    """With the Prometheus that answers there."""
    return GatedCanary(deployment, Server(url), Load(scores), time.time)
