"""Processes are started, waited for, and always ended."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from drainproxy.rehearsal.processes import Processes, StartFailed, free_ports

SLEEP = "import time; time.sleep(60)"


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_what_ends_at_once_is_reported_with_what_it_said(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes, aiohttp.ClientSession() as probe:
        process = processes.start("broken app", "-c", "print('[no] way'); raise SystemExit(3)")
        with pytest.raises(StartFailed, match=r"(?s)broken app exited 3.*\[no\] way"):
            await process.wait_ready(probe, "http://127.0.0.1:1/")


async def test_what_never_gets_ready_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drainproxy.rehearsal.processes._READY_WITHIN", 0.1)
    async with Processes(tmp_path) as processes, aiohttp.ClientSession() as probe:
        process = processes.start("idle app", "-c", SLEEP)
        with pytest.raises(StartFailed, match=r"(?s)not ready within 0.1 s.*\(nothing\)"):
            await process.wait_ready(probe, "http://127.0.0.1:1/")
        os.kill(process.pid, signal.SIGKILL)


async def start_two_and_fail(folder: Path, code: str, pids: list[int]) -> None:
    async with Processes(folder) as processes:
        pids += [processes.start(name, "-c", code).pid for name in ("one", "two")]
        assert all(map(exists, pids))
        raise RuntimeError("in the middle")


async def test_nothing_outlives_the_block_not_even_what_ignores_sigterm(tmp_path: Path) -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
    pids: list[int] = []
    with pytest.raises(RuntimeError, match="in the middle"):
        await start_two_and_fail(tmp_path, deaf, pids)
    assert len(pids) == 2
    assert not any(map(exists, pids))


async def test_the_exit_code_or_none_if_it_takes_too_long(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = processes.start("app", "-c", SLEEP)
        assert await process.wait(0.05) is None
        process.signal(signal.SIGTERM)
        assert await process.wait(10) == -signal.SIGTERM
        process.signal(signal.SIGTERM)  # it has ended: nothing happens


async def test_settings_of_our_environment_do_not_reach_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAINPROXY_DRAIN_DELAY", "99s")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    code = (
        "import os; raise SystemExit('DRAINPROXY_DRAIN_DELAY' in os.environ"
        " or os.environ['SOMETHING_ELSE'] != 'kept')"
    )
    async with Processes(tmp_path) as processes:
        assert await processes.start("app", "-c", code).wait(10) == 0


def test_free_ports_are_different_ones() -> None:
    assert len(set(free_ports(20))) == 20
