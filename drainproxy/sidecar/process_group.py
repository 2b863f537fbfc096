"""The process group of the app: all processes that it has started and that have not left the
group."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# proc(5), /proc/PID/stat: what follows the name, which may hold blanks and parentheses itself.
_AFTER_NAME = b") "
# The places of fields 4, 5 and 22 behind it.
_PARENT, _GROUP, _START_TIME = 1, 2, 19
# So many seconds old, a process has been through its exec on a busy machine, too.
_YOUNG = 1.0
# All signals that can be blocked, but for real-time ones.
_ALL = sum(
    1 << number - 1 for number in range(1, 32) if number not in (signal.SIGKILL, signal.SIGSTOP)
)


def order(group: int, number: int) -> None:
    """Send a signal to all in the group; nothing if none is left, or none may be told by us."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def tell(group: int, number: int) -> None:
    """Send a signal to the processes of the group that have a handler for it. The default action of
    SIGHUP, SIGUSR1 and their like is to end the process, which is never meant: a worker of
    Gunicorn, or a shell around the app, has no handler where its neighbour has one.
    """
    try:
        if b"SigCgt:" not in Path(f"/proc/{group}/status").read_bytes():
            raise FileNotFoundError  # as in the sandbox of gVisor
        for pid in [pid for pid in _members(group) if _expects(pid, number)]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
    except FileNotFoundError:
        # Without /proc it is not known which of them handle it: signal the one that we have
        # started.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(group, number)


def is_empty(group: int) -> bool:
    """Whether nobody is left in it."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _members(group: int) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError):
                stat = Path("/proc", entry, "stat").read_bytes()
                fields = stat[stat.rindex(_AFTER_NAME) + 2 :].split()
                if int(fields[_GROUP]) == group and not _may_become_another(entry, fields):
                    yield int(entry)


def _may_become_another(pid: str, fields: list[bytes]) -> bool:
    """Whether it may be about to exec. Until then it seems to handle what its parent does; it would
    die of the signal, or stop for ever while its parent waits for it."""
    started = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    if time.clock_gettime(time.CLOCK_BOOTTIME) - started > _YOUNG:
        return False
    of_parent = Path("/proc", fields[_PARENT].decode(), "cmdline").read_bytes()
    return Path("/proc", pid, "cmdline").read_bytes() == of_parent


def _expects(pid: int, number: int) -> bool:
    """Whether a process catches a signal, or blocks it in a thread so that another can wait for it
    (signalfd(2), sigwait(3)), or does not die of it in any case."""
    return number == signal.SIGWINCH or any(mask >> (number - 1) & 1 for mask in _masks(pid))


def _masks(pid: int) -> Iterator[int]:
    threads: list[Path] = []
    with suppress(OSError):
        threads += Path(f"/proc/{pid}/task").iterdir()
    for thread in threads:
        said: dict[bytes, bytes] = {}
        # One of them may have ended by now.
        with suppress(OSError):
            lines = (thread / "status").read_bytes().splitlines()
            said |= dict(line.split(b":\t", 1) for line in lines if b":\t" in line)
        # A sandbox with a /proc of its own may not know them.
        yield int(said.get(b"SigCgt", b"0"), 16)
        blocked = int(said.get(b"SigBlk", b"0"), 16)
        # A shell blocks all signals for a moment before it forks or waits, and dies of them
        # afterwards. Who waits for them sleeps.
        if blocked & _ALL != _ALL or said[b"State"].startswith(b"S"):
            yield blocked
