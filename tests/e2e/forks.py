"""Processes that `tests/e2e/preloaded.py` forks, as `subprocess.Popen` has them."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import IO

from tests.conftest import ROOT
from tests.e2e.place import Place
from tests.e2e.preloaded import LONGEST

# Standard input, output and error.
Streams = tuple[IO[bytes], IO[bytes], IO[bytes]]


class Forks:
    """The process that forks; any thread may ask."""

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
        self._asking = Lock()
        atexit.register(self._end)

    def start(
        self, arguments: tuple[str, ...], env: dict[str, str], streams: Streams, place: Place
    ) -> "Fork":
        """`python -m ARGUMENTS` in this place, with these standard streams."""
        asked = json.dumps((arguments, env, place)).encode()
        with self._asking:
            socket.send_fds(self._control, [asked], [it.fileno() for it in streams])
            while not (process := self._heard()):
                pass
        return Fork(self, *process)

    def exit_code(self, pid: int) -> int:
        """Of one that has ended."""
        with self._asking:
            while pid not in self._ended:
                self._heard()
            return self._ended[pid]

    def _heard(self) -> tuple[int, int] | None:
        """One message: the process id and the descriptor of a process that has begun, or None."""
        text, descriptors, *_ = socket.recv_fds(self._control, LONGEST, 1)
        message: dict[str, int] = json.loads(text)
        if "began" in message:
            # It may have the number of one that ended long ago.
            self._ended.pop(message["began"], None)
            return message["began"], descriptors[0]
        self._ended[message["ended"]] = message["code"]
        return None

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


class Fork:
    """One of them; `end` is a descriptor of it that it closes (pidfd_open(2))."""

    def __init__(self, forks: Forks, pid: int, end: int) -> None:
        self._forks = forks
        self._end = end
        self.pid = pid
        weakref.finalize(self, os.close, end)

    def poll(self) -> int | None:
        """Its exit code, or None while it runs; negative if a signal ended it."""
        return self._exit_code(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same once it has ended; TimeoutExpired if it has not after so many seconds."""
        code = self._exit_code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._end, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _exit_code(self, seconds: float | None) -> int | None:
        ended = select.poll()
        ended.register(self._end, select.POLLIN)
        if not ended.poll(None if seconds is None else 1000 * seconds):
            return None
        return self._forks.exit_code(self.pid)


@cache
def forks(kind: str) -> Forks:
    """One for each kind of programs, in each process that runs tests: no program of a kind finds
    something imported that one of another kind needs."""
    return Forks()
