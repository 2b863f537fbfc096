"""A canary goes on as the gate says so, and back as soon as it says no."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from drainproxy.rehearsal import gated
from drainproxy.rehearsal.gated import WEIGHTS, GatedCanary, Load, Window, load
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.scores import Clock, Score
from drainproxy.rollout.gate.prometheus import PrometheusServer
from drainproxy.rollout.gate.samples import Series
from tests.rollout.gate.fake_prometheus import Handler, answer, serving
from tests.rollout.gate.fleet import NOW, Fleet

HEALTHY = Fleet().requests(1000)
FAILING = Fleet().requests(1000, 200)
STABLE = Fleet(3).requests(1000)
UP = [Series({"instance": str(number)}, [(NOW, 1.0)]) for number in range(4)]

# Versions as Prometheus sees them at a weight, in percent.
Canary = Callable[[float], Fleet]


class Replicas:
    """What is done to a deployment: the weights by version, and who was deleted."""

    def __init__(self, plan: RehearsalPlan) -> None:
        self.plan = plan
        self.weights = {"v1": 1.0}
        self.deleted: list[str] = []
        self.marks: list[str] = []

    def mark(self, text: str) -> None:
        self.marks.append(text)

    async def start(self, version: str, count: int) -> None:
        self.weights[version] = 0.0

    def of(self, version: str) -> list[Any]:
        return [SimpleNamespace(version=version)]

    async def add(self, replicas: list[Any], weight: float) -> None:
        for replica in replicas:
            self.weights[replica.version] = weight

    def delete(self, replica: Any) -> None:
        self.deleted.append(replica.version)

    async def all_deleted(self) -> None:
        pass

    async def scale_down(self, replicas: list[Any]) -> None:
        self.deleted += [replica.version for replica in replicas]


def knowing(replicas: Replicas, canary: Canary) -> Handler:
    """A Prometheus that has scraped both versions at the weights of now."""

    async def handler(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        query, now = str(form["query"]), float(str(form["time"]))
        if query == "up == 1":
            return answer(UP)
        name, _, rest = query.partition("{")
        fleet = STABLE if rest.startswith('version="v1"') else canary(100 * replicas.weights["v2"])
        return answer(fleet.scraped(name, now))

    return handler


@asynccontextmanager
async def rollout(
    canary: Canary, load: Callable[[], Load] = lambda: Load(0, 0, 0)
) -> AsyncIterator[tuple[Replicas, GatedCanary]]:
    """One with no time between its steps; the clock says ten seconds more each time."""
    replicas = Replicas(RehearsalPlan(gate=True, replicas=2, hold=0.0, gate_timeout=0.0))
    clock = itertools.count(NOW, 10.0)
    async with serving(knowing(replicas, canary)) as url:
        given: Any = replicas
        yield replicas, GatedCanary(given, PrometheusServer(url), load, lambda: float(next(clock)))


async def test_a_healthy_version_goes_all_the_way_by_steps_of_5_percent() -> None:
    async with rollout(lambda _: HEALTHY) as (replicas, canary):
        result = await canary.roll_out("v1", "v2")
    assert (result.verdict, result.stopped_at, list(result.signals)) == ("pass", None, [])
    assert [step.weight for step in result.steps] == list(WEIGHTS) == list(range(5, 100, 5))
    assert replicas.weights == {"v1": 0.0, "v2": 1.0}
    assert replicas.deleted == ["v1"]


async def test_a_failing_version_goes_back_at_the_step_that_shows_it() -> None:
    async with rollout(lambda weight: FAILING if weight > 12 else HEALTHY) as (replicas, canary):
        result = await canary.roll_out("v1", "v2")
    assert (result.verdict, result.stopped_at) == ("fail", 15)
    assert [each.signal for each in result.signals] == ["errors"]
    assert (result.requests_of_new, result.requests_of_old) == (1200, 3000)
    assert replicas.weights == {"v1": 1.0, "v2": 0.0}
    assert replicas.deleted == ["v2"]
    assert any("roll back" in mark for mark in replicas.marks)


async def test_without_a_verdict_in_time_it_goes_back_too() -> None:
    async with rollout(lambda _: Fleet().requests(20)) as (replicas, canary):
        result = await canary.roll_out("v1", "v2")
    assert (result.verdict, result.stopped_at) == ("hold", 5)
    assert "166 more without a bad one" in result.reason
    assert replicas.deleted == ["v2"]


async def test_who_came_between_the_first_weight_and_the_verdict_is_counted() -> None:
    clock = Clock()
    score, other = Score(clock), Score(clock)
    clock.users, score.struck, score.requests, other.requests = 100, 1, 200, 100

    def seen(weight: float) -> Fleet:
        clock.users, score.struck, score.requests = 150, 4, 350
        return FAILING

    async with rollout(seen, lambda: load([score, other], clock)) as (_, canary):
        result = await canary.roll_out("v1", "v2")
    assert (result.users, result.users_struck, result.requests) == (50, 3, 150)


async def test_what_is_never_scraped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gated, "_SCRAPED_WITHIN", 0.05)
    replicas: Any = Replicas(RehearsalPlan(gate=True, replicas=3))
    async with serving(knowing(replicas, lambda _: HEALTHY)) as url:
        canary = GatedCanary(replicas, PrometheusServer(url), lambda: Load(0, 0, 0), lambda: NOW)
        with pytest.raises(StartFailed, match="has not scraped all 6 sidecars"):
            await canary.roll_out("v1", "v2")


def test_the_window_holds_the_last_users_however_long_they_took() -> None:
    window = Window(100)
    assert window.begins(5.0, 0) == 5
    assert window.begins(20.0, 90) == 5
    assert window.begins(21.0, 101) == 5
    assert window.begins(600.0, 190) == 20
    assert window.begins(601.0, 500) == 600
