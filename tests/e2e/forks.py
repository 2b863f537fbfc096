"""Processes that `tests/e2e/preloaded.py` forks, as `subprocess.Popen` has them."""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import IO

from tests.conftest import ROOT
from tests.e2e.preloaded import LONGEST


class Forks:
    """The process that forks."""

    def __init__(self) -> None:
        # Each message is one.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.e2e.preloaded", str(theirs.fileno())),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._ended: dict[int, int] = {}
        atexit.register(self._end)

    def start(self, arguments: tuple[str, ...], env: dict[str, str], log: IO[bytes]) -> "Fork":
        """`python -m ARGUMENTS`, which prints into `log`."""
        asked = json.dumps((arguments, env)).encode()
        socket.send_fds(self._control, [asked], [log.fileno()])
        while "began" not in (message := self._heard()):
            pass
        return Fork(self, message["began"])

    def exit_code(self, pid: int, seconds: float | None) -> int | None:
        """None if it still runs after so many seconds; without a number it waits for the end."""
        until = None if seconds is None else monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            while pid not in self._ended:
                left = None if until is None else max(0, until - monotonic())
                if not selector.select(left):
                    return None
                self._heard()
        return self._ended[pid]

    def _heard(self) -> dict[str, int]:
        message: dict[str, int] = json.loads(self._control.recv(LONGEST))
        if "ended" in message:
            self._ended[message["ended"]] = message["code"]
        return message

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


class Fork:
    """One of them."""

    def __init__(self, forks: Forks, pid: int) -> None:
        self._forks = forks
        self.pid = pid

    def poll(self) -> int | None:
        """Its exit code, or None while it runs; negative if a signal ended it."""
        return self._forks.exit_code(self.pid, 0)

    def wait(self, timeout: float | None = None) -> int:
        """The same once it has ended; TimeoutExpired if it has not after so many seconds."""
        code = self._forks.exit_code(self.pid, timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended, of which we may hear a little later."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


@cache
def forks() -> Forks:
    """One for each process that runs tests."""
    return Forks()
