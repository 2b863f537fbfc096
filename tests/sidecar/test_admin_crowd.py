"""The admin endpoints when many ask at once, or come and ask for nothing."""

import asyncio

import aiohttp
import pytest

from drainproxy.sidecar import admin
from drainproxy.sidecar.rlimits import Shares
from drainproxy.sidecar.status import Page

from .fake_sidecar import FakeSidecar, served
from .test_admin import answer, asked, until_drain


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


async def test_of_answers_that_are_much_work_one_is_made_at_a_time(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of them the loop sees to all others."""
    made = others_work = 0
    seen: list[int] = []

    def many(*_: object) -> Page:
        nonlocal made
        made += 1
        seen.append(others_work)
        return Page([{"number": number} for number in range(1000)], None)

    async def work() -> None:
        nonlocal others_work
        while True:
            others_work += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(admin, "connections", many)
    working = asyncio.create_task(work())
    async with asked(sidecar) as client, asyncio.TaskGroup() as tasks:
        listings = [tasks.create_task(answer(client, "GET", "/connections")) for _ in range(20)]
        assert (await answer(client, "GET", "/livez"))[0] == 200
    working.cancel()
    assert [len(listing.result()[1]) for listing in listings] == [1000] * 20
    assert made == len(set(seen)) == 20


async def test_who_comes_when_all_places_are_taken_gets_one_and_those_who_wait_keep_theirs(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "descriptors", lambda _: Shares(1, 1, 3, 0))
    async with (
        served(sidecar) as server,
        aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client,
    ):
        hook = asyncio.create_task(answer(client, "POST", "/drain?wait=1"))
        await until_drain(sidecar)
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
        assert (await answer(client, "GET", "/livez"))[0] == 200
        assert sidecar.context.counters.rejected["admin-connections"] >= 8
        assert not hook.done()
        sidecar.advance()
        sidecar.advance()
        assert (await hook)[0] == 200
        for _, writer in silent:
            writer.close()
