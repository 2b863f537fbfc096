"""Programs under test as users start them: ready when the test goes on, gone when it ends.

    with sidecar(f"127.0.0.1:{app}", "--header-timeout", "1s") as running:
        ... running.port, running.get("/status") ...

leaves with SIGTERM and asserts the exit code and that no traceback was printed.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any

from drainproxy.rehearsal.ports import free_ports, release
from tests.conftest import ROOT
from tests.e2e.forks import Fork, Forks, forks
from tests.e2e.place import Place

# Seconds that a program has to start, to answer or to end: many more than it needs.
PATIENCE = 15.0
# Seconds that a busy machine may be late, where a test asks whether something came in time: less
# than what would be wrong takes. Exact times are proved in the pure rooms.
BUSY = 4.0
# Seconds between two looks whether a condition has come: at first, and where it takes its time.
SOON, SELDOM = 0.01, 0.06
ANYWHERE = Place()
# A drain has nobody to wait for when a test that is not about drains ends.
QUICK_DRAIN = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", "3s")


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on this port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Process:
    """A program that was started, and what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes] | Fork, log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    @property
    def output(self) -> str:
        """What it has printed so far, errors included."""
        return Path(self._log.name).read_text(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        """SIGTERM, SIGINT, ..."""
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code, once it has ended; an AssertionError with its output if it does not."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.output}") from None

    def stop(self, seconds: float = PATIENCE) -> int:
        """SIGTERM, unless it has ended; its exit code."""
        if self.exit_code is None:
            self.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def until(self, ready: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for a condition; an AssertionError if it ends before, or if that takes too long."""
        end, pause = monotonic() + seconds, SOON
        while not ready():
            assert self.exit_code is None, f"ended with {self.exit_code}:\n{self.output}"
            assert monotonic() < end, f"not ready after {seconds} s:\n{self.output}"
            sleep(pause)
            pause = min(1.5 * pause, SELDOM)


def program(
    *command: str, ready: Callable[[], bool], env: dict[str, str] | None = None
) -> AbstractContextManager[Process]:
    """A program from when it is ready to the end of the block, where it is killed if it still
    runs."""
    return _living(_executed, command, ready, env or {})


@contextmanager
def _living(
    start: "Start", command: tuple[str, ...], ready: Callable[[], bool], env: dict[str, str]
) -> Iterator[Process]:
    with tempfile.NamedTemporaryFile() as log:
        begun = start(command, _inherited() | env, log)
        process = Process(begun, log)
        try:
            process.until(ready)
            yield process
        except BaseException as error:
            error.add_note(f"{' '.join(command)} printed:\n{process.output}")
            raise
        finally:
            begun.kill()
            begun.wait()


def _inherited() -> dict[str, str]:
    """The settings of whoever runs the tests are not those of the program."""
    return {key: text for key, text in os.environ.items() if not key.startswith("DRAINPROXY_")}


Start = Callable[[tuple[str, ...], dict[str, str], IO[bytes]], subprocess.Popen[bytes] | Fork]


def _executed(
    command: tuple[str, ...], env: dict[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    )


def _forked(command: tuple[str, ...], env: dict[str, str], log: IO[bytes], place: Place) -> Fork:
    with open(os.devnull, "rb") as nothing:
        return _forks(command).start(command, env, (nothing, log, log), place)


def _forks(command: tuple[str, ...]) -> Forks:
    return forks("sidecars" if command[:2] == ("drainproxy", "run") else "apps")


def finished(
    *command: str,
    said: str = "",
    env: dict[str, str] | None = None,
    place: Place = ANYWHERE,
    seconds: float = 2 * PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """`python -m COMMAND` from its beginning to its end, with `said` as its standard input;
    TimeoutExpired if it takes longer than so many seconds."""
    stream = tempfile.TemporaryFile
    with stream() as spoken, stream() as told, stream() as complained:
        spoken.write(said.encode())
        spoken.seek(0)
        streams = (spoken, told, complained)
        process = _forks(command).start(command, _inherited() | (env or {}), streams, place)
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        told.seek(0)
        complained.seek(0)
        texts = told.read().decode(), complained.read().decode()
    return subprocess.CompletedProcess(command, code, *texts)


def started(
    *command: str,
    ready: Callable[[], bool],
    env: dict[str, str] | None = None,
    prefix: tuple[str, ...] = (),
    place: Place = ANYWHERE,
) -> AbstractContextManager[Process]:
    """`python -m COMMAND` likewise, forked by `tests/e2e/preloaded.py`; or with `prefix`, a command
    that runs this one, or settings of the interpreter, from its very beginning."""
    if prefix or any(name.startswith("PYTHON") for name in env or {}):
        return program(*prefix, sys.executable, "-m", *command, ready=ready, env=env)
    return _living(partial(_forked, place=place), command, ready, env or {})


class Sidecar:
    """A running `drainproxy run`: `port` forwards to the app, `admin` answers."""

    def __init__(self, process: Process, port: int, admin: int) -> None:
        self.process = process
        self.port = port
        self.admin = admin

    def get(self, path: str) -> tuple[int, Any]:
        """Ask an admin endpoint: status and body, which is read if it is JSON."""
        return ask(self.admin, path)

    def post(self, path: str) -> tuple[int, Any]:
        """The same with POST."""
        return ask(self.admin, path, "POST")

    @property
    def phase(self) -> str:
        """Where it stands in its life: `serving`, `leaving`, ..."""
        return str(self.get("/status")[1]["phase"])

    def until_phase(self, phase: str) -> None:
        """Wait until it has come there."""
        self.process.until(lambda: self.phase == phase)

    def until_in_flight(self, **counts: int) -> None:
        """Wait until so many of each named kind are in flight."""
        self.process.until(
            lambda: counts.items() <= dict(self.get("/status")[1]["in_flight"]).items()
        )

    def cut(self) -> None:
        """SIGTERM, and SIGTERM again: the end of a drain that would take too long for a test."""
        self.process.send_signal(signal.SIGTERM)
        # Two at once would be one.
        self.process.until(lambda: "SIGTERM received" in self.process.output)
        self.process.send_signal(signal.SIGTERM)
        # A third one might come when nobody handles it any more.
        self.process.wait()

    def metric(self, sample: str) -> float:
        """The value of a line in /metrics, `name{label="..."}`; 0 if there is none."""
        lines = (line.rpartition(" ") for line in str(self.get("/metrics")[1]).splitlines())
        return sum(float(value) for name, _, value in lines if name == sample)


def ask(port: int, path: str, method: str = "GET") -> tuple[int, Any]:
    """One HTTP request to a port of 127.0.0.1: status and body, which is read if it is JSON."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, _read(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _read(error)


def _read(answer: Any) -> Any:
    text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text


def is_up(admin: int) -> bool:
    """Whether a sidecar has bound its listeners."""
    try:
        return ask(admin, "/startupz")[0] == 200
    except OSError:
        return False


@contextmanager
def sidecar(
    app: str,
    *arguments: str,
    protocol: str = "auto",
    env: dict[str, str] | None = None,
    exit_code: int | None = 0,
    drain: tuple[str, ...] = QUICK_DRAIN,
    prefix: tuple[str, ...] = (),
    place: Place = ANYWHERE,
) -> Iterator[Sidecar]:
    """A sidecar in front of `app` (`HOST:PORT` or `unix:PATH`), from when it is ready.

    At the end of the block it gets SIGTERM and must exit with `exit_code` (None: any), and must
    not have printed a traceback. `arguments` may hold a drain of the test's own, after `--` also
    the app; without one the drain at the end is short. `prefix` is a command that runs this one.
    """
    port, admin = ports = free_ports(2)
    forward = f"127.0.0.1:{port}={app}/{protocol}"
    command = ("drainproxy", "run", "--forward", forward, "--admin", f"127.0.0.1:{admin}")
    all_ = (*command, *drain, *arguments)
    ready = partial(is_up, admin)
    with started(*all_, ready=ready, env=env, prefix=prefix, place=place) as process:
        yield Sidecar(process, port, admin)
        ended = process.stop()
        assert exit_code in (None, ended), f"exit code {ended}:\n{process.output}"
        assert "Traceback" not in process.output
    release(ports)
