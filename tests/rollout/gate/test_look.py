"""A look asks and judges; it is repeated until there is a verdict, or no time is left."""

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from drainproxy.rollout.gate.look import Rollout, look_at_budget, look_at_canary, wait_for_verdict
from drainproxy.rollout.gate.memory import SharedMemory
from drainproxy.rollout.gate.prometheus import PrometheusServer
from drainproxy.rollout.gate.report import GateReport
from drainproxy.rollout.gate.samples import Series
from tests.rollout.gate.fake_prometheus import answer, serving
from tests.rollout.gate.fleet import NOW, WINDOW, Fleet

ROLLOUT = Rollout('version="2"', 'version="1"', WINDOW)


def fleets(canary: Fleet, stable: Fleet) -> Any:
    """Both versions, told apart by their selectors."""

    async def handler(request: web.Request) -> web.Response:
        query = str((await request.post())["query"])
        fleet = canary if ROLLOUT.canary in query else stable
        return answer(fleet.found.get(query.partition("{")[0], []))

    return handler


async def looked(canary: Fleet, stable: Fleet) -> GateReport:
    async with serving(fleets(canary, stable)) as url:
        return await look_at_canary(PrometheusServer(url), ROLLOUT, NOW)


async def test_the_canary_is_compared_with_stable() -> None:
    stable = Fleet(5).requests(1000)
    assert (await looked(Fleet().requests(1000), stable)).verdict == "pass"
    found = await looked(Fleet().requests(1000, 50), stable)
    assert found.verdict == "fail"
    assert found.reason.startswith("errors: 50 of 1050")
    assert 'drainproxy_requests_total{version="2"}[600s]' in found.queries


async def test_what_is_not_counted_is_noted() -> None:
    canary, stable = Fleet().requests(1000), Fleet(5).requests(1000)
    del stable.found["process_start_time_seconds"]
    found = await looked(canary, stable)
    assert found.verdict == "pass"
    assert any("of stable is not scraped" in note for note in found.notes)


async def test_a_canary_that_nobody_scrapes_is_a_hold() -> None:
    nobody = Fleet()
    nobody.found.clear()
    found = await looked(nobody, Fleet(5).requests(1000))
    assert (found.verdict, found.reason) == ("hold", "Prometheus knows no pod of the canary")


@pytest.mark.parametrize(
    ("bad", "silence", "verdict"), [(0, 60, "pass"), (0, 61, "hold"), (50, 61, "fail")]
)
async def test_a_canary_that_has_vanished_does_not_pass(
    bad: int, silence: float, verdict: str
) -> None:
    """Stable may be gone: in blue-green the new version has taken its place."""
    async with serving(fleets(Fleet().requests(1000, bad), Fleet(5).requests(1000))) as url:
        rollout = replace(ROLLOUT, window=WINDOW + silence)
        found = await look_at_canary(PrometheusServer(url), rollout, NOW + silence)
    assert found.verdict == verdict
    if verdict == "hold":
        assert found.reason == "the canary was last scraped 61 s ago: its present state is unknown"
        assert found.queries


async def test_without_prometheus_it_is_a_hold() -> None:
    found = await look_at_canary(PrometheusServer("http://127.0.0.1:1"), ROLLOUT, NOW)
    assert found.verdict == "hold"
    assert "127.0.0.1:1" in found.reason
    budget = await look_at_budget(PrometheusServer("http://127.0.0.1:1"), "sloth", "shop", NOW)
    assert budget.verdict == "hold"


async def test_what_takes_too_long_to_judge_is_a_hold_and_no_other_large_look_begins_before_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    monkeypatch.setattr("drainproxy.rollout.gate.look.doubt", lambda *_: ended.wait(30) and None)
    async with serving(fleets(Fleet().requests(1000), Fleet(5).requests(1000))) as url:
        server = PrometheusServer(url, timeout=1.0, memory=SharedMemory(0))
        found, other = [await look_at_canary(server, ROLLOUT, NOW) for _ in range(2)]
        assert (found.verdict, other.verdict) == ("hold", "hold")
        assert "cannot be judged within 1 s: narrow the window" in found.reason
        assert "other looks have taken what memory there is within 1 s" in other.reason
        assert found.queries
        ended.set()
        patient = PrometheusServer(url, timeout=20.0, memory=server.memory)
        assert (await look_at_canary(patient, ROLLOUT, NOW)).verdict == "pass"


async def test_what_is_not_answered_keeps_no_turn() -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(text="x" * 100)

    async with serving(broken) as url:
        server = PrometheusServer(url, memory=SharedMemory(0))
        for _ in range(2):
            found = await look_at_canary(server, ROLLOUT, NOW)
            assert found.reason.endswith("no answer of Prometheus")
        async with asyncio.timeout(10), server.memory.turn:
            pass


async def test_a_look_gives_back_what_memory_it_took() -> None:
    async with serving(fleets(Fleet().requests(1000), Fleet(5).requests(1000))) as url:
        server = PrometheusServer(url)
        before = server.memory.left
        await look_at_canary(server, ROLLOUT, NOW)
        await look_at_budget(server, "sloth", "shop", NOW)
        assert server.memory.left == before


async def test_a_budget_is_one_signal() -> None:
    async def handler(request: web.Request) -> web.Response:
        query = str((await request.post())["query"])
        return answer([Series({}, [(NOW, 0.5 if "remaining" in query else 1.0)])])

    async with serving(handler) as url:
        found = await look_at_budget(PrometheusServer(url), "drainproxy", "shop", NOW)
    assert (found.verdict, [each.signal for each in found.signals]) == ("pass", ["error budget"])


async def test_looks_go_on_until_there_is_a_verdict() -> None:
    reports = [
        GateReport("hold", "1"),
        GateReport("hold", "2"),
        GateReport("fail", "3"),
        GateReport("pass", "4"),
    ]
    seen: list[GateReport] = []

    async def look() -> GateReport:
        return reports.pop(0)

    async with asyncio.timeout(10):
        found = await wait_for_verdict(look, 60, 0.001, seen.append)
    assert found.reason == "3"
    assert [each.reason for each in seen] == ["1", "2"]


async def test_looks_end_with_the_time() -> None:
    async def look() -> GateReport:
        return GateReport("hold", "never")

    async with asyncio.timeout(10):
        assert (await wait_for_verdict(look, 0.05, 0.01)).verdict == "hold"
        assert (await wait_for_verdict(look, 0, 30)).verdict == "hold"
