"""A port at which nobody listens keeps nobody waiting who does not need it, and is told."""

import socket

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.process import Sidecar, finished, sidecar

MISSING_FOR = 5.0  # seconds, until the log names it


def status(running: Sidecar) -> str:
    """What `drainproxy status` prints."""
    return finished("drainproxy", "status", "--admin", f"127.0.0.1:{running.admin}").stdout


def test_what_is_missing_is_in_the_log_once_and_in_the_status(demo_app: DemoApp) -> None:
    missing, listen = free_ports(2)
    with sidecar(demo_app.address, "--forward", f"127.0.0.1:{listen}={missing}") as running:
        assert running.get("/readyz")[0] == 503
        assert f"localhost:{missing}" in running.get("/status")[1]["not_ready"]
        assert f"not ready: nothing listens at localhost:{missing}" in status(running)
        running.process.until(lambda: "not ready" in running.process.output, 3 * MISSING_FOR)
        with socket.create_server(("127.0.0.1", missing)):
            running.process.until(lambda: running.get("/readyz")[0] == 200)
            running.process.until(lambda: f"{missing} is up" in running.process.output)
        assert running.process.output.count("not ready") == 1


def test_what_is_not_needed_is_not_waited_for(demo_app: DemoApp) -> None:
    missing, listen = free_ports(2)
    ready = ("--ready-ports", str(demo_app.port))
    with sidecar(demo_app.address, "--forward", f"127.0.0.1:{listen}={missing}", *ready) as running:
        assert running.get("/readyz")[0] == 200
        assert f"needed for readiness: nothing listens at localhost:{missing}" in status(running)
        running.process.until(lambda: f"localhost:{missing}; it does not" in running.process.output)
        # From its first answer on it counts.
        with socket.create_server(("127.0.0.1", missing), backlog=100) as app:
            running.process.until(lambda: asked(running, app))
        running.process.until(lambda: running.get("/readyz")[0] == 503)


def asked(running: Sidecar, app: socket.socket) -> bool:
    """Probe once more; whether the app was asked by then."""
    assert running.get("/readyz")[0] == 200
    app.setblocking(False)
    try:
        app.accept()[0].close()
    except BlockingIOError:
        return False
    return True
