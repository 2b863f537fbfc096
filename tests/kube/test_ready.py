"""Which ports must answer before a pod is ready."""

import json

import pytest

from drainproxy.kube.ports import PortTakeover
from drainproxy.kube.ready import READY_PORTS, ready_ports
from drainproxy.kube.service_targets import targets
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.services import services

HTTP, GOSSIP, PROFILING = (
    PortTakeover(3000, 9181),
    PortTakeover(9094, 9182),
    PortTakeover(6060, 9183),
)
PORTS = [
    {"name": "http", "containerPort": 3000},
    {"name": "gossip", "containerPort": 9094},
    {"name": "profiling", "containerPort": 6060},
]


def needed(
    *aims: int | str,
    probes: dict[str, Json] | None = None,
    taken: tuple[PortTakeover, ...] = (),
    headless: bool = False,
) -> str | None:
    container = {"name": "app", "ports": PORTS, **(probes or {})}
    pod = read({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}})
    ports = [{"port": 80, "targetPort": target} for target in aims]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {
            "clusterIP": "None" if headless else None,
            "selector": {"a": "b"},
            "ports": ports,
        },
    }
    found = ready_ports(pod, taken or (HTTP, GOSSIP, PROFILING), [*targets(services([service]))])
    return found.get(READY_PORTS)


@pytest.mark.parametrize(
    ("targets", "ports"),
    [
        (["http"], "3000"),
        ([3000], "3000"),
        (["profiling", 3000], "3000,6060"),
        # All, or none that is known: nothing need be said.
        (["http", "gossip", "profiling"], None),
        ([], None),
        ([8080, "other"], None),
    ],
)
def test_what_a_service_targets_by_name_or_number_must_be_there(
    targets: list[int | str], ports: str | None
) -> None:
    assert needed(*targets) == ports


@pytest.mark.parametrize("kind", ["startupProbe", "readinessProbe", "livenessProbe"])
@pytest.mark.parametrize(
    "probe",
    [
        {"httpGet": {"path": "/", "port": "http"}},
        {"httpGet": {"path": "/", "port": 3000}},
        {"tcpSocket": {"port": 3000}},
        {"grpc": {"port": 3000}},
    ],
)
def test_what_a_probe_names_must_be_there_too(kind: str, probe: Json) -> None:
    assert needed(probes={kind: probe}) == "3000"
    assert needed(9094, probes={kind: probe}) == "3000,9094"


def test_what_only_a_headless_service_lists_may_never_be_there() -> None:
    assert needed(
        "http", 9094, 7001, headless=True, taken=(HTTP, GOSSIP, PortTakeover(7001, 9184))
    ) == ("3000,9094")
    assert needed("http", 7001, taken=(HTTP, GOSSIP, PortTakeover(7001, 9184))) == "3000,7001"


def test_a_probe_that_runs_a_command_names_no_port() -> None:
    assert needed(probes={"readinessProbe": {"exec": {"command": ["true"]}}}) is None


def test_only_ports_that_are_taken_over_count() -> None:
    assert needed("http", "gossip", taken=(GOSSIP, PROFILING)) == "9094"


def test_a_service_that_was_changed_to_lead_to_us_counts_as_what_it_was() -> None:
    record = {"version": "1", "changed": {"/spec/ports/port=80/targetPort": 3000}}
    changed = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "annotations": {"drainproxy.io/status": json.dumps(record)}},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": 9181}]},
    }
    pod = read({"spec": {"containers": [{"name": "app", "ports": PORTS}]}})

    assert ready_ports(pod, (HTTP, GOSSIP), [*targets(services([changed]))]) == {
        READY_PORTS: "3000"
    }
