"""Processes of a run: started on a core of their own, measured through /proc, always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
_READY_WITHIN = 15.0


class StartFailed(Exception):
    """The process ended or stayed silent; the text is the end of what it said."""


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Keep to these cores; a process that is started meanwhile inherits them, threads and all."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A program in a session of its own, so that its workers are found, counted and ended too."""

    def __init__(self, command: Sequence[str], cores: set[int], log: Path) -> None:
        self._log = log
        with log.open("wb") as out, _on(cores):
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, ready: Callable[[], bool]) -> None:
        """Return as soon as `ready` says so."""
        deadline = time.monotonic() + _READY_WITHIN
        while not ready():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(self._last_words())
            time.sleep(0.002)

    def cpu_seconds(self) -> tuple[float, float]:
        """What all threads of the session spent on a core, and waited for one that was taken."""
        times = [_cpu_ns(pid) for pid in self._members()]
        return sum(ran for ran, _ in times) / 1e9, sum(waited for _, waited in times) / 1e9

    def rss_kb(self) -> int:
        return sum(_rss_kb(pid) for pid in self._members())

    def kill(self) -> None:
        """End the whole session at once: nobody here has anything to save."""
        for pid in self._members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()

    def _members(self) -> list[int]:
        pids = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
        return [pid for pid in pids if _session(pid) == self._popen.pid]

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or f"exit code {self._popen.poll()}, no output"


@contextmanager
def running(command: Sequence[str], cores: set[int], log: Path) -> Iterator[Process]:
    """A process that is gone when the block is left, however it is left."""
    process = Process(command, cores, log)
    try:
        yield process
    finally:
        process.kill()


def _session(pid: int) -> int | None:
    """The session id; None for a process that is gone. The name before it may hold blanks."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    return None


def _cpu_ns(pid: int) -> tuple[int, int]:
    """Nanoseconds run, user and kernel, and nanoseconds runnable but waiting.

    From `schedstat`, for the ticks of `stat` are ten milliseconds coarse.
    """
    ran = waited = 0
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            fields = (thread / "schedstat").read_text().split()
            ran, waited = ran + int(fields[0]), waited + int(fields[1])
    return ran, waited


def _rss_kb(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
