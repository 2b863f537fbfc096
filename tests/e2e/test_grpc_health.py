"""gRPC health checks of a running sidecar, asked by a client as the kubelet's `grpc:` probe is."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from drainproxy.extras import install_hint
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import begin, connected
from tests.e2e.process import BUSY, PATIENCE, Sidecar, sidecar, started

Status = health_pb2.HealthCheckResponse
ASKED = health_pb2.HealthCheckRequest()
# Seconds from a signal to the moment in which a watcher has heard of it; less than the delay.
PROMPT = 0.8
# What the sidecar prints; whatever grpcio prints looks different.
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning)\b")


@contextmanager
def health(port: int) -> Iterator[health_pb2_grpc.HealthStub]:
    """A client that does not connect again."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(PATIENCE)
        yield health_pb2_grpc.HealthStub(channel)


@contextmanager
def with_health(app: str, *arguments: str) -> Iterator[tuple[Sidecar, health_pb2_grpc.HealthStub]]:
    (port,) = free_ports(1)
    given = ("--grpc-health", f"127.0.0.1:{port}", *arguments)
    with sidecar(app, *given) as running, health(port) as stub:
        yield running, stub


def foreign_lines(running: Sidecar) -> list[str]:
    return [line for line in running.process.output.splitlines() if not LINE.match(line)]


def test_a_drain_is_heard_at_once_and_taken_back_too(demo_app: DemoApp) -> None:
    with with_health(demo_app.address, "--drain-delay", "1s") as (running, stub):
        watch = stub.Watch(ASKED, timeout=PATIENCE)
        assert next(watch).status == stub.Check(ASKED, timeout=PATIENCE).status == Status.SERVING

        took = []
        for _ in range(5):  # the best counts, since others work on this machine too
            begun = monotonic()
            assert running.post("/drain")[0] == 200
            assert next(watch).status == Status.NOT_SERVING
            took.append(monotonic() - begun)
            assert stub.Check(ASKED, timeout=PATIENCE).status == Status.NOT_SERVING

            assert running.post("/undrain")[0] == 200
            assert next(watch).status == Status.SERVING
        assert min(took) < PROMPT, took


def test_of_a_pod_that_is_deleted_it_is_heard_when_the_listener_closes(demo_app: DemoApp) -> None:
    arguments = ("--unready", "closed", "--drain-delay", "0s", "--drain-quiet", "2s")
    with with_health(demo_app.address, *arguments, "--drain-timeout", "1h") as (running, stub):
        watch = stub.Watch(ASKED, timeout=PATIENCE)
        assert next(watch).status == Status.SERVING
        with connected(running.port) as client:
            begin(client, "/download?size=65536&seconds=600")
            running.process.send_signal(signal.SIGTERM)
            running.until_phase("leaving")
            assert stub.Check(ASKED, timeout=PATIENCE).status == Status.SERVING
            assert running.phase == "leaving"
            assert next(watch).status == Status.NOT_SERVING
            assert running.phase == "closed"
            assert stub.Check(ASKED, timeout=PATIENCE).status == Status.NOT_SERVING


def test_readyz_and_the_health_check_say_the_same_of_an_app_that_comes_and_goes() -> None:
    port, other = free_ports(2)
    address = f"127.0.0.1:{port}"
    with with_health(address, "--app-health", "http:/hello") as (running, stub):
        watch = stub.Watch(ASKED, timeout=PATIENCE)
        assert next(watch).status == Status.NOT_SERVING
        assert running.get("/readyz")[0] == 503
        up = ("drainproxy.rehearsal.app", "--port", str(port), "--tcp-port", str(other))
        with started(*up, ready=lambda: True):
            assert next(watch).status == Status.SERVING
            assert running.get("/readyz")[0] == 200
        assert next(watch).status == Status.NOT_SERVING
        assert running.get("/readyz")[0] == 503


def test_readiness_follows_the_grpc_health_of_the_app(demo_app: DemoApp) -> None:
    # The app is the health server of another sidecar, which is a gRPC server as any other.
    (port,) = free_ports(1)
    given = ("--grpc-health", f"127.0.0.1:{port}", "--drain-delay", "1s")
    behind = sidecar(demo_app.address, *given)
    with behind as app, sidecar(f"127.0.0.1:{port}", "--app-health", "grpc") as running:
        assert running.get("/readyz")[0] == 200
        app.post("/drain")
        running.process.until(lambda: running.get("/readyz")[0] == 503)
        assert "answered NOT_SERVING to" in running.get("/readyz")[1]["reason"]
        app.post("/undrain")
        running.process.until(lambda: running.get("/readyz")[0] == 200)


def test_the_process_ends_in_time_and_in_silence_whoever_still_watches(demo_app: DemoApp) -> None:
    with with_health(demo_app.address, "--drain-delay", "500ms") as (running, stub):
        watches = [stub.Watch(ASKED, timeout=PATIENCE) for _ in range(5)]
        assert {next(watch).status for watch in watches} == {Status.SERVING}
        running.process.send_signal(signal.SIGTERM)
        assert {next(watch).status for watch in watches} == {Status.NOT_SERVING}
        running.process.until(lambda: "drained: clean" in running.process.output)
        drained = monotonic()
        assert running.process.wait() == 0
        assert monotonic() - drained < BUSY
        for watch in watches:
            assert list(watch) == []
            assert watch.code() is grpc.StatusCode.OK
        assert foreign_lines(running) == []


def test_starting_an_app_beside_it_prints_nothing_either() -> None:
    (port,) = free_ports(1)
    app = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    address = f"127.0.0.1:{port}"
    with with_health(address, "--", *app) as (running, stub):
        watch = stub.Watch(ASKED, timeout=PATIENCE)
        while next(watch).status != Status.SERVING:
            pass
        running.process.stop()
        # The access log is the app's.
        assert [line for line in foreign_lines(running) if "HTTP" not in line] == []


def test_without_grpcio_the_sidecar_does_not_start_and_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError(\"No module named 'grpc'\")")
    ports = free_ports(3)
    command = [
        *("drainproxy", "run", "--forward", f"{ports[0]}=9000"),
        *("--admin", f"127.0.0.1:{ports[1]}", "--grpc-health", f"127.0.0.1:{ports[2]}"),
    ]
    env = {"PYTHONPATH": str(tmp_path)}
    for more in ((), ("--check",)):
        with started(*command, *more, ready=lambda: True, env=env) as process:
            assert process.wait() == 78
            (said,) = (line for line in process.output.splitlines() if "grpc-health" in line)
            assert "flag --grpc-health" in said
            assert f"needs grpcio, {install_hint('grpc-health')}" in said
            assert "Traceback" not in process.output


@pytest.mark.parametrize("taken", ["grpc-health", "forward"])
def test_a_port_that_is_taken_is_said_in_one_line(demo_app: DemoApp, taken: str) -> None:
    ports = dict(zip(("forward", "admin", "grpc-health"), free_ports(3), strict=True))
    ports[taken] = demo_app.port
    command = [
        *("drainproxy", "run", "--forward", f"127.0.0.1:{ports['forward']}=127.0.0.1:9"),
        *("--admin", f"127.0.0.1:{ports['admin']}"),
        *("--grpc-health", f"127.0.0.1:{ports['grpc-health']}"),
    ]
    with started(*command, ready=lambda: True) as process:
        assert process.wait() == 69
        *before, last = process.output.splitlines()
        assert last == (
            f"drainproxy: {taken}: cannot listen on"
            f" 127.0.0.1:{demo_app.port}: Address already in use"
        )
        assert all(map(LINE.match, before))
