"""Who in a process group hears of a signal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drainproxy.sidecar import process_group
from tests.e2e.process import PATIENCE

READY = "print('up', flush=True); "
# The minute is for the test to end them; none of them gets so old.
CATCHES = f"signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3)); {READY} time.sleep(60)"
WAITS = (
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]);"
    " wait = lambda: (signal.sigwait([signal.SIGUSR1]), os._exit(3));"
    f" threading.Thread(target=wait).start(); {READY} time.sleep(60)"
)
BLOCK_ALL = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals());"
WAITS_FOR_ANY = (
    f"{BLOCK_ALL} wait = lambda: (signal.sigwait([signal.SIGUSR1]), os._exit(3));"
    f" threading.Thread(target=wait).start(); {READY} time.sleep(60)"
)
# As a shell does around a fork: half a second is a moment that the test cannot miss.
BLOCKS_FOR_A_MOMENT = (
    f"{BLOCK_ALL} {READY} end = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass\n"
    "signal.pthread_sigmask(signal.SIG_SETMASK, []); time.sleep(60)"
)
IGNORES = f"signal.signal(signal.SIGUSR1, signal.SIG_IGN); {READY} time.sleep(60)"
KNOWS_NOTHING = f"{READY} time.sleep(60)"


@contextmanager
def running(script: str) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-c", f"import os, signal, sys, threading, time; {script}")
    with subprocess.Popen(command, process_group=0, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        try:
            yield process
        finally:
            process.kill()


def until_asleep(pid: int) -> None:
    """Who has just said that it is up may still be running for a moment."""
    end = time.monotonic() + PATIENCE
    while "State:\tS" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < end


@pytest.mark.parametrize("script", [CATCHES, WAITS, WAITS_FOR_ANY])
def test_who_has_said_what_a_signal_means_hears_of_it(script: str) -> None:
    with running(script) as process:
        until_asleep(process.pid)
        process_group.tell(process.pid, signal.SIGUSR1)
        assert process.wait(PATIENCE) == 3


@pytest.mark.parametrize("script", [IGNORES, KNOWS_NOTHING, BLOCKS_FOR_A_MOMENT])
def test_who_has_not_does_not_die_of_it(script: str) -> None:
    with running(script) as process:
        process_group.tell(process.pid, signal.SIGUSR1)
        # What was sent before comes before (kill(2)): it is still there to die of the next one.
        process_group.order(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE) == -signal.SIGTERM


FORKS = (
    "told = lambda *_: (os.write(1, b'told %d\\n' % os.getpid()), os._exit(3));"
    " signal.signal(signal.SIGUSR1, told); child = os.fork();"
    " child and print('up', flush=True); time.sleep(60)"
)


@pytest.mark.parametrize(("young", "told"), [(3600.0, 1), (-1.0, 2)])
def test_who_has_just_been_forked_may_become_another_program_and_is_not_told(
    young: float, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_group, "_YOUNG", young)
    with running(FORKS) as process:
        assert process.stdout is not None
        until_asleep(process.pid)
        process_group.tell(process.pid, signal.SIGUSR1)
        assert process.wait(PATIENCE) == 3
        if told == 1:
            # A child that had been told would be gone.
            assert not process_group.is_empty(process.pid)
            process_group.order(process.pid, signal.SIGKILL)
        assert process.stdout.read().count(b"told") == told


def test_where_proc_knows_no_masks_the_one_that_we_have_started_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the sandbox of gVisor."""
    told: list[tuple[int, int]] = []
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/status").write_text("Name:\tapp\nState:\tS (sleeping)\n")
    monkeypatch.setattr(process_group, "Path", lambda path: tmp_path / path.lstrip("/"))
    monkeypatch.setattr(os, "kill", lambda *whom: told.append(whom))
    process_group.tell(7, signal.SIGUSR1)
    assert told == [(7, signal.SIGUSR1)]


def test_a_group_is_empty_when_the_last_of_it_was_taken_in() -> None:
    with running(KNOWS_NOTHING) as process:
        assert not process_group.is_empty(process.pid)
        process_group.order(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        assert process_group.is_empty(process.pid)
        process_group.order(process.pid, signal.SIGKILL)
        process_group.tell(process.pid, signal.SIGUSR1)
