"""Small looks never wait for each other, and of large ones there is one at a time."""

import asyncio

import pytest

from drainproxy.rollout.gate.memory import MOST, Allowance, BeyondAllowance

SMALL, LARGE = 1 << 20, (1 << 20) + 1


@pytest.fixture
def turn() -> asyncio.Lock:
    return asyncio.Lock()


async def test_a_small_look_does_not_wait_for_a_large_one(turn: asyncio.Lock) -> None:
    async with asyncio.timeout(10):
        for size in (LARGE, SMALL, SMALL):
            await Allowance(turn).spend(size)


async def test_a_large_look_waits_until_nothing_of_the_one_before_is_kept(
    turn: asyncio.Lock,
) -> None:
    first, second = Allowance(turn), Allowance(turn)
    await first.spend(LARGE)
    # Two of its answers come at the same time.
    waiting = [asyncio.create_task(second.spend(LARGE)) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert (second.is_waiting, any(each.done() for each in waiting)) == (True, False)
    first.release()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
    assert not second.is_waiting
    second.release()
    assert not turn.locked()


async def test_a_look_that_has_ended_while_it_waited_leaves_its_turn_to_the_next(
    turn: asyncio.Lock,
) -> None:
    first, ended, next_one = (Allowance(turn) for _ in range(3))
    await first.spend(LARGE)
    waiting = asyncio.create_task(ended.spend(LARGE))
    await asyncio.sleep(0.01)
    ended.release()
    first.release()
    async with asyncio.timeout(10):
        await waiting
        await next_one.spend(LARGE)


async def test_no_look_may_have_more_than_there_is(turn: asyncio.Lock) -> None:
    look = Allowance(turn)
    await look.spend(MOST)
    with pytest.raises(BeyondAllowance, match="64 MiB together: narrow the window"):
        await look.spend(1)
