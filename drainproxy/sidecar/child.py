"""The app as our child process: `drainproxy run ... -- APP ARGS`.

We may be PID 1 of a container: signals reach the app through us, and orphans are reaped here.
"""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

from drainproxy.sidecar import process_group, rlimits, terminal

# In seconds: an app that ignores SIGTERM for so long is killed.
EXIT_TIMEOUT = 10.0
# In seconds: how often it is checked whether the app's process group has ended. The kernel does not
# report the end of processes that are not our children.
_LOOK_EVERY = 0.02
# In seconds: how often it is checked whether we are in the foreground, if the app waits for the
# terminal.
_LOOK_FOR_TERMINAL_EVERY = 0.2
# In seconds: a killed process ends within so long, or never.
_KILLED_TIMEOUT = 2.0

_NOT_FOR_THE_APP = "DRAINPROXY_ADMIN_TOKEN"
# The exit code of an app that SIGTERM has ended; the JVM and shells return it themselves too.
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM

log = logging.getLogger("drainproxy.child")


class Child:
    """The process of the app. `exited` is called once with its exit code, 128 + n for signal n.

    It leads a process group, to which signals are sent, since a shell around the app passes none
    on.
    """

    def __init__(self, command: Sequence[str], exited: Callable[[int], None]) -> None:
        self._command = command
        self._exited = exited
        self._pid = 0
        # The app is stopped until it gets the terminal.
        self._wants_terminal = False
        self._looking: asyncio.TimerHandle | None = None
        self._asked_to_end = False
        self.code: int | None = None
        self.stopping = False

    def start(self) -> None:
        """Start the app; OSError if there is no such command."""
        _on_child_change(self._look_at_children)
        # A group of its own: Ctrl-C in a terminal goes to us alone, and the app gets its signal
        # after the drain.
        try:
            self._process = subprocess.Popen(self._command, process_group=0, env=_environment())
        except OSError as error:
            message = f"cannot start the app {self._command[0]!r}: {error.strerror}"
            raise OSError(error.errno, message) from None
        self._pid = self._process.pid
        rlimits.give_inherited_limit(self._pid)
        log.info("started the app as process %d: %s", self._pid, " ".join(self._command))

    def tell(self, number: int) -> None:
        """Pass a signal on to all processes in the app's group that handle it."""
        if number == signal.SIGCONT:
            self._continue()
        elif self._runs:
            process_group.tell(self._pid, number)

    def kill(self) -> None:
        """Kill the app and its process group at once."""
        if self._runs:
            process_group.order(self._pid, signal.SIGKILL)

    async def stop(self) -> int:
        """Send SIGTERM, and SIGKILL if the app has not ended within EXIT_TIMEOUT. Returns its exit
        code, 0 if our SIGTERM has ended it."""
        self.stopping = True
        if self._runs:
            self._asked_to_end = self.code is None
            process_group.order(self._pid, signal.SIGTERM)
            # A stopped process handles SIGTERM only once it is continued.
            process_group.order(self._pid, signal.SIGCONT)
        if not await self._gone(EXIT_TIMEOUT):
            log.warning("the app ignored SIGTERM for %gs: killed", EXIT_TIMEOUT)
            self.kill()
            await self._gone(_KILLED_TIMEOUT)
        if self._asked_to_end and self.code == _ENDED_BY_SIGTERM:
            return 0
        return self.code or 0

    @property
    def _runs(self) -> bool:
        """Whether any process of the app's group still runs."""
        return bool(self._pid) and (self.code is None or not process_group.is_empty(self._pid))

    async def _gone(self, seconds: float) -> bool:
        """Wait for the group to end, for so many seconds at most; returns whether it has."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._runs:
            if loop.time() >= end:
                return False
            await asyncio.sleep(_LOOK_EVERY)
        return True

    # Changes of child processes

    def _look_at_children(self) -> None:
        """Reap every child that has ended, the app and orphans, and note if the app has stopped."""
        for pid, status in _changed_processes():
            if pid == self._pid and os.WIFSTOPPED(status):
                self._stopped(os.WSTOPSIG(status))
            elif pid == self._pid:
                self._ended(os.waitstatus_to_exitcode(status))

    def _ended(self, code: int) -> None:
        self.code = self._process.returncode = code if code >= 0 else 128 - code
        terminal.take_back(self._pid)
        level = logging.INFO if self.stopping else logging.WARNING
        log.log(level, "the app has exited with code %d", self.code)
        self._exited(self.code)

    def _stopped(self, number: int) -> None:
        if number in terminal.WANTS_IT:
            self._wants_terminal = True
            self._continue()
        elif number == signal.SIGTSTP and terminal.take_back(self._pid):
            # Ctrl-Z stops the whole job, us too. When the shell continues it, we go on here.
            self._wants_terminal = True
            os.killpg(os.getpgrp(), signal.SIGTSTP)
            self._continue()

    def _continue(self) -> None:
        """Continue an app that waits for the terminal once it can have it. Polled, since a shell
        that brings us to the foreground signals only jobs that were stopped."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if not self._wants_terminal or self.code is not None:
            return
        if terminal.lend(self._pid):
            self._wants_terminal = False
            process_group.order(self._pid, signal.SIGCONT)
        else:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(_LOOK_FOR_TERMINAL_EVERY, self._continue)


def reap_orphans() -> None:
    """Reap orphans, which PID 1 must do; for a process without an app of its own."""
    _on_child_change(lambda: list(_changed_processes()))


def _on_child_change(call: Callable[[], object]) -> None:
    # Not through the loop: uvloop refuses a handler for SIGCHLD.
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGCHLD, lambda *_: loop.call_soon_threadsafe(call))


def _changed_processes() -> Iterator[tuple[int, int]]:
    """The process id and wait status of each child that has ended or stopped."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _environment() -> dict[str, str]:
    """Our environment without the admin token."""
    return {name: text for name, text in os.environ.items() if name != _NOT_FOR_THE_APP}
