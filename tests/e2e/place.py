"""Where a fork of `tests/e2e/preloaded.py` runs: what `ip netns exec`, `setpriv`, `setsid` and
`ulimit` do for a command, without a command."""

import ctypes
import fcntl
import os
import resource
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
# prctl(2), capabilities(7), capset(2)
_SET_DUMPABLE, _SET_KEEPCAPS, _CAPBSET_DROP, _CAP_AMBIENT, _AMBIENT_RAISE = 4, 8, 24, 47, 2
_VERSION_3 = 0x20080522
_CAPABILITIES = {"dac_read_search": 2, "net_admin": 12}


class Place(NamedTuple):
    """All that it does not say is as whoever runs the tests has it."""

    # Whether it leads a session, which the terminal at its standard input controls.
    terminal: bool = False
    # As `ip netns` knows it.
    namespace: str = ""
    # File descriptors: the soft and the hard limit.
    descriptors: tuple[int, int] | None = None
    uid: int | None = None
    # The only ones that the process has, and what it executes.
    capabilities: Sequence[str] | None = None
    # Whether the interpreter ends as it does where nobody forks: tests/e2e/preloaded.py says what
    # that takes.
    whole_end: bool = False

    def enter(self) -> None:
        """Of this process, or this thread where that is all that the kernel moves."""
        if self.terminal:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if self.namespace:
            enter_network(self.namespace)
        if self.descriptors is not None:
            soft, hard = self.descriptors
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if self.capabilities is not None:
            self._keep([_CAPABILITIES[name] for name in self.capabilities])

    def _keep(self, numbers: list[int]) -> None:
        if self.uid is None:
            for number in range(_last_capability() + 1):
                if number not in numbers:
                    _call("prctl", _CAPBSET_DROP, number, 0, 0, 0)
        else:
            _call("prctl", _SET_KEEPCAPS, 1, 0, 0, 0)
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
        low = sum(1 << number for number in numbers)
        header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
        # Effective, permitted, inheritable; then the same of numbers above 31.
        _call("capset", header, (ctypes.c_uint32 * 6)(low, low, low, 0, 0, 0))
        if self.uid is not None:
            for number in numbers:
                _call("prctl", _CAP_AMBIENT, _AMBIENT_RAISE, number, 0, 0)
            # Else its files in /proc are root's, which only a process has that changes its user
            # without execve(2).
            _call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)


def enter_network(name: str) -> None:
    """The sockets that this thread opens from now on are in the namespace; OSError if there is
    none."""
    file = os.open(Path("/run/netns", name), os.O_RDONLY)
    try:
        _call("setns", file, _CLONE_NEWNET)
    finally:
        os.close(file)


def _last_capability() -> int:
    return int(Path("/proc/sys/kernel/cap_last_cap").read_text())


def _call(name: str, *arguments: object) -> None:
    if getattr(_LIBC, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
