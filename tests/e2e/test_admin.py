"""`drainproxy status`, `drain` and `undrain` talk to a sidecar that runs."""

import json
import signal
import subprocess

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import begin, connected, get_once
from tests.e2e.process import Sidecar, accepts, finished, sidecar

ENDLESS = "/download?size=65536&seconds=600"


def command(name: str, *arguments: str, admin: int) -> subprocess.CompletedProcess[str]:
    """Run `drainproxy NAME` against the sidecar with this admin port."""
    return finished("drainproxy", name, "--admin", f"127.0.0.1:{admin}", *arguments)


def told(running: Sidecar, name: str, *arguments: str, code: int = 0) -> str:
    """What the command printed."""
    done = command(name, *arguments, admin=running.admin)
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_drain_that_cuts_nothing_ends_with_0_and_can_be_taken_back(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address) as running:
        assert get_once(running.port).status == 200
        assert "serving" in told(running, "status").splitlines()[0]

        lines = told(running, "drain", "--wait").splitlines()
        assert lines[0].endswith("(admin): clean")
        status = json.loads(told(running, "status", "--json", code=1))
        assert (status["phase"], status["report"]["verdict"]) == ("drained", "clean")

        assert told(running, "undrain") == "serving\n"
        running.process.until(lambda: accepts(running.port))
        assert get_once(running.port).status == 200


def test_a_drain_that_cuts_something_ends_with_3(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, "--drain-timeout", "600ms") as running:
        with connected(running.port) as client:
            begin(client, ENDLESS)
            lines = told(running, "drain", "--wait", code=3).splitlines()
        assert lines[0].endswith("(admin): cut 1")
        header = lines[1].split()
        (row,) = [line.split() for line in lines if line.startswith("http1")]
        assert row[-1] == "1"
        assert header[-1] == "cut"


def test_who_does_not_wait_is_told_how_long_it_may_take(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, "--drain-delay", "10m", "--drain-timeout", "20m") as running:
        with connected(running.port) as client:
            begin(client, ENDLESS)
            words = told(running, "drain").split()
            assert words[:3] == ["announced,", "drained", "in"]
            assert 1100 < float(words[3]) <= 1200
            lines = told(running, "status", code=1).splitlines()
            assert "announced" in lines[0]
            assert any(line.split()[:2] == ["/download", "http1"] for line in lines), lines
        running.cut()


def test_what_a_sidecar_refuses_ends_with_1_and_its_reason(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, "--drain-delay", "10m", "--drain-timeout", "20m") as running:
        running.process.send_signal(signal.SIGTERM)
        running.until_phase("announced")
        done = command("undrain", admin=running.admin)
        assert done.returncode == 1
        assert "after a signal" in done.stderr
        running.cut()


def test_where_no_sidecar_runs_that_is_said() -> None:
    (port,) = free_ports(1)
    done = command("status", admin=port)
    assert done.returncode == 1
    assert f"no sidecar at 127.0.0.1:{port}" in done.stderr
