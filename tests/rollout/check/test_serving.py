"""Which containers clients are led to, before and after a sidecar is put in."""

import pytest

from drainproxy.kube.batch import inject_all
from drainproxy.rollout.check.serving import ends_after_a_wait, serving_containers
from drainproxy.rollout.check.workload import CheckedWorkload
from tests.kube.pods import options

from .changes import FOLDER, GOOD, checked
from .test_relations import only, service, stock

HTTP, METRICS = (
    "ports: [{name: http, containerPort: 8080}]",
    "ports: [{name: metrics, containerPort: 9}]",
)
OURS = (
    "name: drainproxy, restartPolicy: Always, args: [run, --forward=9181=8080],"
    " ports: [{name: http, containerPort: 9181}]"
)


def workload(target: str, containers: str, native: str = "") -> CheckedWorkload:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n"
        "  template:\n    metadata: {labels: {app: web}}\n    spec:\n"
        f"      containers: [{containers}]\n      initContainers: [{native}]\n"
    )
    return only(stock(text, service("{app: web}").replace("port: 80", f"port: 80, {target}")))


@pytest.mark.parametrize(
    ("target", "containers", "native", "serving"),
    [
        ("targetPort: http", f"{{name: a}}, {{name: b, {HTTP}}}", "", ["b"]),
        ("targetPort: 8080", f"{{name: a}}, {{name: b, {HTTP}}}", "", ["b"]),
        # What is behind our sidecar, by the port that it forwards to.
        ("targetPort: http", f"{{name: m, {METRICS}}}, {{name: a}}", f"{{{OURS}}}", ["a"]),
        (
            "targetPort: http",
            f"{{name: m, {METRICS}}}, {{name: a, ports: [{{containerPort: 8080}}]}}",
            f"{{{OURS}}}",
            ["a"],
        ),
        ("targetPort: 9181", f"{{name: b}}, {{name: a, {HTTP}}}", f"{{{OURS}}}", ["a"]),
        # A number that nobody declares, beside an exporter; a name that nobody has.
        ("targetPort: 80", f"{{name: a}}, {{name: m, {METRICS}}}", "", ["a"]),
        ("targetPort: 80", f"{{name: b, {HTTP}}}, {{name: a}}", "", ["a"]),
        ("targetPort: 80", f"{{name: a, {HTTP}}}, {{name: b, {HTTP}}}", "", ["a", "b"]),
        ("targetPort: web", f"{{name: b}}, {{name: a, {HTTP}}}", "", ["a"]),
        ("targetPort: web", f"{{name: m, {METRICS}}}", "", ["m"]),
        # A native sidecar of the app's own, and one of somebody else.
        ("targetPort: http", "{name: a}", f"{{name: own, restartPolicy: Always, {HTTP}}}", ["own"]),
        ("targetPort: http", f"{{name: istio-proxy, {HTTP}}}, {{name: a}}", "", ["a"]),
    ],
)
def test_clients_come_to_the_container_that_the_port_leads_to(
    target: str, containers: str, native: str, serving: list[str]
) -> None:
    found = serving_containers(workload(target, containers, native))
    assert [each.at("name").text for each in found] == serving


def test_what_listens_behind_the_sidecar_at_a_socket_has_no_port() -> None:
    unix = OURS.replace("=8080", "=unix:/run/app")
    found = serving_containers(workload("targetPort: http", f"{{name: a, {HTTP}}}", f"{{{unix}}}"))
    assert [each.at("name").text for each in found] == ["a"]


def test_two_ports_of_a_container_are_one_container() -> None:
    found = workload("targetPort: http}, {port: 81, targetPort: 8080", f"{{name: a, {HTTP}}}")
    assert len(serving_containers(found)) == 1


def test_a_native_sidecar_ends_after_the_hooks_of_the_app() -> None:
    hook, native = "lifecycle: {preStop: {sleep: {seconds: 9}}}", "name: own, restartPolicy: Always"
    for containers, waits in (("{name: a}", False), (f"{{name: a, {hook}}}", True)):
        found = workload("targetPort: http", containers, f"{{{native}, {HTTP}}}")
        (container,) = serving_containers(found)
        assert ends_after_a_wait(found, container) is waits


# What does not depend on how long the drain takes, which needs its time beside sleeping hooks.
SERVING = {
    "readiness-probe-missing",
    "liveness-probe-missing",
    "probes-identical",
    "probe-port-unknown",
    "prestop-missing-behind-service",
    "service-port-unknown",
    "service-bypasses-sidecar",
    "requests-missing",
}


@pytest.mark.parametrize("file", GOOD)
def test_what_serves_is_found_as_good_behind_a_sidecar(file: str) -> None:
    done = inject_all({file: (FOLDER / file).read_text()}, options(), None).text
    assert [each for each in checked(done).findings if each.rule in SERVING] == []


def test_an_exporter_beside_the_app_is_not_asked_for_what_serves() -> None:
    requests = "resources: {requests: {cpu: 1, memory: 1}}"
    exporter = f"- {{name: exporter, image: 'exporter:1', {METRICS}, {requests}}}"
    first = "      - name: web\n        image: reg"
    text = (FOLDER / "web.yaml").read_text()
    assert text.count(first) == 1
    text = text.replace(first, f"      {exporter}\n{first}")
    done = inject_all({"web.yaml": text}, options(), None).text
    for each in (text, done):
        assert [found for found in checked(each).findings if found.rule in SERVING] == []
