"""The end of the process waits for those who are still there, and no moment longer."""

import asyncio
from typing import Any

import pytest

from drainproxy.sidecar import final_flush
from drainproxy.sidecar.final_flush import flush
from tests.sidecar.fake_sidecar import FakeSidecar

LONG = 60.0


class Client:
    """A session that ends when it is aborted, or when it is told to."""

    def __init__(self, sidecar: FakeSidecar) -> None:
        registry: Any = sidecar.context.registry
        self.registry = registry
        self.registry.sessions.add(self)
        self.client = None
        self.aborted = ""

    def close_if_unused(self) -> None:
        """It is used."""

    def abort(self, why: str) -> None:
        self.aborted = why
        self.leave()

    def leave(self) -> None:
        self.registry.remove(self)


async def test_it_ends_when_the_last_client_leaves_and_not_when_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(final_flush, "_PATIENCE", LONG)
    sidecar = FakeSidecar()
    one, other = Client(sidecar), Client(sidecar)
    flushing = asyncio.create_task(flush(sidecar.context, sidecar.now() + LONG))
    asyncio.get_running_loop().call_soon(one.leave)
    # Two turns of the loop, in which one leaves and whoever waits would wake.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not flushing.done()
    other.leave()
    async with asyncio.timeout(LONG / 4):
        assert await flushing == 0
    assert not one.aborted


async def test_without_clients_there_is_nothing_to_wait_for() -> None:
    sidecar = FakeSidecar()
    async with asyncio.timeout(LONG / 4):
        assert await flush(sidecar.context, sidecar.now() + LONG) == 0


async def test_who_has_all_bytes_and_does_not_close_is_not_waited_for_longer_than_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(final_flush, "_PATIENCE", 0.0)
    sidecar = FakeSidecar()
    client = Client(sidecar)
    async with asyncio.timeout(LONG / 4):
        assert await flush(sidecar.context, sidecar.now() + LONG) == 0
    assert not client.aborted


async def test_bytes_that_are_on_their_way_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(final_flush, "_PATIENCE", 0.0)
    monkeypatch.setattr(final_flush, "_LOOK_EVERY", 0.0)
    sidecar = FakeSidecar()
    Client(sidecar)
    left = iter([5, 2, 0])
    sidecar.context.undelivered = lambda client: next(left)
    async with asyncio.timeout(LONG / 4):
        assert await flush(sidecar.context, sidecar.now() + LONG) == 0
    assert not list(left)


async def test_what_goes_on_at_the_end_is_cut_and_counted() -> None:
    sidecar = FakeSidecar()
    client = Client(sidecar)
    held: Any = client
    sidecar.context.ledger.open(held)
    assert await flush(sidecar.context, sidecar.now()) == 1
    assert client.aborted == "deadline"
