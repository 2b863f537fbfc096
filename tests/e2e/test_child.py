"""`drainproxy run ... -- APP`: the app lives in our care, and its SIGTERM comes last."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.child_app import DEATH, LEGACY
from tests.e2e.http_client import begin, connected, get, get_once
from tests.e2e.process import (
    BUSY,
    QUICK_DRAIN,
    Process,
    accepts,
    finished,
    is_up,
    sidecar,
    started,
)
from tests.e2e.process import Sidecar as Running

CODE = 7


@contextmanager
def with_app(*arguments: str, exit_code: int = CODE) -> Iterator[Running]:
    """A sidecar that has started the app of this test, which is ready."""
    port = free_ports(1)[0]
    app = (sys.executable, "-m", "tests.e2e.child_app", str(port), str(CODE))
    address = f"127.0.0.1:{port}"
    with sidecar(address, *arguments, "--", *app, exit_code=exit_code) as running:
        running.process.until(lambda: accepts(port))
        yield running


def app_pid(sidecar_pid: int) -> int:
    """The process id of the app."""
    children = Path(f"/proc/{sidecar_pid}/task/{sidecar_pid}/children").read_text()
    return int(children.split()[0])


def test_the_app_gets_its_sigterm_after_the_drain_and_its_exit_code_is_ours() -> None:
    drain = ("--drain-timeout", "30s")
    with with_app(*drain) as running, connected(running.port) as client:
        client.request("GET", "/?0.8")
        running.until_in_flight(http1=1)
        running.process.send_signal(signal.SIGTERM)
        running.until_phase("closed")
        assert "the app got" not in running.process.output
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b"whole")
        assert running.process.wait() == CODE
        output = running.process.output
        assert output.index("drained: clean") < output.index("the app got SIGTERM")


def test_prestop_does_not_end_the_app() -> None:
    with with_app() as running:
        assert running.get("/prestop")[1]["phase"] == "drained"
        assert "the app got" not in running.process.output
        os.kill(app_pid(running.process.pid), 0)


def test_ctrl_c_in_a_terminal_reaches_the_app_only_after_the_drain() -> None:
    """A terminal sends SIGINT to a whole group of processes: the app is in a group of its own."""
    with with_app() as running:
        app = app_pid(running.process.pid)
        assert os.getpgid(app) == app


def test_what_an_operator_signals_is_passed_to_the_app() -> None:
    with with_app() as running:
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            said = f"the app got {number.name}"
            running.process.send_signal(number)
            running.process.until(lambda said=said: said in running.process.output)  # type: ignore[misc]
        assert running.phase == "serving"


def test_an_app_that_ends_by_itself_ends_us_with_its_code() -> None:
    with with_app(exit_code=DEATH) as running, connected(running.port) as client:
        client.request("GET", "/die")
        assert running.process.wait() == DEATH
        # Too late for an answer of the app, but not for one of ours.
        assert client.getresponse().status == 502


def test_an_app_that_ends_lets_no_idle_client_keep_us() -> None:
    with with_app(exit_code=128 + signal.SIGKILL) as running, connected(running.port) as client:
        assert get(client, "/").status == 200
        began = monotonic()
        os.kill(app_pid(running.process.pid), signal.SIGKILL)
        running.process.wait()
        assert monotonic() - began < BUSY


def test_a_further_signal_kills_an_app_that_ignores_its_sigterm() -> None:
    ignores = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(600)"
    )
    port = free_ports(1)[0]
    app = ("--", sys.executable, "-c", ignores)
    with sidecar(f"127.0.0.1:{port}", *app, exit_code=128 + signal.SIGKILL) as running:
        running.process.until(lambda: "deaf\n" in running.process.output)
        # A signal may still find us before the app has had its own.
        began = monotonic()
        while running.process.exit_code is None and monotonic() - began < 5:
            running.process.send_signal(signal.SIGTERM)
            sleep(0.2)
        assert running.process.exit_code is not None


def test_what_an_app_said_before_it_ended_still_reaches_a_slow_client() -> None:
    drain = ("--drain-timeout", "30s")
    with with_app(*drain, exit_code=DEATH) as running, connected(running.port) as client:
        answer = begin(client, "/legacy")
        read = 0
        while piece := answer.read(1 << 16):
            read += len(piece)
            sleep(0.005)
        assert read == LEGACY
        assert running.process.wait() == DEATH
        assert "drained: clean" in running.process.output


def test_an_app_that_is_killed_ends_us_with_128_and_its_signal() -> None:
    with with_app(exit_code=128 + signal.SIGKILL) as running:
        os.kill(app_pid(running.process.pid), signal.SIGKILL)
        assert running.process.wait() == 128 + signal.SIGKILL


def test_an_app_that_ends_lets_nobody_wait_for_the_delays_of_a_drain() -> None:
    drain = ("--drain-delay", "20s", "--drain-quiet", "20s", "--drain-timeout", "60s")
    with with_app(*drain, exit_code=128 + signal.SIGKILL) as running:
        began = monotonic()
        os.kill(app_pid(running.process.pid), signal.SIGKILL)
        running.process.wait()
        assert monotonic() - began < 2 * BUSY


@pytest.mark.parametrize(
    ("command", "word"),
    [("/no/such/app", "No such file"), ("/etc/passwd", "Permission denied")],
)
def test_an_app_that_cannot_be_started_is_named_and_nothing_stays(command: str, word: str) -> None:
    listen, admin = free_ports(2)
    done = finished(
        *("drainproxy", "run", "--forward", f"{listen}=1"),
        *("--admin", f"127.0.0.1:{admin}", "--", command),
    )
    assert done.returncode > 0
    assert command in done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_the_app_goes_with_us_when_its_port_is_taken() -> None:
    """We start it only when we can stand in front of it."""
    with sidecar("127.0.0.1:1") as first:
        admin = free_ports(1)[0]
        done = finished(
            *("drainproxy", "run"),
            *("--forward", f"127.0.0.1:{first.port}=1", "--admin", f"127.0.0.1:{admin}"),
            *("--", "sh", "-c", "echo the app runs"),
        )
    assert done.returncode == 69
    assert str(first.port) in done.stderr
    assert "Traceback" not in done.stderr
    assert "started the app" not in done.stdout


# As process 1 of a container

CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def no_container() -> str:
    """Why there can be no namespace of processes here; empty if there can."""
    if not shutil.which(CONTAINER[0]):
        return "unshare is not installed"
    done = subprocess.run([*CONTAINER, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


@contextmanager
def as_process_1() -> Iterator[tuple[Process, int, int]]:
    """The process that waits for the container, the id of process 1 as seen here, its port."""
    app_port, port, admin = free_ports(3)
    forward = f"127.0.0.1:{port}=127.0.0.1:{app_port}"
    app = (sys.executable, "-m", "tests.e2e.child_app", str(app_port), str(CODE))
    run = ("drainproxy", "run", "--forward", forward, "--admin", f"127.0.0.1:{admin}")
    with started(
        *(*run, *QUICK_DRAIN, "--", *app), ready=lambda: is_up(admin), prefix=CONTAINER
    ) as process:
        process.until(lambda: accepts(app_port))
        yield process, app_pid(process.pid), port


@pytest.fixture
def container() -> Iterator[tuple[Process, int, int]]:
    if why := no_container():
        pytest.skip(why)
    with as_process_1() as running:
        yield running


def status(pid: int, field: str) -> str:
    """A line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(field + ":"))


def test_as_process_1_signals_drain_us(container: tuple[Process, int, int]) -> None:
    process, first, _ = container
    assert status(first, "NSpid").split()[-1] == "1"
    os.kill(first, signal.SIGTERM)
    assert process.wait() == CODE
    assert "the app got SIGTERM" in process.output


def test_as_process_1_orphans_are_reaped(container: tuple[Process, int, int]) -> None:
    process, first, port = container
    app = app_pid(first)

    def children() -> list[int]:
        return list(map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()))

    for _ in range(3):
        assert get_once(port, "/orphan").status == 200
    process.until(lambda: len(children()) == 4)
    for orphan in {*children()} - {app}:
        os.kill(orphan, signal.SIGKILL)
    process.until(lambda: children() == [app])
    assert status(app, "State").startswith("S")
    os.kill(first, signal.SIGTERM)
    assert process.wait() == CODE
