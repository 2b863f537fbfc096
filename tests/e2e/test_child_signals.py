"""Signals of `drainproxy run`: which of them drain, which reach the app, and that none kills."""

import os
import re
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from drainproxy.rehearsal.ports import free_ports, release
from tests.e2e.http_client import connected
from tests.e2e.process import PATIENCE, QUICK_DRAIN, Process, accepts, is_up, program, sidecar
from tests.e2e.process import Sidecar as Running
from tests.e2e.test_child import CODE, CONTAINER, app_pid, no_container, status

# Nobody listens there: these tests are not about what is forwarded.
NOWHERE = "127.0.0.1:1"
HARMLESS = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH),
    *(signal.SIGIO, signal.SIGPROF, signal.SIGVTALRM, signal.SIGCONT, signal.SIGPIPE),
)


@pytest.fixture
def app_port() -> Iterator[Sequence[int]]:
    taken = free_ports(1)
    yield taken
    release(taken)


def is_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# The whole process group of the app


@pytest.mark.parametrize(
    "around",
    [
        *("{}; true", "{} & wait"),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("trap : TERM; {}; true", "(cd /; {}); true")
        ),
    ],
)
def test_an_app_behind_a_shell_gets_its_sigterm_and_is_waited_for(
    around: str, app_port: Sequence[int]
) -> None:
    (port,) = app_port
    root = Path(__file__).parents[2]
    app = f"PYTHONPATH={root} {sys.executable} -m tests.e2e.child_app {port} {CODE}"
    command = ("--", "sh", "-c", around.format(app))
    # The shell is ended by that SIGTERM, or by the end of the app, whichever comes first.
    with sidecar(f"127.0.0.1:{port}", *command, exit_code=None) as running:
        running.process.until(lambda: accepts(port))
        group = app_pid(running.process.pid)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait() in (0, CODE)
        assert running.process.output.count("the app got SIGTERM") == 1
        assert not is_left(group)


def test_what_the_app_has_left_behind_ends_with_it() -> None:
    """It has exited by itself, and one of its group goes on: that one is an orphan otherwise."""
    script = "sleep 600 & echo $! left behind; sleep 0.2; exit 3"
    with sidecar(NOWHERE, "--", "sh", "-c", script, exit_code=3) as running:
        assert running.process.wait() == 3
        (group,) = re.findall(r"started the app as process (\d+)", running.process.output)
        assert not is_left(int(group))


# Exit codes: POSIX 2.8.2, 128 and the number of the signal


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param("exec sleep 600", 0, id="it has no handler"),
        pytest.param(
            "trap 'exit 143' TERM; echo up; while :; do sleep 0.01; done",
            0,
            id="JVM",
            marks=pytest.mark.slow,
        ),
        pytest.param("trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done", 0, id="clean"),
        pytest.param("trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done", 3, id="failed"),
        pytest.param(
            "trap 'exit 137' TERM; echo up; while :; do sleep 0.01; done",
            137,
            id="OOM",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_app_that_our_sigterm_ended_is_no_failure(script: str, code: int) -> None:
    with sidecar(NOWHERE, "--", "sh", "-c", script, exit_code=code) as running:
        if "trap" in script:
            running.process.until(lambda: "up\n" in running.process.output)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait() == code


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        *(
            pytest.param(each, marks=pytest.mark.slow, id=each.name)
            for each in (signal.SIGINT, signal.SIGHUP, signal.SIGABRT, signal.SIGPROF)
        ),
    ],
)
def test_an_app_that_somebody_elses_signal_ended_is_one(number: signal.Signals) -> None:
    with sidecar(NOWHERE, "--", "sleep", "600", exit_code=128 + number) as running:
        os.kill(app_pid(running.process.pid), number)
        assert running.process.wait() == 128 + number
        assert "draining: the app has exited\n" in running.process.output


@pytest.mark.slow
def test_an_app_that_ignores_its_sigterm_is_killed_which_is_a_failure() -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    killed = 128 + signal.SIGKILL
    with sidecar(NOWHERE, "--", "sh", "-c", script, exit_code=killed) as running:
        running.process.until(lambda: "deaf\n" in running.process.output)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(3 * PATIENCE) == killed
        assert "the app ignored SIGTERM for 10s: killed" in running.process.output


# Which signals end us, and how


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize(
    "app",
    [
        (),
        pytest.param(
            ("--", sys.executable, "-m", "tests.e2e.child_app"), marks=pytest.mark.slow, id="app1"
        ),
    ],
)
def test_what_stops_an_image_drains(
    number: signal.Signals, app: tuple[str, ...], app_port: Sequence[int]
) -> None:
    """SIGQUIT is the STOPSIGNAL of nginx and php-fpm, SIGINT that of PostgreSQL."""
    (port,) = app_port
    arguments = (*app, str(port), str(CODE)) if app else ()
    with sidecar(f"127.0.0.1:{port}", *arguments, exit_code=CODE if app else 0) as running:
        if not app:
            running.process.send_signal(number)
        else:
            running.process.until(lambda: accepts(port))
            with connected(running.port) as client:
                client.request("GET", "/?0.3")
                running.until_in_flight(http1=1)
                running.process.send_signal(number)
                answer = client.getresponse()
                assert (answer.status, answer.read()) == (200, b"whole")
        running.process.wait()
        assert f"{number.name} received" in running.process.output
        assert "drained: clean" in running.process.output


@pytest.mark.parametrize("app", [(), ("--", "sleep", "600"), ("--", "sh", "-c", "sleep 600; true")])
def test_what_means_nothing_to_the_app_kills_nobody(app: tuple[str, ...]) -> None:
    with sidecar(NOWHERE, *app) as running:
        child = app_pid(running.process.pid) if app else 0
        for number in HARMLESS:
            running.process.send_signal(number)
        running.process.until(lambda: "configuration reloaded" in running.process.output)
        assert running.phase == "serving"
        if app:
            assert app_pid(running.process.pid) == child
            assert status(child, "State").startswith("S")


def test_without_a_terminal_the_signals_of_one_are_for_the_app_and_stop_nobody() -> None:
    """Gunicorn, Puma and Unicorn start a worker more by SIGTTIN, and end one by SIGTTOU."""
    counts = "trap 'echo one more' TTIN; trap 'echo one less' TTOU; echo up"
    script = f"{counts}; while :; do sleep 0.01; done"
    with sidecar(NOWHERE, "--", "sh", "-c", script, prefix=("setsid",)) as running:
        running.process.until(lambda: "up\n" in running.process.output)
        running.process.send_signal(signal.SIGTTIN)
        running.process.until(lambda: "one more\n" in running.process.output)
        running.process.send_signal(signal.SIGTTOU)
        running.process.until(lambda: "one less\n" in running.process.output)
        assert running.phase == "serving"


def test_a_signal_reaches_the_app_behind_a_shell_that_would_die_of_it(
    app_port: Sequence[int],
) -> None:
    (port,) = app_port
    app = f"{sys.executable} -m tests.e2e.child_app {port} {CODE}; true"
    with sidecar(f"127.0.0.1:{port}", "--", "sh", "-c", app, exit_code=None) as running:
        running.process.until(lambda: accepts(port))
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            said = f"the app got {number.name}"
            running.process.send_signal(number)
            # mypy infers no type for a lambda with a default.
            running.process.until(lambda said=said: said in running.process.output)  # type: ignore[misc]
        assert running.phase == "serving"


# SIGHUP


@contextmanager
def with_file(path: Path, text: str) -> Iterator[Running]:
    path.write_text(text)
    # A drain of an app that is gone is over at once.
    with (
        socket.create_server(("127.0.0.1", 0)) as app,
        sidecar(f"127.0.0.1:{app.getsockname()[1]}", "--config", str(path), drain=()) as running,
    ):
        yield running
        running.cut()


def reload(running: Running) -> None:
    done = running.process.output.count("configuration reloaded")
    running.process.send_signal(signal.SIGHUP)
    said = "configuration reloaded"
    running.process.until(lambda: running.process.output.count(said) > done)


def test_sighup_reads_the_file_anew(tmp_path: Path) -> None:
    path = tmp_path / "drainproxy.yaml"
    with with_file(path, "drain-timeout: 30s\nstop-timeout: 10s") as running:
        said = "warning drain-timeout is 30s, but by stop-timeout SIGKILL comes 10s after"
        assert said in running.process.output
        path.write_text("drain-timeout: 300s\nmax-streams: 7\nunready: never\n")
        reload(running)
        mistakes = running.get("/status")[1]["config_mistakes"]
        assert [each.partition(":")[0] for each in mistakes] == [
            *(f"file {path} line 3, unready", f"file {path} line 2, max-streams"),
        ]
        path.write_text("drain-timeout: [")
        reload(running)
        assert "is not valid YAML" in running.get("/status")[1]["config_mistakes"][0]
        path.unlink()
        reload(running)
        assert "No such file" in running.get("/status")[1]["config_mistakes"][0]
        # What is in force is what was right.
        assert running.post("/drain")[1]["deadline"] > 200


def test_sighup_is_heard_in_every_phase_of_a_drain(tmp_path: Path) -> None:
    """What it has read holds for the phase that is under way, which may be over by it."""
    path = tmp_path / "drainproxy.yaml"

    def file(delay: str = "1h", quiet: str = "1h", timeout: str = "9h") -> str:
        times = {"drain-delay": delay, "drain-quiet": quiet, "drain-timeout": timeout}
        lines = [f"{name}: {time}\n" for name, time in times.items()]
        return "".join([*lines, "leaving-timeout: 8h\n"])

    with with_file(path, file()) as running, connected(running.port) as client:
        client.request("GET", "/")
        running.until_in_flight(http1=1)
        running.post("/drain")
        for phase, text in (
            ("announced", file()),
            ("leaving", file(delay="0s")),
            ("closed", file("0s", quiet="0s")),
            ("drained", file("0s", "0s", timeout="1ms")),
        ):
            path.write_text(text)
            reload(running)
            running.until_phase(phase)
        assert client.getresponse().status == 503
        reload(running)
        path.write_text(file())
        running.post("/undrain")
        reload(running)
        assert running.phase == "serving"


# Signals that come before anybody can handle them


@contextmanager
def beginning(*arguments: str, prefix: tuple[str, ...] = ()) -> Iterator[tuple[Process, int]]:
    """A sidecar that has just been started, and its admin port."""
    port, admin = ports = free_ports(2)
    forward = f"127.0.0.1:{port}={NOWHERE}"
    run = ("run", "--forward", forward, "--admin", f"127.0.0.1:{admin}", *QUICK_DRAIN)
    command = (*prefix, sys.executable, "-m", "drainproxy", *run, *arguments)
    with program(*command, ready=lambda: True) as process:
        yield process, admin
    release(ports)


def holds(pid: int) -> bool:
    """Whether it has begun to hold signals back, or handles them already. Of those that it holds
    SIGUSR1 is the one that neither an interpreter nor `unshare` touches by itself."""
    masks = (int(status(pid, field), 16) for field in ("SigBlk", "SigCgt"))
    return any(mask >> (signal.SIGUSR1 - 1) & 1 for mask in masks)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGQUIT)),
    ],
)
@pytest.mark.parametrize(
    "app",
    [
        pytest.param(("--", "sh", "-c", "echo the app runs; exec sleep 600"), id="app1"),
        pytest.param((), marks=pytest.mark.slow, id="app0"),
    ],
)
def test_a_signal_that_comes_before_we_can_handle_it_is_not_lost(
    number: signal.Signals, app: tuple[str, ...]
) -> None:
    with beginning(*app) as (process, _):
        process.until(lambda: holds(process.pid))
        process.send_signal(number)
        assert process.wait() == 0
        assert f"{number.name} received" in process.output


def test_a_signal_that_comes_before_the_interpreter_is_not_lost_where_it_is_blocked() -> None:
    """As the ENTRYPOINT of our image has it; the app must not inherit that (signal(7))."""
    prefix = ("env", "--block-signal=TERM,INT,QUIT,HUP,USR1,USR2,ALRM,TTIN,TTOU,IO,PROF,VTALRM")
    with beginning(prefix=prefix) as (process, _):
        process.until(lambda: holds(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert "SIGTERM received" in process.output
    with beginning("--", "sleep", "600", prefix=prefix) as (process, admin):
        process.until(lambda: is_up(admin))
        process.until(lambda: "started the app" in process.output)
        assert int(status(app_pid(process.pid), "SigBlk"), 16) == 0
        assert process.stop() == 0


def test_what_does_not_kill_does_not_kill_at_the_beginning_either() -> None:
    with beginning() as (process, admin):
        process.until(lambda: holds(process.pid))
        for number in HARMLESS:
            process.send_signal(number)
        process.until(lambda: is_up(admin))
        assert process.stop() == 0


def test_process_1_hears_of_a_signal_that_comes_at_its_beginning() -> None:
    """pid_namespaces(7): one for which it has no handler is lost, unless it is blocked."""
    if why := no_container():
        pytest.skip(why)

    def children(pid: int) -> list[int]:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    with beginning(prefix=CONTAINER) as (process, _):
        process.until(lambda: bool(children(process.pid)))
        (first,) = children(process.pid)
        process.until(lambda: holds(first))
        os.kill(first, signal.SIGTERM)
        assert process.wait() == 0
        assert "SIGTERM received" in process.output
