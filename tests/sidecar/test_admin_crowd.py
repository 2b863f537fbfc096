"""The admin endpoints when many ask at once, or come and ask for nothing."""

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest

from drainproxy.sidecar import admin
from drainproxy.sidecar.files import Shares

from .fake_sidecar import FakeSidecar, served
from .test_admin import answer, asked, until_drain


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


async def test_of_answers_that_are_much_work_one_is_made_at_a_time(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way: list[int] = []
    most = 0

    def many(_: object) -> Iterator[dict[str, object]]:
        nonlocal most
        under_way.append(1)
        for number in range(1000):
            most = max(most, len(under_way))
            yield {"number": number}
        under_way.pop()

    monkeypatch.setattr(admin, "connections", many)
    async with asked(sidecar) as client, asyncio.TaskGroup() as tasks:
        listings = [tasks.create_task(answer(client, "GET", "/connections")) for _ in range(20)]
        while not most:  # noqa: ASYNC110 - the handler has no event for it
            await asyncio.sleep(0.001)
        assert (await answer(client, "GET", "/livez"))[0] == 200
        assert not all(listing.done() for listing in listings)
    assert most == 1
    assert [len(listing.result()[1]) for listing in listings] == [1000] * 20


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
        assert sidecar.hub.counters.rejected["admin-connections"] >= 8
        assert not hook.done()
        sidecar.advance()
        sidecar.advance()
        assert (await hook)[0] == 200
        for _, writer in silent:
            writer.close()
