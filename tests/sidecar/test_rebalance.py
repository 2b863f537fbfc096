"""A share of the clients is told to come again: the oldest first, at a steady rate, once."""

import asyncio
from collections.abc import Callable

import pytest

from drainproxy.relay.detect import Detect
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar.rebalance import Rebalance
from tests.sidecar.fake_sidecar import FakeSidecar, connect


def crowd(sidecar: FakeSidecar, count: int) -> list[Http1Connection]:
    """So many clients, the oldest first, and others who cannot be told anything."""
    sessions = []
    for _ in range(count):
        sidecar.ahead += 1
        sessions.append(Http1Connection(sidecar.context, sidecar.routes[0]))
        connect(sidecar, sessions[-1])
        connect(sidecar, Tcp(sidecar.context, sidecar.routes[0]))
        connect(sidecar, Detect(sidecar.context, sidecar.routes[0]))
    return sessions


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - a session has no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("share", "told"), [(0.2, 2), (0.21, 3), (0.01, 1), (1.0, 10)])
async def test_the_oldest_are_told_and_no_more_than_asked_for(share: float, told: int) -> None:
    sidecar = FakeSidecar()
    sessions = crowd(sidecar, 10)
    rebalance = Rebalance(sidecar.context, share, 0)
    await until(lambda: not rebalance.running)
    assert [session.expired_by for session in sessions] == ["rebalance"] * told + [""] * (10 - told)
    assert rebalance.progress() == {
        "running": False,
        "connections": told,
        "told": told,
        "gone": 0,
        "seconds_left": 0,
    }


async def test_the_rate_is_steady() -> None:
    sidecar = FakeSidecar()
    sessions = crowd(sidecar, 4)
    rebalance = Rebalance(sidecar.context, 1.0, 0.4)
    loop, began, times = asyncio.get_running_loop(), asyncio.get_running_loop().time(), []
    for session in sessions:
        await until(lambda session=session: bool(session.expired_by))  # type: ignore[misc] # bound
        times.append(loop.time() - began)
    assert not rebalance.running
    assert all(time >= 0.1 * place - 0.01 for place, time in enumerate(times))


async def test_who_has_gone_or_was_told_before_is_not_told_again() -> None:
    sidecar = FakeSidecar()
    first, second, third = crowd(sidecar, 3)
    second.expire("max-connection-age")
    rebalance = Rebalance(sidecar.context, 1.0, 0)
    first.connection_lost(None)
    await until(lambda: not rebalance.running)
    assert (rebalance.progress()["told"], rebalance.progress()["gone"]) == (1, 1)
    assert (second.expired_by, third.expired_by) == ("max-connection-age", "rebalance")


async def test_one_that_is_stopped_tells_nobody_else() -> None:
    sidecar = FakeSidecar()
    sessions = crowd(sidecar, 3)
    rebalance = Rebalance(sidecar.context, 1.0, 60)
    await until(lambda: bool(sessions[0].expired_by))
    assert rebalance.progress()["running"]
    rebalance.stop()
    assert not rebalance.running
    assert [bool(session.expired_by) for session in sessions] == [True, False, False]


async def test_nobody_to_tell_is_soon_done() -> None:
    assert not Rebalance(FakeSidecar().context, 1.0, 60).running
