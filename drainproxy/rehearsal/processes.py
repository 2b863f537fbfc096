"""The processes of a rehearsal: each is started with a log, waited for, and always ended."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import aiohttp

_GONE_WITHIN = 20.0
_LOOK_EVERY = 0.02
_LAST_LINES = 20
_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


class StartFailed(Exception):
    """A process did not come up; the text says which and ends with what it printed."""


def first(group: BaseExceptionGroup[StartFailed]) -> StartFailed:
    """The first of them, however deep."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, StartFailed)
    return error


class Process:
    """A running program, out of reach of the terminal's Ctrl-C."""

    def __init__(self, name: str, log: Path, running: subprocess.Popen[bytes]) -> None:
        self.name = name
        self._log = log
        self._running = running

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing if it has ended."""
        self._running.send_signal(number)

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._running.poll()

    def kill_all(self) -> None:
        """SIGKILL to it and to what it has started, also when it has ended itself."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The end of what it printed, indented."""
        lines = self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"

    async def wait(self, within: float) -> int | None:
        """The exit code, negative for a signal; None if it still runs after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while True:
                    if (code := self._running.poll()) is not None:
                        return code
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            return None

    def check(self) -> None:
        """StartFailed with its last words if it has ended."""
        if self.code is not None:
            raise StartFailed(f"the {self.name} exited {self.code}; it said:\n{self.last_words()}")


class Processes:
    """All processes of a rehearsal; leaving the block kills what still runs, by its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Process] = []

    def start(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """Start a command, with this beside our own environment, whose settings do not reach it.

        StartFailed if there is no such command.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DRAINPROXY_")}
        log = self._folder / f"{name.replace(' ', '-')}.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            # Not the loop's own way: libuv runs Python between fork and exec, where a lock that a
            # thread of gRPC held stays locked for ever, and waits for it without hearing signals.
            running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env={**inherited, **(env or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise StartFailed(f"{name}: cannot start {command[0]!r}: {error.strerror}") from None
        finally:
            os.close(descriptor)
        process = Process(name, log, running)
        self._all.append(process)
        return process

    async def __aenter__(self) -> "Processes":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What there is to say has been said by now. All first, so that no second Ctrl-C is between.
        for process in self._all:
            process.kill_all()
        for process in self._all:
            await process.wait(_GONE_WITHIN)


async def answers(probe: aiohttp.ClientSession, url: str) -> bool:
    """Whether `GET url` is answered with 200, soon."""
    try:
        async with probe.get(url, timeout=_PROBE_TIMEOUT) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
