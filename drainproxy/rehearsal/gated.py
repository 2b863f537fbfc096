"""A canary in steps of 5 %, each after a verdict of the gate, which queries a real Prometheus.

Like deploy/rollouts/argo/canary.yaml, with shorter times: a step takes at least two scrapes instead
of 90 s, and the gate counts the last 6,000 users, about 20 s, steps before included. On a cluster
it counts anew at each weight, for 20 minutes at most.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from drainproxy.rehearsal.deployment import Deployment
from drainproxy.rehearsal.gate_result import GateResult, WeightResult, deciding, requests_of
from drainproxy.rehearsal.plan import COUNTED_USERS
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.scores import Clock, Score
from drainproxy.rollout.gate.look import Rollout, look_at_canary, wait_for_verdict
from drainproxy.rollout.gate.prometheus import NoAnswer, PrometheusServer, ask
from drainproxy.rollout.gate.report import GateReport

WEIGHTS = tuple(range(5, 100, 5))
# Seconds: between two scrapes, between two looks, and of a replica's beginning what does not count.
SCRAPE_EVERY = 1.0
_LOOK_EVERY = 1.0
_WARM_UP = 2.0
# Until a Prometheus scrapes what it is told to: it looks at its targets every 5 s.
_SCRAPED_WITHIN = 40.0


class Load(NamedTuple):
    """Who has come so far, what they have asked for, and how many of them have met a fault."""

    users: int
    requests: int
    struck: int


def load(scores: Iterable[Score], clock: Clock) -> Load:
    """What it is now."""
    seen = tuple(scores)
    return Load(
        clock.users, sum(score.requests for score in seen), sum(score.struck for score in seen)
    )


class Window:
    """The time in which the last users have come, so many at least: a busy machine serves fewer."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._seen = deque[tuple[float, int]]()

    def begins(self, now: float, users: int) -> float:
        """When it begins, at a moment at which so many had come; not before it was asked first."""
        self._seen.append((now, users))
        while len(self._seen) > 1 and self._seen[1][1] <= users - self._users:
            self._seen.popleft()
        return self._seen[0][0]


class GatedCanary:
    """One rollout; `now` is the clock of Prometheus, in seconds since 1970."""

    def __init__(
        self,
        deployment: Deployment,
        server: PrometheusServer,
        load: Callable[[], Load],
        now: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self._server = server
        self._load = load
        self._now = now
        self._began = 0.0
        self._window = Window(COUNTED_USERS)
        self._steps: list[WeightResult] = []

    async def roll_out(self, old: str, new: str) -> GateResult:
        """To the end, or back to the old version as soon as the gate says so."""
        deployment = self._deployment
        deployment.mark(f"all of {new} started")
        await deployment.start(new, deployment.plan.replicas)
        await self._scraped(2 * deployment.plan.replicas)
        self._began, before = self._now(), self._load()
        self._window.begins(self._began, before.users)
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
        return replace(result, users_struck=self._load().struck - before.struck)

    async def _step(self, weight: int, old: str, new: str) -> GateReport:
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
        self._steps.append(WeightResult(weight, report.verdict, report.reason, took, of_new, held))
        if report.verdict != "pass":
            deployment.mark(f"{report.verdict}: {report.reason}")
        return report

    async def _look(self, weight: int, old: str, new: str) -> GateReport:
        now = self._now()
        window = now - self._window.begins(now, self._load().users)
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

    def _result(self, report: GateReport, before: Load) -> GateResult:
        stopped = None if report.verdict == "pass" else self._steps[-1].weight
        of_new, of_old = requests_of(deciding(report))
        now = self._load()
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
            requests=now.requests - before.requests,
            users=now.users - before.users,
            users_struck=now.struck - before.struck,
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


def gated_canary(deployment: Deployment, url: str, load: Callable[[], Load]) -> GatedCanary:
    """With the Prometheus that answers there."""
    return GatedCanary(deployment, PrometheusServer(url), load, time.time)
