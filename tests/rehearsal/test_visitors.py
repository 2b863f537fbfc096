"""Users come and go, each on a connection of its own, and who meets a fault is counted once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from drainproxy.rehearsal import grpc_app, scores
from drainproxy.rehearsal.app import application
from drainproxy.rehearsal.clients import Client, Target
from drainproxy.rehearsal.faults import NONE, Faults
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.scores import Score
from drainproxy.rehearsal.visitors import (
    CallVisitor,
    EventsVisitor,
    RequestVisitor,
    WebSocketVisitor,
)
from tests.rehearsal.lived import has_failed, lived

KINDS = (RequestVisitor, WebSocketVisitor, EventsVisitor, CallVisitor)


class Connections:
    """An app, and how many came to it by HTTP."""

    def __init__(self, faults: Faults) -> None:
        self.app = application(version="v2", faults=faults)
        self.app.middlewares.append(self._count)
        self.seen: set[object] = set()

    @web.middleware
    async def _count(self, request: web.Request, handler: object) -> web.StreamResponse:
        self.seen.add(request.transport)
        return await handler(request)  # type: ignore[operator, no-any-return]

    @asynccontextmanager
    async def served(self, faults: Faults, stay: float) -> AsyncIterator[Target]:
        http, grpc_port = free_ports(2)
        runner = web.AppRunner(self.app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", http).start()
        calls = grpc_app.served(grpc_port, "v2", 0.1, faults)
        await anext(calls)
        try:
            yield Target(
                http, grpc_port, pause=0.01, question_every=0.01, stays={"websocket": stay}
            )
        finally:
            await anext(calls, None)
            await runner.cleanup()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a seat's first request is drawn, and every 25th would be a download."""
    monkeypatch.setattr(RequestVisitor, "DOWNLOAD_EVERY", 1_000_000_000)
    monkeypatch.setattr("drainproxy.rehearsal.app.EVENT_EVERY", 0.02)


def four_came(score: Score) -> bool:
    return score.clock.users > 3


async def visited(kind: type[Client], faults: Faults = NONE, stay: float = 0) -> tuple[Score, int]:
    """What one seat has lived through when four had come, and on how many connections."""
    app = Connections(faults)
    async with app.served(faults, stay) as service:
        score = await lived(kind, service, four_came)
    return score, len(app.seen)


@pytest.mark.parametrize("kind", KINDS)
async def test_who_leaves_loses_nothing_and_hears_no_goodbye(kind: type[Client]) -> None:
    score, connections = await visited(kind)
    assert not score.failed
    assert (score.struck, score.goodbyes) == (0, 0)
    if kind is not CallVisitor:
        assert connections == score.clock.users


@pytest.mark.parametrize("kind", KINDS)
async def test_everyone_meets_a_version_that_always_fails(kind: type[Client]) -> None:
    score, _ = await visited(kind, Faults(fails=1.0))
    assert score.struck == score.clock.users == score.failed.total()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_slow_answer_is_a_fault_though_nothing_is_lost(kind: type[Client]) -> None:
    score, _ = await visited(kind, Faults(slow=0.001))
    assert not score.failed
    assert score.clock.users - score.struck <= 1, "who came last may have been asked to stop"


async def test_who_is_dropped_has_met_a_fault() -> None:
    score, _ = await visited(WebSocketVisitor, Faults(drops_websockets=True), stay=100)
    assert set(score.failed) == {"ws 1006"}
    assert score.struck == score.failed.total()


async def test_where_nobody_listens_each_user_has_met_a_fault() -> None:
    score = await lived(RequestVisitor, Target(free_ports(1)[0], 0), has_failed)
    assert set(score.failed) == {scores.REFUSED}
    assert score.struck == score.clock.users


def test_as_many_come_of_a_kind_however_many_seats_there_are() -> None:
    few, many = (RehearsalPlan(gate=True, clients={"websocket": seats}) for seats in (4, 40))
    assert (few.stays["websocket"], many.stays["websocket"]) == (300, 3000)
    assert few.stays["sse"] == 0
    assert RehearsalPlan().stays == {}
