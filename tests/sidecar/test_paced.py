"""One after the other, each in its time."""

import asyncio

import pytest

from drainproxy.relay.slices import Slices
from drainproxy.sidecar.paced import Paced


def slices() -> Slices:
    loop = asyncio.get_running_loop()
    return Slices(lambda step: loop.call_soon(step), loop.time)


async def test_each_has_its_turn_when_its_time_has_come_and_not_before() -> None:
    loop, times = asyncio.get_running_loop(), {}
    began, done = loop.time(), asyncio.Event()

    def act(name: str) -> None:
        times[name] = loop.time() - began
        if name == "d":
            done.set()

    Paced(slices(), [(0.0, "a"), (0.0, "b"), (0.03, "c"), (0.06, "d")], act)
    async with asyncio.timeout(10):
        await done.wait()
    assert [*times] == [*"abcd"]
    assert times["c"] >= 0.025
    assert times["d"] >= 0.055


@pytest.mark.parametrize("cancelled_by", ["a", "nobody"])
async def test_who_is_left_after_it_was_cancelled_has_no_turn(cancelled_by: str) -> None:
    loop, done = asyncio.get_running_loop(), []
    over = asyncio.Event()

    def act(name: str) -> None:
        done.append(name)
        if name == cancelled_by:
            paced.cancel()

    paced = Paced(slices(), [(0.0, "a"), (0.0, "b"), (0.01, "c")], act)
    loop.call_later(0.05, over.set)
    await over.wait()
    assert done == (["a"] if cancelled_by == "a" else [*"abc"])


async def test_without_anybody_there_is_nothing_to_cancel() -> None:
    Paced[str](slices(), [], print).cancel()
