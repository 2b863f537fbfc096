"""`drainproxy smoke` against the demo app through a sidecar, in good and in bad days."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import Sidecar, accepts, finished, program, sidecar, started

STEPS = """
- http: /hello
  expect: {contains: hello, headers: {app-version: v1}, within: 5s}
- http: {url: /echo, json: {a: 1}}
  expect: {json: {a: 1}}
- http: /download?size=100000&seconds=0
- websocket: {url: /ws, send: [hello, bye]}
  expect: {messages: [hello, bye]}
- websocket: {url: /ws, close: 1000}
  expect: {close-code: 1000}
- sse: /events
  expect: {events: 2, first-event-within: 5s}
- sse: /events?seconds=0.4
  expect: {event: end, contains: that was all, ends: true}
- grpc: {target: "127.0.0.1:${GRPC}", method: drainproxy.Demo/Echo, message: hello}
  expect: {contains: hello}
- grpc: 127.0.0.1:${HEALTH}
- exec: [sh, -c, 'test -n "$SMOKE_URL"']
"""
KINDS = [*("http",) * 3, *("websocket",) * 2, *("sse",) * 2, *("grpc",) * 2, "exec"]

# Phases that only the test's own deed ends.
ANNOUNCED = ("--drain-delay", "1h", "--drain-timeout", "2h")
LEAVING = ("--drain-delay", "0s", "--drain-quiet", "1h", "--drain-timeout", "2h")


class Apps(NamedTuple):
    """Where the demo app is, or would be."""

    port: int
    grpc_port: int


class Deployment(NamedTuple):
    """A sidecar, and where gRPC and its health are forwarded."""

    running: Sidecar
    grpc_port: int
    health_port: int


@pytest.fixture(scope="module")
def app() -> Iterator[Apps]:
    """The demo app with its gRPC."""
    apps = Apps(*free_ports(2))
    with demo(apps):
        yield apps


@contextmanager
def demo(apps: Apps) -> Iterator[Any]:
    ports = ("--port", str(apps.port), "--grpc-port", str(apps.grpc_port))
    with started("drainproxy.rehearsal.app", *ports, ready=lambda: accepts(apps.port)) as process:
        process.until(lambda: accepts(apps.grpc_port))
        yield process


@contextmanager
def deployed(apps: Apps, *arguments: str) -> Iterator[Deployment]:
    grpc_port, health_port = free_ports(2)
    forward = f"127.0.0.1:{grpc_port}=127.0.0.1:{apps.grpc_port}"
    health = ("--grpc-health", f"127.0.0.1:{health_port}")
    with sidecar(f"127.0.0.1:{apps.port}", "--forward", forward, *health, *arguments) as running:
        running.process.until(lambda: accepts(health_port))
        yield Deployment(running, grpc_port, health_port)


def smoked(there: Deployment, steps: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what is told of each step."""
    done = finished(
        *("drainproxy", "smoke", "-", "-o", "json"),
        *("--url", f"http://127.0.0.1:{there.running.port}"),
        *("--variable", f"GRPC={there.grpc_port}", "--variable", f"HEALTH={there.health_port}"),
        *arguments,
        said=steps,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["steps"]


def problems(steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {step["name"]: step["problems"] for step in steps if step["problems"]}


def test_an_app_that_works_passes_in_all_kinds(app: Apps) -> None:
    with deployed(app) as there:
        code, steps = smoked(there, STEPS)
    assert problems(steps) == {}
    assert code == 0
    assert [step["kind"] for step in steps] == KINDS


def test_an_app_that_is_down_fails_in_all_kinds_each_with_a_line() -> None:
    with deployed(Apps(*free_ports(2)), "--connect-timeout", "200ms") as there:
        code, steps = smoked(there, STEPS, "--timeout", "5s")
    assert code == 1
    assert [step["verdict"] for step in steps] == ["fail"] * 9 + ["pass"]
    told = problems(steps)
    assert told["GET /hello"][0].startswith("status is 503, not 2xx")
    assert told["websocket /ws"][0].startswith("the upgrade was answered with 503, not 101")
    assert told["sse /events"][0].startswith("status is 503, not 200")
    assert told["grpc drainproxy.Demo/Echo"][0].startswith("status is UNAVAILABLE, not OK")
    assert told["grpc health of 127.0.0.1:${HEALTH}"] == ["health is NOT_SERVING, not SERVING"]


def test_who_is_asked_again_passes_once_the_app_is_up() -> None:
    apps = Apps(*free_ports(2))
    retries = ("--retries", "500", "--retry-interval", "20ms")
    soon = ("--connect-timeout", "200ms")
    with deployed(apps, *soon) as there, ThreadPoolExecutor() as threads:
        asking = threads.submit(smoked, there, "- http: /hello\n", *retries)
        there.running.process.until(
            lambda: there.running.metric("drainproxy_app_connect_failures_total") > 0
        )
        with demo(apps):
            code, (step,) = asking.result()
    assert code == 0
    assert len(step["attempts"]) > 1


SLOW = """
- http: POST /echo?seconds=60
- http: /download?size=100000&seconds=600
- sse: /events
  expect: {events: 1000}
- websocket: {url: /ws, send: hello}
  expect: {messages: [hello, never]}
"""


def test_an_app_that_is_slow_fails_within_the_timeout_and_says_what_is_missing(app: Apps) -> None:
    with deployed(app) as there:
        code, steps = smoked(there, SLOW, "--timeout", "500ms")
        there.running.cut()
    assert code == 1
    assert all(0.5 <= step["seconds"] < 5 for step in steps)
    told = [step["problems"] for step in steps]
    assert told[0] == ["no answer within 0.5 s"]
    assert "bytes and no end within 0.5 s" in told[1][0]
    assert "of 1000 events came, and no further one within 0.5 s" in told[2][0]
    assert told[3] == ["open, but no message that holds 'never' within 0.5 s"]


@pytest.mark.parametrize(
    ("arguments", "phase"), [(ANNOUNCED, "announced"), (LEAVING, "leaving")], ids=lambda it: str(it)
)
def test_a_sidecar_that_drains_still_serves_who_comes(
    app: Apps, arguments: tuple[str, ...], phase: str
) -> None:
    with deployed(app, *arguments) as there:
        there.running.post("/drain")
        there.running.until_phase(phase)
        code, steps = smoked(there, STEPS, "--retries", "5", "--retry-interval", "100ms")
        there.running.cut()
    told = problems(steps)
    # Readiness, and with it health, is what a drain says first.
    health = told.pop("grpc health of 127.0.0.1:${HEALTH}")
    assert health == ["health is NOT_SERVING, not SERVING"]
    assert code == 1
    # Whoever comes while it leaves may be sent on as soon as that can be said.
    sent_on = {"websocket /ws", "sse /events", "sse /events?seconds=..."}
    assert told.keys() <= (sent_on if phase == "leaving" else set())


def test_a_websocket_hears_the_goodbye_of_a_drain(app: Apps) -> None:
    step = "- websocket: /ws\n  expect: {close-code: 1001}\n  timeout: 30s\n"
    quick = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", "20s")
    with (
        deployed(app, *quick, "--drain-spread", "0s") as there,
        ThreadPoolExecutor() as threads,
    ):
        asking = threads.submit(smoked, there, step)
        there.running.until_in_flight(websocket=1)
        there.running.post("/drain")
        code, steps = asking.result()
        there.running.until_phase("drained")
        refused, told = smoked(there, "- http: /hello\n")
    assert (code, problems(steps)) == (0, {})
    assert refused == 1
    assert told[0]["problems"] == [
        f"nothing listens at 127.0.0.1:{there.running.port}: connection refused"
    ]


SILENT = """
- http: /
- websocket: /
- sse: /
- grpc: {target: "127.0.0.1:${GRPC}", method: drainproxy.Demo/Echo}
"""


def test_an_app_that_takes_connections_and_never_answers_fails_in_time() -> None:
    (port,) = free_ports(1)
    listens = f"import socket, time; server = socket.create_server(('127.0.0.1', {port}))"
    # An app that never answers; it is killed at the end of the block.
    command = (sys.executable, "-c", f"{listens}; time.sleep(600)")
    silent = program(*command, ready=lambda: accepts(port))
    with silent, deployed(Apps(port, port)) as there:
        code, steps = smoked(there, SILENT, "--timeout", "500ms")
        there.running.cut()
    assert code == 1
    for step in steps:
        assert step["problems"][0].endswith("within 0.5 s"), step
        assert step["seconds"] < 5
