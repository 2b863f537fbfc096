"""Readiness: the phase, and the apps that count."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace

from drainproxy.config import Address, UnixSocket
from drainproxy.drain.machine import Phase
from drainproxy.drain.origin import TOGETHER, Origin, Purpose
from drainproxy.rehearsal.ports import free_ports
from drainproxy.sidecar import readiness, sock_diag
from drainproxy.sidecar.readiness import unready_phase

from .fake_sidecar import FakeSidecar
from .test_probes import HTTP, OK, App, listening

READY_IN = {
    "announced": [Phase.SERVING],
    "leaving": [Phase.SERVING, Phase.ANNOUNCED],
    "closed": [Phase.SERVING, Phase.ANNOUNCED, Phase.LEAVING],
}


def ready_in(unready: str, purpose: Purpose | None) -> list[Phase]:
    return [phase for phase in Phase if not unready_phase(phase, unready, purpose)]


@pytest.mark.parametrize("unready", READY_IN)
def test_of_a_pod_that_is_deleted_the_phase_from_which_readiness_fails_is_set(unready: str) -> None:
    assert ready_in(unready, Purpose.DELETION) == READY_IN[unready]


@pytest.mark.parametrize("unready", READY_IN)
@pytest.mark.parametrize("purpose", [Purpose.ASKED, Purpose.RESTART])
def test_any_other_drain_is_unready_at_once(unready: str, purpose: Purpose) -> None:
    assert ready_in(unready, purpose) == [Phase.SERVING]


@pytest.mark.parametrize("unready", READY_IN)
def test_as_long_as_it_is_not_known_what_a_drain_is_for_readiness_stays(unready: str) -> None:
    # But for a listener that is closed.
    assert ready_in(unready, Purpose.UNDECIDED) == READY_IN["closed"]


async def test_the_hook_of_an_app_alone_is_a_restart_half_a_second_later() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        sidecar.drain(Origin.APP_HOOK)
        assert await sidecar.readiness.problem() == ""
        sidecar.ahead += TOGETHER
        assert "restarts" in await sidecar.readiness.problem()


async def test_the_hooks_of_app_and_sidecar_are_a_deletion_in_either_order() -> None:
    for hooks in permutations([Origin.APP_HOOK, Origin.SIDECAR_HOOK]):
        async with listening(App()) as app:
            sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
            sidecar.settings = replace(sidecar.settings, unready="closed")
            for hook in hooks:
                sidecar.drain(hook)
                sidecar.ahead += TOGETHER / 2
            sidecar.ahead += 60
            assert await sidecar.readiness.problem() == ""


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.SERVING])
async def test_the_app_is_not_asked_where_its_answer_changes_nothing(phase: Phase) -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        sidecar.machine.phase = phase

        assert phase.value in await sidecar.readiness.problem()
        assert app.asked == []


async def test_many_probes_at_once_are_one_question() -> None:
    async with listening(App()) as app:
        ready = FakeSidecar(Address("127.0.0.1", app.port), HTTP).readiness

        problems = await asyncio.gather(*(ready.problem() for _ in range(50)))

    assert set(problems) == {""}
    assert len(app.asked) == 1


async def test_an_answer_is_believed_for_less_than_a_second() -> None:
    # The kubelet probes each second: each time the app is asked.
    assert readiness.FRESH < 1
    async with listening(App(b"HTTP/1.1 500 Oh\r\n\r\n")) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        ready = sidecar.readiness

        first = await ready.problem()
        app.answer = OK
        believed = await ready.problem()
        sidecar.ahead += readiness.FRESH
        asked_again = await ready.problem()

    assert "answered 500" in first
    assert (believed, asked_again) == (first, "")
    assert len(app.asked) == 2


async def next_probe(sidecar: FakeSidecar) -> str:
    sidecar.ahead += readiness.FRESH
    return await sidecar.readiness.problem()


async def test_an_app_that_was_there_is_away_after_three_bad_answers_in_a_row() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        told = []
        for good in (True, False, False, True, False, False, False, False, True):
            app.answer = OK if good else b"HTTP/1.1 500 Oh\r\n\r\n"
            told.append(not await next_probe(sidecar))
            assert (sidecar.readiness.not_ready() == "") is told[-1]

    assert told == [*[True] * 6, False, False, True]


async def test_an_app_that_nobody_listens_for_any_more_is_borne_with_likewise() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port))
        assert await next_probe(sidecar) == ""
    told = [not await next_probe(sidecar) for _ in range(4)]
    assert told == [True, True, False, False]


async def test_an_app_that_was_never_there_is_not_borne_with() -> None:
    async with listening(App(b"HTTP/1.1 500 Oh\r\n\r\n")) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        assert "answered 500" in await next_probe(sidecar)


async def test_an_app_that_was_restarted_must_show_that_it_is_there() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        assert await next_probe(sidecar) == ""
        sidecar.drain(Origin.APP_HOOK)
        app.answer = b"HTTP/1.1 500 Oh\r\n\r\n"
        sidecar.undrain()
        # At once: what the app before it has said is not believed.
        assert "answered 500" in await sidecar.readiness.problem()


async def test_a_drain_that_begins_while_the_app_is_asked_is_not_ready() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        asked = asyncio.create_task(sidecar.readiness.problem())
        await asyncio.sleep(0)
        sidecar.drain(Origin.ADMIN)

        assert "draining" in await asked


async def test_what_is_known_without_waiting_is_what_the_app_said_last() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        ready = sidecar.readiness

        assert ready.known() is None
        assert await ready.problem() == ""
        assert ready.known() == ""
        sidecar.ahead += readiness.FRESH
        assert ready.known() is None
        assert await ready.problem() == ""
        sidecar.drain(Origin.ADMIN)
        assert "draining" in (ready.known() or "")

    assert len(app.asked) == 2


async def test_a_probe_that_is_given_up_does_not_spoil_the_answer_for_others() -> None:
    async with listening(App()) as app:
        ready = FakeSidecar(Address("127.0.0.1", app.port), HTTP).readiness
        hasty, patient = (asyncio.create_task(ready.problem()) for _ in range(2))
        await asyncio.sleep(0)
        hasty.cancel()

        assert await patient == ""


# Which apps count


def needs(app: App, *others: Address | UnixSocket, ready_ports: tuple[int, ...]) -> FakeSidecar:
    return FakeSidecar(Address("127.0.0.1", app.port), HTTP, others=others, ready_ports=ready_ports)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - an answer has no event
            await asyncio.sleep(0.005)


async def test_without_ready_ports_every_app_must_be_there() -> None:
    missing = Address("127.0.0.1", free_ports(1)[0])
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP, others=[missing])
        assert f"{missing} does not accept" in await sidecar.readiness.problem()


async def test_an_app_that_ready_ports_leaves_out_is_not_waited_for() -> None:
    missing = Address("127.0.0.1", free_ports(1)[0])
    async with listening(App()) as app:
        sidecar = needs(app, missing, ready_ports=(app.port,))
        assert await sidecar.readiness.problem() == ""
        assert sidecar.readiness.not_ready() == ""
        (told,) = sidecar.readiness.missing()
    assert (told["app"], told["counts"]) == (str(missing), False)
    assert "nothing listens" in str(told["problem"])


async def test_an_app_that_has_answered_once_counts_from_then_on() -> None:
    async with listening(App()) as app, listening(App()) as other:
        sidecar = needs(app, Address("127.0.0.1", other.port), ready_ports=(app.port,))
        other.answer = b"HTTP/1.1 500 Oh\r\n\r\n"
        for answer in (other.answer, OK):
            other.answer = answer
            assert await sidecar.readiness.problem() == ""
            await until(lambda: answered(sidecar))
            sidecar.ahead += readiness.FRESH
        other.answer = b"HTTP/1.1 503 Oh\r\n\r\n"
        told = [await next_probe(sidecar) for _ in range(readiness.AWAY_AFTER)]
        assert "answered 503" in told[-1]


def answered(sidecar: FakeSidecar) -> bool:
    asking = sidecar.readiness._asking_others
    return asking is None or asking.done()


async def test_who_is_not_waited_for_delays_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drainproxy.sidecar.probes.TIMEOUT", 600)
    async with listening(App()) as app, listening(App(None)) as silent:
        sidecar = needs(app, Address("127.0.0.1", silent.port), ready_ports=(app.port,))
        assert await asyncio.wait_for(sidecar.readiness.problem(), 10) == ""
        assert isinstance(sidecar.readiness._asking_others, asyncio.Task)
        sidecar.readiness._asking_others.cancel()


async def test_an_app_without_a_port_goes_by_ours(tmp_path: Path) -> None:
    # Port 0, which `FakeSidecar` listens on.
    socket = UnixSocket(str(tmp_path / "none"))
    async with listening(App()) as app:
        assert await needs(app, socket, ready_ports=(app.port,)).readiness.problem() == ""
        assert str(socket) in await needs(app, socket, ready_ports=(0,)).readiness.problem()


# What is said of those that are missing


@asynccontextmanager
async def watched(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Callable[[], list[str]]]:
    """A look every ten milliseconds; gives the lines of the log so far."""
    monkeypatch.setattr(readiness, "_LOOK_EVERY", 0.01)
    caplog.set_level(logging.INFO, "drainproxy.readiness")
    task = asyncio.create_task(sidecar.readiness.watch())
    try:
        yield lambda: [record.getMessage() for record in caplog.records]
        assert not task.done()
    finally:
        task.cancel()


async def looks(sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch, at: str = "_say") -> None:
    """Two more looks."""
    count, look = 0, getattr(sidecar.readiness, at)

    def counted() -> object:
        nonlocal count
        count += 1
        return look()

    monkeypatch.setattr(sidecar.readiness, at, counted)
    await until(lambda: count >= 2)
    monkeypatch.setattr(sidecar.readiness, at, look)


async def test_what_is_missing_is_in_the_log_once_and_then_that_it_is_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_ports(1)[0]
    sidecar = FakeSidecar(Address("127.0.0.1", port))
    async with watched(sidecar, monkeypatch, caplog) as lines:
        await looks(sidecar, monkeypatch)
        assert lines() == []
        sidecar.ahead += readiness._PATIENCE
        await until(lambda: bool(lines()))
        sidecar.ahead += 60
        await looks(sidecar, monkeypatch)
        (line,) = lines()
        assert f"127.0.0.1:{port}" in line
        assert "ready-ports" in line
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
        await until(lambda: len(lines()) == 2)
        assert lines()[1] == f"the app at 127.0.0.1:{port} is up"
        server.close()


async def test_what_is_not_waited_for_is_said_to_be_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    missing = Address("127.0.0.1", free_ports(1)[0])
    async with listening(App()) as app:
        sidecar = needs(app, missing, ready_ports=(app.port,))
        async with watched(sidecar, monkeypatch, caplog) as lines:
            await until(lambda: bool(lines()))
            sidecar.ahead += 60
            await looks(sidecar, monkeypatch)
            assert lines() == [f"nothing listens at {missing}; it does not count for readiness"]
        assert app.asked == []


@pytest.mark.parametrize("phase", [Phase.SERVING, Phase.DRAINED])
async def test_an_app_that_goes_after_the_drain_is_expected_to(
    phase: Phase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drainproxy.app")
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port))
        async with watched(sidecar, monkeypatch, caplog) as lines:
            await looks(sidecar, monkeypatch)
            assert lines() == []
    sidecar.machine.phase = phase
    async with watched(sidecar, monkeypatch, caplog) as lines:
        await looks(sidecar, monkeypatch, at="_tell_presences")
        away = f"the app at 127.0.0.1:{app.port} is away: nothing listens there"
        assert lines() == ([away] if phase is Phase.SERVING else [])


async def test_in_a_drain_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sidecar = FakeSidecar(Address("127.0.0.1", free_ports(1)[0]))
    sidecar.drain(Origin.ADMIN)
    async with watched(sidecar, monkeypatch, caplog) as lines:
        sidecar.ahead += 60
        await asyncio.sleep(0.1)  # some turns of the watch
        assert lines() == []
    assert "draining" in sidecar.readiness.not_ready()


async def test_an_answer_is_forgotten_where_nobody_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sock_diag, "listening_ports", lambda: None)
    sidecar = FakeSidecar(Address("127.0.0.1", free_ports(1)[0]))
    assert sidecar.readiness.not_ready() == ""
    await sidecar.readiness.problem()
    assert "does not accept" in sidecar.readiness.not_ready()
    sidecar.ahead += readiness._REMEMBERED
    assert sidecar.readiness.not_ready() == ""
