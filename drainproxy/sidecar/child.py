"""The app as our child: `drainproxy run ... -- APP ARGS`.

We may be PID 1 of a container: signals reach the app through us, and orphans are reaped here.
"""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

from drainproxy.sidecar import files

# An app that ignores SIGTERM this long, in seconds, is killed.
EXIT_TIMEOUT = 10.0

# What an operator may mean for the app: passed on as it comes, at any time.
PASSED_ON = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGWINCH)

_NOT_FOR_THE_APP = "DRAINPROXY_ADMIN_TOKEN"

log = logging.getLogger("drainproxy.child")


class Child:
    """One app process; `exited` is called once with its exit code, 128 + n for signal n."""

    def __init__(self, command: Sequence[str], exited: Callable[[int], None]) -> None:
        self._command = command
        self._exited = exited
        self._gone = asyncio.Event()
        self._pid = 0
        self.code: int | None = None
        self.stopping = False

    def start(self) -> None:
        """Start the app; OSError if there is no such command."""
        loop = asyncio.get_running_loop()
        _on_child_exit(self._reap)
        for number in PASSED_ON:
            loop.add_signal_handler(number, self.send, number)
        # A group of its own: Ctrl-C in a terminal is for us, the app hears of it after the drain.
        try:
            self._process = subprocess.Popen(self._command, process_group=0, env=_environment())
        except OSError as error:
            message = f"cannot start the app {self._command[0]!r}: {error.strerror}"
            raise OSError(error.errno, message) from None
        self._pid = self._process.pid
        files.give_inherited_limit(self._pid)
        log.info("the app runs as process %d: %s", self._pid, " ".join(self._command))

    def send(self, number: int) -> None:
        """Pass a signal on, if the app still runs."""
        if self.code is None:
            os.kill(self._pid, number)

    async def stop(self) -> int:
        """SIGTERM, and SIGKILL if that is ignored for EXIT_TIMEOUT; returns the exit code."""
        self.stopping = True
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(EXIT_TIMEOUT):
                await self._gone.wait()
        except TimeoutError:
            log.warning("the app ignored SIGTERM for %gs: killed", EXIT_TIMEOUT)
            self.send(signal.SIGKILL)
            await self._gone.wait()
        assert self.code is not None
        return self.code

    def _reap(self) -> None:
        """Take in every process that has ended, the app and orphans alike."""
        for pid, status in _ended_processes():
            if pid == self._pid:
                self._ended(os.waitstatus_to_exitcode(status))

    def _ended(self, code: int) -> None:
        self.code = self._process.returncode = code if code >= 0 else 128 - code
        self._gone.set()
        log.warning("the app has exited with code %d", self.code)
        self._exited(self.code)


def reap_orphans() -> None:
    """Take in whatever process ends: without an app of its own PID 1 has this to do."""
    _on_child_exit(lambda: list(_ended_processes()))


def _on_child_exit(call: Callable[[], object]) -> None:
    # Not through the loop: uvloop refuses to handle this signal.
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGCHLD, lambda *_: loop.call_soon_threadsafe(call))


def _ended_processes() -> Iterator[tuple[int, int]]:
    """Process id and wait status of every child that has ended, each once."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _environment() -> dict[str, str]:
    """Ours, without what is not for the app."""
    return {name: text for name, text in os.environ.items() if name != _NOT_FOR_THE_APP}
