"""A drain is taken back when the app went away and came back, and in no other case."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from drainproxy.config import Address
from drainproxy.drain.machine import Phase
from drainproxy.sidecar import listening, restart
from tests.sidecar.fake_sidecar import FakeSidecar


class App:
    """Listens when it is told to, on one port."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket: socket.socket | None = None
        self.start(host)
        self.address = Address(host, self.port)

    def start(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_server((host, getattr(self, "port", 0)))
        self.port = self._socket.getsockname()[1]

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[FakeSidecar, App, "Looks"]]:
    """A sidecar in front of an app, watched a hundred times a second."""
    monkeypatch.setattr(restart, "_LOOK_EVERY", 0.01)
    looks = Looks(monkeypatch)
    app = App(host)
    sidecar = FakeSidecar(app.address)
    task = asyncio.create_task(restart.watch(sidecar.real))
    try:
        yield sidecar, app, looks
        assert not task.done()
    finally:
        task.cancel()
        app.stop()


class Looks:
    """How often the app's port was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        look = restart._all_listen

        async def counted(forwards: object) -> bool:
            self.count += 1
            return await look(forwards)  # type: ignore[arg-type] # handed on as it came

        monkeypatch.setattr(restart, "_all_listen", counted)

    async def again(self) -> None:
        """Two more."""
        before = self.count
        await until(lambda: self.count >= before + 2)


def serves(sidecar: FakeSidecar) -> bool:
    return sidecar.machine.phase is Phase.SERVING


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - a phase has no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("knocks", [False, True])
async def test_an_app_that_went_away_and_came_back_was_restarted(
    knocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if knocks:
        monkeypatch.setattr(listening, "ports", lambda: None)
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.drain("prestop")
        await looks.again()
        assert not serves(sidecar)
        app.stop()
        await looks.again()
        assert not serves(sidecar)
        app.start()
        await until(lambda: serves(sidecar))


async def test_an_app_elsewhere_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch, "127.0.0.7") as (sidecar, app, looks):
        sidecar.drain("prestop")
        app.stop()
        await looks.again()
        app.start("127.0.0.7")
        await until(lambda: serves(sidecar))


async def test_after_a_signal_nothing_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.drain("prestop")
        app.stop()
        await looks.again()
        sidecar.machine.signal("SIGTERM", sidecar.now())
        app.start()
        seen = looks.count
        # Nobody looks any more: some turns of the watch go by without one.
        await asyncio.sleep(0.1)
        assert looks.count <= seen + 1
        assert not serves(sidecar)


async def test_an_app_that_restarts_while_serving_is_its_own_affair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        app.stop()
        await asyncio.sleep(0.1)  # some turns of the watch
        assert looks.count == 0
        app.start()
        sidecar.drain("admin")
        await looks.again()
        assert not serves(sidecar)
