"""Processes are started, waited for, and always ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from drainproxy.rehearsal.processes import Processes, StartFailed

PYTHON = (sys.executable, "-c")
SLEEP = "import time; time.sleep(60)"


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_what_has_ended_is_reported_with_what_it_said(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        processes.start("app", *PYTHON, SLEEP).check()
        process = processes.start("broken app", *PYTHON, "print('[no] way'); raise SystemExit(3)")
        assert await process.wait(10) == 3
        with pytest.raises(StartFailed, match=r"(?s)broken app exited 3.*\[no\] way"):
            process.check()


async def test_a_command_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        with pytest.raises(StartFailed, match="app: cannot start 'no-such': No such file"):
            processes.start("app", "no-such")


async def test_what_a_process_has_started_ends_with_it(tmp_path: Path) -> None:
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', '{SLEEP}']).pid)"
    async with Processes(tmp_path) as processes:
        process = processes.start("parent", *PYTHON, code)
        assert await process.wait(10) == 0
        child = int(process.last_words())
        assert exists(child)
    async with asyncio.timeout(10):  # it is not our child: nobody tells us
        while True:
            if not runs(child):
                break
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether it is there and no zombie, which only its new parent can take away."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def start_two_and_fail(folder: Path, code: str, pids: list[int]) -> None:
    async with Processes(folder) as processes:
        pids += [processes.start(name, *PYTHON, code).pid for name in ("one", "two")]
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
        process = processes.start("app", *PYTHON, SLEEP)
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
        assert await processes.start("app", *PYTHON, code).wait(10) == 0
