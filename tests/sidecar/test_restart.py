"""A drain is taken back when the app went away and came back, and in no other case; and one that
nobody has a use for any more is short."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drainproxy.config import Address, UnixSocket
from drainproxy.drain.machine import Phase, Timing
from drainproxy.drain.origin import TOGETHER, Origin
from drainproxy.sidecar import restart, sock_diag
from drainproxy.sidecar.restart import Listeners, changed
from tests.sidecar.fake_sidecar import FakeSidecar

LONG = Timing(60.0, 2.0, 600.0)
ONE, OTHER = Address("127.0.0.1", 9000), Address("127.0.0.1", 9001)


class App:
    """Listens when it is told to, at one address."""

    def __init__(self, where: str = "127.0.0.1") -> None:
        self._where = where
        self._socket: socket.socket | None = None
        self._port = 0
        self.start()
        self.address = UnixSocket(where) if "/" in where else Address(where, self._port)

    def start(self) -> None:
        if "/" in self._where:
            Path(self._where).unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self._where)
            self._socket.listen()
        else:
            self._socket = socket.create_server((self._where, self._port))
            self._port = self._socket.getsockname()[1]

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, where: str = "127.0.0.1"
) -> AsyncIterator[tuple[FakeSidecar, App, "Looks"]]:
    """A sidecar in front of an app, watched a hundred times a second."""
    monkeypatch.setattr(restart, "_LOOK_EVERY", 0.01)
    app = App(where)
    sidecar = FakeSidecar(app.address)
    looks = Looks(sidecar, monkeypatch)
    task = asyncio.create_task(sidecar.restart.watch())
    try:
        yield sidecar, app, looks
        assert not task.done()
    finally:
        task.cancel()
        app.stop()


class Looks:
    """How often the app was looked at."""

    def __init__(self, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        look = sidecar.restart.look

        async def counted() -> None:
            await look()
            self.count += 1

        monkeypatch.setattr(sidecar.restart, "look", counted)

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


def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not tell who listens."""
    monkeypatch.setattr(sock_diag, "listening_sockets", lambda: None)


# Who went away


@pytest.mark.parametrize(
    ("before", "now", "restarted"),
    [
        ({ONE: {b"a"}}, {ONE: {b"a"}}, False),
        ({ONE: {b"a"}}, {ONE: set()}, True),
        ({ONE: {b"a"}}, {ONE: {b"b"}}, True),
        # Workers that share a port come and go; as long as one is left the app is there.
        ({ONE: {b"a", b"b"}}, {ONE: {b"b", b"c"}}, False),
        ({ONE: {b"a", b"b"}}, {ONE: {b"c", b"d"}}, True),
        # One of two containers restarts.
        ({ONE: {b"a"}, OTHER: {b"x"}}, {ONE: {b"b"}, OTHER: {b"x"}}, True),
        ({ONE: {b"a"}, OTHER: {b"x"}}, {ONE: {b"a"}, OTHER: {b"x"}}, False),
        # It was away when the drain began.
        ({ONE: set()}, {ONE: {b"a"}}, True),
        ({}, {}, False),
    ],
)
def test_an_app_went_away_if_nobody_is_left_who_listened(
    before: dict[Address, set[bytes]], now: dict[Address, set[bytes]], restarted: bool
) -> None:
    first: Listeners = {app: frozenset(each) for app, each in before.items()}
    later: Listeners = {app: frozenset(each) for app, each in now.items()}
    assert changed(first, later) is restarted


@pytest.mark.parametrize("origin", [Origin.HOOK, Origin.APP_HOOK])
@pytest.mark.parametrize("knocks", [False, True])
async def test_an_app_that_went_away_and_came_back_was_restarted(
    knocks: bool, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    if knocks:
        silent(monkeypatch)
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.drain(origin)
        await looks.again()
        assert not serves(sidecar)
        app.stop()
        await looks.again()
        assert not serves(sidecar)
        app.start()
        await until(lambda: serves(sidecar))


@pytest.mark.parametrize("where", ["127.0.0.1", "localhost", "127.0.0.7", "unix"])
async def test_an_app_that_is_back_between_two_looks_was_restarted_all_the_same(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch, str(tmp_path / "app") if where == "unix" else where) as (
        sidecar,
        app,
        looks,
    ):
        sidecar.drain(Origin.APP_HOOK)
        # Nobody has looked yet, and none of this waits for anybody.
        app.stop()
        app.start()
        assert looks.count == 0
        await until(lambda: serves(sidecar))


async def test_an_app_that_is_there_all_the_time_was_not_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (sidecar, _, looks):
        sidecar.drain(Origin.APP_HOOK)
        await looks.again()
        assert not serves(sidecar)


async def test_that_it_is_a_restart_is_in_the_log_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "drainproxy.restart")
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.drain(Origin.APP_HOOK)
        await looks.again()
        assert caplog.messages == []
        sidecar.ahead += TOGETHER
        await looks.again()
        (line,) = caplog.messages
        assert "a container of the app restarts" in line
        app.stop()
        app.start()
        await until(lambda: serves(sidecar))
        assert "the app was restarted" in caplog.messages[-1]


# Whose drain is taken back


@pytest.mark.parametrize(
    "asked",
    [
        [Origin.ADMIN],
        [Origin.SIDECAR_HOOK],
        [Origin.APP_HOOK, Origin.SIDECAR_HOOK],
        [Origin.HOOK, Origin.ADMIN],
        [Origin.ADMIN, Origin.APP_HOOK],
        [Origin.HOOK, Origin.SIDECAR_HOOK],
    ],
    ids=lambda asked: "+".join(each.name for each in asked),
)
async def test_what_others_than_hooks_of_apps_have_asked_for_stays(
    asked: list[Origin], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        for origin in asked:
            sidecar.drain(origin)
        app.stop()
        await looks.again()
        app.start()
        await looks.again()
        assert not serves(sidecar)


async def test_after_a_signal_nothing_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.drain(Origin.HOOK)
        app.stop()
        await looks.again()
        sidecar.machine.signal("SIGTERM", sidecar.now())
        app.start()
        await looks.again()
        assert not serves(sidecar)


async def test_an_app_that_restarts_while_serving_is_its_own_affair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        app.stop()
        await asyncio.sleep(0.1)  # some turns of the watch
        assert looks.count == 0
        app.start()
        sidecar.drain(Origin.HOOK)
        await looks.again()
        assert not serves(sidecar)


async def test_a_drain_after_one_that_was_taken_back_has_its_own_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        for _ in range(2):
            sidecar.drain(Origin.APP_HOOK)
            await looks.again()
            assert not serves(sidecar)
            app.stop()
            app.start()
            await until(lambda: serves(sidecar))


# Where the app has gone for good


def app_gone(asked: list[Origin], *, gone_first: bool) -> bool:
    app = App()
    sidecar = FakeSidecar(app.address, timing=LONG)
    if gone_first:
        app.stop()
    for origin in asked:
        sidecar.drain(origin)
    app.stop()
    asyncio.run(sidecar.restart.look())
    return sidecar.restart.app_gone_for_good


@pytest.mark.parametrize("gone_first", [False, True])
@pytest.mark.parametrize(
    ("asked", "ends"),
    [
        ([Origin.SIDECAR_HOOK], True),
        ([Origin.ADMIN], True),
        ([Origin.SIGNAL], True),
        ([Origin.APP_HOOK, Origin.SIDECAR_HOOK], True),
        # It restarts, and its clients should find a listener.
        ([Origin.APP_HOOK], False),
    ],
    ids=str,
)
def test_an_app_that_has_gone_will_not_come_back_unless_it_restarts(
    asked: list[Origin], ends: bool, gone_first: bool
) -> None:
    assert app_gone(asked, gone_first=gone_first) is ends


def test_a_hook_without_a_name_is_our_own_where_the_app_had_gone_before() -> None:
    assert app_gone([Origin.HOOK], gone_first=True)
    assert not app_gone([Origin.HOOK], gone_first=False)


async def test_a_pod_whose_work_is_done_is_drained_as_soon_as_its_app_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watched(monkeypatch) as (sidecar, app, looks):
        sidecar.machine.timing = LONG
        sidecar.drain(Origin.SIDECAR_HOOK)
        await looks.again()
        assert sidecar.machine.phase is Phase.ANNOUNCED
        app.stop()
        await until(lambda: sidecar.machine.phase is Phase.DRAINED)


def test_as_long_as_one_app_is_there_nothing_is_skipped() -> None:
    app, other = App(), App()
    sidecar = FakeSidecar(app.address, timing=LONG, others=[other.address])
    app.stop()
    sidecar.drain(Origin.SIDECAR_HOOK)
    assert not sidecar.restart.app_gone_for_good
    other.stop()


async def test_without_a_drain_nothing_looks_at_the_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as (sidecar, _, looks):
        begun = sidecar.restart._drain_begun
        assert not begun.is_set()
        sidecar.drain(Origin.APP_HOOK)
        await looks.again()
        assert sidecar.undrain()
        await until(lambda: not begun.is_set())
        sidecar.drain(Origin.APP_HOOK)
        await looks.again()
