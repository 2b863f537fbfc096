"""The process group of the app: the app, and the processes it has started that stayed in it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# proc(5), /proc/PID/stat: the end of the name, which may contain blanks and parentheses itself.
_AFTER_NAME = b") "
# The indexes of fields 4, 5 and 22 behind it.
_PARENT, _GROUP, _START_TIME = 1, 2, 19
# In seconds: an older process has done its exec, also on a busy machine.
_YOUNG = 1.0
# All signals that can be blocked, but for real-time ones.
_ALL = sum(
    1 << number - 1 for number in range(1, 32) if number not in (signal.SIGKILL, signal.SIGSTOP)
)


def order(group: int, number: int) -> None:
    """Send a signal to all processes of the group that we may signal, if any are left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def tell(group: int, number: int) -> None:
    """Send a signal to the processes of the group that have a handler for it. The default action of
    SIGHUP, SIGUSR1 and the like is to end the process, which is never meant. A worker of Gunicorn,
    or a shell around the app, may lack a handler that another process of the group has.
    """
    try:
        if b"SigCgt:" not in Path(f"/proc/{group}/status").read_bytes():
            raise FileNotFoundError  # as in the sandbox of gVisor
        for pid in [pid for pid in _members(group) if _expects(pid, number)]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
    except FileNotFoundError:
        # Without /proc it is not known which processes handle it: signal the one that we have
        # started.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(group, number)


def is_empty(group: int) -> bool:
    """Whether no process is left in the group."""
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
    """Whether a process may be about to exec. Until then it seems to have its parent's handlers; a
    signal would kill it, or stop it for ever while its parent waits for it."""
    started = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    if time.clock_gettime(time.CLOCK_BOOTTIME) - started > _YOUNG:
        return False
    of_parent = Path("/proc", fields[_PARENT].decode(), "cmdline").read_bytes()
    return Path("/proc", pid, "cmdline").read_bytes() == of_parent


def _expects(pid: int, number: int) -> bool:
    """Whether a process catches a signal, or has it blocked in a thread so that another can wait
    for it (signalfd(2), sigwait(3)), or the signal is harmless by default."""
    return number == signal.SIGWINCH or any(mask >> (number - 1) & 1 for mask in _masks(pid))


def _masks(pid: int) -> Iterator[int]:
    threads: list[Path] = []
    with suppress(OSError):
        threads += Path(f"/proc/{pid}/task").iterdir()
    for thread in threads:
        said: dict[bytes, bytes] = {}
        # The thread may have ended by now.
        with suppress(OSError):
            lines = (thread / "status").read_bytes().splitlines()
            said |= dict(line.split(b":\t", 1) for line in lines if b":\t" in line)
        # The /proc of a sandbox may lack these fields.
        yield int(said.get(b"SigCgt", b"0"), 16)
        blocked = int(said.get(b"SigBlk", b"0"), 16)
        # A mask of all signals counts only in a sleeping thread, which may wait for them. A shell
        # sets one for a moment before it forks or waits, and would die of the signal afterwards.
        if blocked & _ALL != _ALL or said[b"State"].startswith(b"S"):
            yield blocked
