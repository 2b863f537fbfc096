"""Looks share what memory there is, and of those that need more there is one at a time."""

import asyncio

import pytest

from drainproxy.rollout.gate.memory import MOST, Allowance, BeyondAllowance, SharedMemory

SHARED = 1000


@pytest.fixture
def memory() -> SharedMemory:
    return SharedMemory(SHARED)


async def until_it_waits(look: Allowance) -> None:
    turns_of_the_loop = 100
    for _ in range(turns_of_the_loop):
        await asyncio.sleep(0)
        if look.is_waiting:
            return
    raise AssertionError("it does not wait")


async def test_looks_for_which_there_is_memory_do_not_wait(memory: SharedMemory) -> None:
    looks = [Allowance(memory) for _ in range(10)]
    async with asyncio.timeout(10):
        for look in looks:
            await look.spend(SHARED // 10)
        assert memory.left == 0
        for look in looks:
            look.release()
        await looks.pop().spend(SHARED // 10)
        await Allowance(memory).spend(SHARED)
    assert memory.left == 0


async def test_one_look_may_have_more_and_the_next_waits_until_nothing_of_it_is_kept(
    memory: SharedMemory,
) -> None:
    first, second, small = (Allowance(memory) for _ in range(3))
    async with asyncio.timeout(10):
        await first.spend(SHARED + 1)
        await first.spend(10 * SHARED)
        await small.spend(SHARED)
    # Two of its answers come at the same time.
    waiting = [asyncio.create_task(second.spend(1)) for _ in range(2)]
    await until_it_waits(second)
    assert not any(each.done() for each in waiting)
    first.release()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
    assert not second.is_waiting
    second.release()
    small.release()
    assert (memory.left, memory.turn.locked()) == (SHARED, False)


async def test_a_look_that_has_ended_while_it_waited_leaves_its_turn_to_the_next(
    memory: SharedMemory,
) -> None:
    first, ended, next_one = (Allowance(memory) for _ in range(3))
    await first.spend(SHARED + 1)
    waiting = asyncio.create_task(ended.spend(SHARED + 1))
    await until_it_waits(ended)
    ended.release()
    first.release()
    async with asyncio.timeout(10):
        await waiting
        await next_one.spend(SHARED + 1)


async def test_what_comes_after_the_end_of_a_look_takes_nothing(memory: SharedMemory) -> None:
    look = Allowance(memory)
    look.release()
    async with asyncio.timeout(10):
        for _ in range(2):
            await look.spend(1)
    assert (memory.left, memory.turn.locked()) == (SHARED, False)


async def test_no_look_may_have_more_than_there_is(memory: SharedMemory) -> None:
    look = Allowance(memory)
    await look.spend(MOST)
    with pytest.raises(BeyondAllowance, match="64 MiB together: narrow the window"):
        await look.spend(1)
