"""An app on a terminal: it may read it, and Ctrl-C is a drain as long as it has not."""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import IO

import pytest

from drainproxy.rehearsal.ports import free_ports, release
from tests.conftest import ROOT
from tests.e2e.forks import Fork, forks
from tests.e2e.place import Place
from tests.e2e.process import PATIENCE, QUICK_DRAIN

CTRL_C, CTRL_Z = "\x03", "\x1a"
# input() looks for a signal only once it reads: one that comes behind its prompt is late.
INTERACTIVE = """
import sys
input("name? ")
try:
    print("more? ", end="", flush=True)
    sys.stdin.readline()
except KeyboardInterrupt:
    print("interrupted", flush=True)
raise SystemExit(3)
"""


class Terminal:
    """A pseudo-terminal, and the process that leads its session."""

    def __init__(self, process: subprocess.Popen[bytes] | Fork, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def until(self, text: str) -> None:
        """Wait until this is shown."""
        end = monotonic() + PATIENCE
        while text not in self.shown:
            assert monotonic() < end, f"{text!r} is not shown: {self.shown}"
            self._read()
        self.shown = self.shown.partition(text)[2]

    def _read(self) -> None:
        ready, _, _ = select.select([self._descriptor], [], [], 0.1)
        # At the end of the session the other side is gone (EIO).
        with suppress(OSError):
            self.shown += os.read(self._descriptor, 65536).decode() if ready else ""

    def exit_code(self) -> int:
        """Of the process, once it has ended."""
        end = monotonic() + PATIENCE
        while (code := self._process.poll()) is None:
            assert monotonic() < end, f"it has not ended: {self.shown}"
            self._read()
        return code


@contextmanager
def on_terminal(start: Callable[[IO[bytes]], subprocess.Popen[bytes] | Fork]) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    with open(theirs, "r+b", buffering=0) as terminal:
        process = start(terminal)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def shell(terminal: IO[bytes]) -> subprocess.Popen[bytes]:
    # `setsid` becomes the shell, in a session that this terminal controls.
    command = ("setsid", "--ctty", "bash", "--norc", "--noprofile", "-i")
    return subprocess.Popen(command, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal)


def sidecar(ports: Sequence[int], *app: str) -> Callable[[IO[bytes]], Fork]:
    """One that starts this app."""
    _, _, *command = run(ports, *app)
    return lambda terminal: forks("sidecars").start(
        (*command,), {**os.environ}, (terminal,) * 3, Place(terminal=True)
    )


@pytest.fixture
def ports() -> Iterator[Sequence[int]]:
    taken = free_ports(2)
    yield taken
    release(taken)


def run(ports: Sequence[int], *app: str) -> tuple[str, ...]:
    port, admin = ports
    addresses = ("--forward", f"127.0.0.1:{port}=127.0.0.1:1", "--admin", f"127.0.0.1:{admin}")
    return (sys.executable, "-m", "drainproxy", "run", *addresses, *QUICK_DRAIN, "--", *app)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param("read line; echo got $line; exec sleep 600", id="it reads"),
        # Whoever sets modes is stopped as well, by SIGTTOU (termios(3)).
        pytest.param(
            "stty -echo; read line; stty echo; echo got $line; exec sleep 600", id="password"
        ),
        # SIGTTIN goes to the whole group, of which only the leader is our child.
        pytest.param("sh -c 'read line; echo got $line'; exec sleep 600", id="behind a shell"),
        pytest.param("head -n 1 | sed s/^/got\\ /; exec sleep 600", id="in a pipe"),
    ],
)
def test_an_app_can_read_the_terminal(app: str, ports: Sequence[int]) -> None:
    with on_terminal(sidecar(ports, "sh", "-c", app)) as terminal:
        terminal.until("started the app")
        terminal.type("a word\n")
        terminal.until("got a word")
        terminal.send_signal(signal.SIGTERM)
        terminal.until("drained: clean")
        assert terminal.exit_code() == 0


def test_ctrl_c_drains_where_the_app_has_not_asked_for_the_terminal(ports: Sequence[int]) -> None:
    with on_terminal(sidecar(ports, "sleep", "600")) as terminal:
        terminal.until("forwarding")
        terminal.until("started the app")
        terminal.type(CTRL_C)
        terminal.until("SIGINT received")
        terminal.until("drained: clean")
        assert terminal.exit_code() == 0


def test_ctrl_c_is_the_apps_where_it_reads_the_terminal_and_ours_again_at_its_end(
    ports: Sequence[int],
) -> None:
    with on_terminal(sidecar(ports, sys.executable, "-c", INTERACTIVE)) as terminal:
        # The log quotes the command.
        terminal.until("SystemExit")
        terminal.until("name? ")
        terminal.type("x\n")
        terminal.until("more? ")
        terminal.type(CTRL_C)
        terminal.until("interrupted")
        terminal.until("the app has exited with code 3")
        terminal.until("drained: clean")
        assert terminal.exit_code() == 3


def test_in_the_background_the_app_waits_until_the_job_is_in_the_foreground(
    ports: Sequence[int],
) -> None:
    """As any job of a shell (POSIX, 11.1.4); Ctrl-Z stops the app and us together."""
    script = "read line; echo got $line; read line; echo got $line; exec sleep 600"
    with on_terminal(shell) as bash:
        bash.type("PS1=ready; set -m\n")
        command = " ".join(f"'{each}'" for each in run(ports, "sh", "-c", script))
        bash.type(f"{command} &\n")
        bash.until("started the app")
        bash.type("fg\n")
        bash.type("one\n")
        bash.until("got one")
        bash.type(CTRL_Z)
        bash.until("Stopped")
        bash.type("fg\n")
        bash.type("two\n")
        bash.until("got two")
