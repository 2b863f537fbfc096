"""The sidecar of a pod, as it is or will be: what its settings are, and how long hooks sleep."""

import pytest

from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.sidecar import WorkloadSidecar, asleep, sidecar_of
from drainproxy.rollout.check.workload import CheckedWorkload

NATIVE = "initContainers: [{name: drainproxy, restartPolicy: Always, ports: [{containerPort: 9181}]"


def workload(containers: str, annotations: str = "{}", more: str = "") -> CheckedWorkload:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n"
        f"    metadata: {{annotations: {annotations}}}\n"
        f"    spec:\n      {containers}\n      {more}\n"
    )
    (found,) = take_stock(read_objects("x", text)).workloads
    return found


def sidecar(containers: str, annotations: str = "{}", more: str = "") -> WorkloadSidecar:
    found = sidecar_of(workload(containers, annotations, more))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "containers",
    [
        "containers: [{name: drainproxy}]",
        "containers: [{name: proxy, image: 'registry.example:5000/edge/drainproxy:0.1.0'}]",
        "containers: [{name: proxy, image: drainproxy@sha256:00}]",
        "containers: [{name: proxy, image: drainproxy, command: [sh, -c, exec drainproxy run]}]",
        NATIVE + "}]",
    ],
)
def test_it_is_known_by_its_name_or_its_image(containers: str) -> None:
    assert sidecar(containers).container is not None


@pytest.mark.parametrize(
    "containers",
    [
        "containers: [{name: web, image: drainproxy-docs:1}]",
        "initContainers: [{name: drainproxy}]",
        "containers: [{name: gate, image: 'drainproxy:1', args: [gate, serve, --listen=8080]}]",
        "containers: [{name: drainproxy, args: [webhook, --cert=/tls.crt]}]",
        "containers: [{name: test, image: 'drainproxy:1', command: [drainproxy, smoke, 'http://w']}]",
    ],
)
def test_what_only_sounds_like_it_is_none(containers: str) -> None:
    assert sidecar_of(workload(containers)) is None


def test_what_else_its_image_runs_is_an_app() -> None:
    text = "containers: [{name: drainproxy, image: drainproxy, args: [%s]}]"
    for words in ("gate, serve", "status, --watch, --config, /etc/x.yaml"):
        assert [each.at("name").text for each in workload(text % words).containers]
    # An entrypoint may have said "run" before.
    for words in ("run, --forward=1=2", "--config, /etc/x.yaml", "--admin, '9180', --forward=1=2"):
        assert not workload(text % words).containers


def test_a_flag_beats_the_environment_and_that_an_annotation() -> None:
    annotations = "{drainproxy.io/drain-timeout: 10s}"
    env = "env: [{name: DRAINPROXY_DRAIN_TIMEOUT, value: 20s}]"

    assert sidecar(f"{NATIVE}}}]", annotations).drain_timeout == 10
    assert sidecar(f"{NATIVE}, {env}}}]", annotations).drain_timeout == 20
    for flag in ("--drain-timeout=30s", "--drain-timeout, 30s"):
        assert sidecar(f"{NATIVE}, {env}, args: [run, {flag}]}}]", annotations).drain_timeout == 30


def test_the_drain_follows_the_grace_period_where_the_injector_sets_it() -> None:
    grace, status = "terminationGracePeriodSeconds: 90", "{drainproxy.io/status: '{}'}"

    assert sidecar(f"{NATIVE}}}]", status, grace).drain_timeout == 85
    assert sidecar("containers: []", "{drainproxy.io/drain-delay: 3s}", grace).drain_timeout == 85
    assert sidecar(f"{NATIVE}}}]", more=grace).drain_timeout == 25, "by hand: the default"


def test_it_listens_at_its_ports_and_where_it_forwards_from() -> None:
    args = "args: [--forward=8080=9000, --forward, 50051=50052/http]"
    assert sidecar(f"{NATIVE}, {args}}}]").listens == {"9181", "8080", "50051"}
    assert sidecar("containers: []", "{drainproxy.io/forward: 80=81 443=444}").listens == {
        "80",
        "443",
    }


def test_a_native_sidecar_without_a_hook_waits_for_the_app() -> None:
    hook = "lifecycle: {preStop: {httpGet: {port: 9180}}}"
    assert sidecar(f"{NATIVE}}}]").waits_for_the_app
    assert not sidecar(f"{NATIVE}, {hook}}}]").waits_for_the_app
    assert not sidecar("containers: [{name: drainproxy}]").waits_for_the_app


@pytest.mark.parametrize(
    ("hook", "length"),
    [
        ("sleep: {seconds: 10}", 10),
        ("exec: {command: [sleep, '15']}", 15),
        ("exec: {command: [sh, -c, 'sleep 1.5m && nginx -s quit']}", 90),
        ("exec: {command: [sh, -c, 'sleep 5; touch /x; sleep 5s']}", 10),
        ("exec: {command: [/bin/quit]}", None),
        ("exec: {command: [sh, -c, 'for i in $(seq 40); do sleep 1; done']}", None),
        ("exec: {command: [sh, -c, 'while busy; do sleep 1; done']}", None),
        ("exec: {command: [timeout, '40', sleep, '100']}", None),
        ("exec: {command: [sh, -c, 'sleep 20 & sleep 20']}", None),
        ("exec: {command: [sh, -c, 'nginx -s quit 2>&1 && sleep 20']}", 20),
        ("httpGet: {path: /wait}", None),
    ],
)
def test_a_hook_sleeps_for_what_it_says(hook: str, length: float | None) -> None:
    found = workload(f"containers: [{{name: web, lifecycle: {{preStop: {{{hook}}}}}}}]")
    assert asleep(found.containers[0]) == length
