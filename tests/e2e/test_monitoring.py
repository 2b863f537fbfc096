"""Every query of the dashboard and of the rules finds data in a real Prometheus."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep, time

import pytest

from drainproxy.rehearsal.ports import free_ports
from drainproxy.rollout.gate.budget import budget_queries
from drainproxy.rollout.smoke.reading import SmokeOptions, read_test
from drainproxy.rollout.smoke.run import run
from drainproxy.rollout.smoke.talk import talk
from drainproxy.sidecar.metrics import METRICS
from tests.deploy.dashboard import queries
from tests.deploy.monitoring import FOLDER
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import get_once
from tests.e2e.process import accepts, sidecar, started
from tests.e2e.programs import tool
from tests.e2e.prometheus import Prometheus, prometheus
from tests.rollout.smoke.talk.asked import Nobody

LOAD = """
- http: /hello
- http: {url: /echo, method: POST, body: text}
- websocket: {url: /ws, send: hello}
  expect: {messages: hello}
- sse: /events?seconds=0.4
  expect: {ends: true}
- grpc: {target: "127.0.0.1:${GRPC}", method: drainproxy.Demo/Echo, message: hello}
# What the sidecar turns away.
- http: {url: /hello, headers: {Content-Length: [1, 2]}}
"""
# What a drain says goodbye to, and what it cuts.
HELD = "[{websocket: /ws, expect: {close-code: 1001}}]"
ENDLESS = "[{http: '/download?size=65536&seconds=600'}]"
DRAIN = ("--drain-delay", "3s", "--drain-quiet", "0s", "--drain-timeout", "7s")
VERSIONS = ("pod_template_hash", "rollouts_pod_template_hash", "app_kubernetes_io_version")
RATE = "5s"
# Between two rounds of the load, and between two looks at all that is not answered yet: half of
# what Prometheus takes between two scrapes.
PACE = 0.25


@contextmanager
def watched(folder: Path, admins: dict[str, int]) -> Iterator[Prometheus]:
    """By a Prometheus that scrapes these pods and evaluates our rules, both often."""
    recording, alerts = folder / "recording.yaml", folder / "alerts.yaml"
    text = (FOLDER / recording.name).read_text()
    recording.write_text(text.replace("interval: 30s", "interval: 1s"))
    alerts.write_text((FOLDER / alerts.name).read_text())
    targets = {
        admin: {
            "namespace": "shop",
            "pod": pod,
            "app": "web",
            "pod_template_hash": pod,
            "rollouts_pod_template_hash": pod,
            "app_kubernetes_io_version": pod,
        }
        for pod, admin in admins.items()
    }
    with prometheus(folder, targets, 0.5, (recording, alerts)) as running:
        yield running


def load(text: str, port: int, grpc_port: int) -> None:
    """Ask for all of it once; what becomes of it is for the metrics to say."""
    given = SmokeOptions(url=f"http://127.0.0.1:{port}", timeout=20.0)
    test = read_test("load", text, given, {}, {"GRPC": str(grpc_port)})
    asyncio.run(run(test, talk, Nobody()))


@contextmanager
def loaded(*work: tuple[str, int, int], once: bool = False) -> Iterator[None]:
    """Ask for these, again and again unless once, until the end of the block."""
    over = threading.Event()

    def ask(text: str, port: int, grpc_port: int) -> None:
        load(text, port, grpc_port)
        while not (once or over.wait(PACE)):
            load(text, port, grpc_port)

    threads = [threading.Thread(target=ask, args=each) for each in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def asked() -> dict[str, str]:
    """Every query by its name, with the values that Grafana would put into it."""
    values = {"$namespace": ".*", "$pod": ".*", "$__rate_interval": RATE}
    found = {}
    for title, texts in queries().items():
        for number, text in enumerate(texts):
            for version in VERSIONS if "$version" in text else ("",):
                query = text.replace("$version", version)
                for variable, value in values.items():
                    query = query.replace(variable, value)
                found[f"{title} {number} {version}"] = query
    return found


def is_there_yet(query: str) -> bool:
    """Not every sidecar counts what bypasses it."""
    named = "drainproxy_bypassed_connections"
    return named not in query or named in {metric.name for metric in METRICS}


@pytest.mark.timeout(120)
def test_each_query_of_the_dashboard_finds_data_in_a_mixed_load_with_a_drain(
    tmp_path: Path,
) -> None:
    began = time()
    app, grpc_app, grpc_1, grpc_2 = free_ports(4)
    demo = ("drainproxy.rehearsal.app", "--port", str(app), "--grpc-port", str(grpc_app))
    with ExitStack() as stack:
        stack.enter_context(started(*demo, ready=lambda: accepts(app)))
        first, second = (
            stack.enter_context(
                sidecar(
                    *(f"127.0.0.1:{app}", "--forward", f"127.0.0.1:{port}=127.0.0.1:{grpc_app}"),
                    *DRAIN,
                )
            )
            for port in (grpc_1, grpc_2)
        )
        admins = {"web-1": first.admin, "web-2": second.admin}
        there = stack.enter_context(watched(tmp_path, admins))
        unanswered = {name: query for name, query in asked().items() if is_there_yet(query)}
        unanswered |= budget_queries("drainproxy", "web")
        # The alert about what the drain will cut.
        unanswered["alert"] = 'ALERTS{alertname="DrainproxyDrainCut", pod="web-1"}'
        stack.enter_context(loaded((LOAD, second.port, grpc_2)))
        with loaded((HELD, first.port, 0), (ENDLESS, first.port, 0), once=True):
            first.until_in_flight(websocket=1, http1=1)
            with loaded((LOAD, first.port, grpc_1)):
                seen = 'drainproxy_in_flight{pod="web-1"} > 0'
                first.process.until(lambda: there.ever(seen, began))
            first.post("/drain")
            first.until_phase("drained")

        def all_answered() -> bool:
            for name, query in [*unanswered.items()]:
                if there.ever(query, began):
                    del unanswered[name]
            if unanswered:
                sleep(PACE)
            return not unanswered

        try:
            second.process.until(all_answered, seconds=40)
        except AssertionError as error:
            raise AssertionError(f"nothing is known of {unanswered}") from error


def test_prometheus_has_nothing_to_say_about_the_metrics(demo_app: DemoApp) -> None:
    promtool = tool("promtool")
    with sidecar(demo_app.address) as running:
        get_once(running.port)
        _, text = running.get("/metrics")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
