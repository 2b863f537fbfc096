"""Who asks for the same shares a look; there are never more of them than are good for anybody."""

import asyncio

import pytest

from drainproxy.rollout.gate.look_cache import LookCache
from drainproxy.rollout.gate.report import GateReport


class Clock:
    def __init__(self) -> None:
        self.time = 0.0
        self.looks = 0
        self.go_on = asyncio.Event()

    def now(self) -> float:
        return self.time

    async def look(self) -> GateReport:
        self.looks += 1
        await self.go_on.wait()
        return GateReport("pass", str(self.looks))


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_all_who_ask_meanwhile_share_one_look(clock: Clock) -> None:
    looks = LookCache(clock.now)
    asking = [asyncio.create_task(looks.get("a", clock.look)) for _ in range(200)]
    await asyncio.sleep(0)
    clock.go_on.set()
    assert {report.reason for report in await asyncio.gather(*asking)} == {"1"}


async def test_a_report_is_kept_for_a_few_seconds(clock: Clock) -> None:
    looks = LookCache(clock.now, kept_for=5)
    clock.go_on.set()
    for moment, reason in ((0.0, "1"), (4.9, "1"), (5.1, "2")):
        clock.time = moment
        assert (await looks.get("a", clock.look)).reason == reason
    assert (await looks.get("b", clock.look)).reason == "3"


async def test_who_goes_before_the_answer_takes_nobody_elses(clock: Clock) -> None:
    looks = LookCache(clock.now)
    first, second = (asyncio.create_task(looks.get("a", clock.look)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    clock.go_on.set()
    assert (await second).verdict == "pass"


async def test_beyond_a_number_of_looks_it_is_a_hold(clock: Clock) -> None:
    looks = LookCache(clock.now)
    asking = [asyncio.create_task(looks.get(each, clock.look)) for each in range(32)]
    await asyncio.sleep(0)
    assert (await looks.get("one more", clock.look)).verdict == "hold"
    clock.go_on.set()
    await asyncio.gather(*asking)
    assert (await looks.get("one more", clock.look)).verdict == "pass"


async def test_a_look_that_fails_is_not_kept(clock: Clock) -> None:
    async def broken() -> GateReport:
        raise OSError("gone")

    looks = LookCache(clock.now)
    with pytest.raises(OSError, match="gone"):
        await looks.get("a", broken)
    clock.go_on.set()
    assert (await looks.get("a", clock.look)).verdict == "pass"


async def test_invented_keys_do_not_pile_up(clock: Clock) -> None:
    looks = LookCache(clock.now)
    clock.go_on.set()
    for each in range(3000):
        await looks.get(each, clock.look)
    assert len(looks._kept) <= 1000
