"""The ports of the sidecar, where a pod needs them for something else."""

import json
from typing import Any

import pytest

from drainproxy.config import ConfigError, Mistake
from drainproxy.kube.own_ports import OwnPorts, own_ports
from drainproxy.kube.service_targets import targets
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.services import services
from tests.kube.pods import injected, pod, sidecar

ADMIN, HEALTH = "drainproxy.io/admin", "drainproxy.io/grpc-health"
BY_NUMBER: Json = {"httpGet": {"path": "/", "port": 9180}}


def found(before: Json, defaults: dict[str, str] | None = None, *bodies: Json) -> OwnPorts:
    view = read(before)
    asked = {**(defaults or {}), **view.annotations}
    return own_ports(view, asked, view.annotations, [*targets(services(bodies))])


def service(target: int) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front"},
        "spec": {"ports": [{"port": 80, "targetPort": target}]},
    }


def test_a_pod_that_needs_none_of_them_moves_none() -> None:
    assert found(pod()) == OwnPorts({}, [], [])
    udp: Json = {"containerPort": 9180, "protocol": "UDP"}
    assert found(pod(udp)) == OwnPorts({}, [], [])
    assert found(pod(lifecycle={"preStop": BY_NUMBER})) == OwnPorts({}, [], []), "it is for us"


@pytest.mark.parametrize(
    ("before", "bodies", "why"),
    [
        (pod({"containerPort": 9180}), [], "is declared by web"),
        (pod(livenessProbe=BY_NUMBER), [], "is what a probe of web asks"),
        (pod(readinessProbe={"grpc": {"port": 9180}}), [], "is what a probe of web asks"),
        (pod(), [service(9180)], "is what Service front targets"),
        (pod(annotations={"drainproxy.io/forward": "9180=8080"}), [], "drainproxy.io/forward"),
        (pod(annotations={"drainproxy.io/forward": "7000=9180"}), [], "drainproxy.io/forward"),
        (pod(annotations={"drainproxy.io/ports": "9180/tcp"}), [], "drainproxy.io/ports"),
    ],
)
def test_the_admin_port_makes_way_for_the_app_and_that_is_told(
    before: Json, bodies: list[Json], why: str
) -> None:
    moved = found(before, {}, *bodies)

    assert (moved.moved, moved.mistakes) == ({ADMIN: "9179"}, [])
    (note,) = moved.notes
    assert why in note
    assert note.endswith("probes, metrics and drain are at 9179 in this pod")


def test_a_service_for_our_metrics_moves_nothing() -> None:
    ours = service(9180)
    ours["metadata"]["name"] = "drainproxy-metrics"

    assert found(pod(), {}, ours) == OwnPorts({}, [], [])


def test_a_service_that_leads_to_us_counts_as_what_it_was() -> None:
    changed = service(9181)
    record = {"version": "1", "changed": {"/spec/ports/port=80/targetPort": 9180}}
    changed["metadata"]["annotations"] = {"drainproxy.io/status": json.dumps(record)}

    assert found(pod(), {}, changed).moved == {ADMIN: "9179"}


def test_it_goes_to_a_port_that_is_free() -> None:
    busy: list[Json] = [{"containerPort": port} for port in (9180, 9179, 9178)]

    assert found(pod(*busy)).moved == {ADMIN: "9177"}
    assert found(pod({"containerPort": 1024}), {ADMIN: "1024"}).moved == {ADMIN: "1025"}


def test_the_two_ports_of_ours_make_way_for_each_other() -> None:
    assert found(pod(annotations={HEALTH: "9180"})).moved == {ADMIN: "9179"}
    both = found(pod({"containerPort": 9180}), {HEALTH: "9180"})
    assert both.moved == {HEALTH: "9179", ADMIN: "9178"}
    assert len(both.notes) == 2


def test_a_default_is_moved_and_what_the_pod_says_itself_is_a_mistake() -> None:
    busy: Json = {"containerPort": 9500}

    assert found(pod(busy), {ADMIN: "9500"}).moved == {ADMIN: "9499"}
    said = found(pod(busy, annotations={ADMIN: "9500"}))
    assert said.moved == {}
    assert said.mistakes == [
        Mistake(f"annotation {ADMIN}", "admin", "9500 is declared by web: two cannot listen there")
    ]
    assert found(pod(annotations={ADMIN: "9181"}, livenessProbe=BY_NUMBER)).mistakes == []


def test_what_cannot_be_read_is_told_by_others() -> None:
    wrong: dict[str, Any] = {ADMIN: "x", "drainproxy.io/forward": "y", "drainproxy.io/ports": "!"}

    assert found(pod(annotations=wrong)) == OwnPorts({}, [], [])


def test_everything_follows_the_port() -> None:
    done = injected(pod({"name": "http", "containerPort": 9180}))
    container = sidecar(done.pod)

    assert container["startupProbe"]["httpGet"]["port"] == 9179
    assert container["lifecycle"]["preStop"]["httpGet"]["port"] == 9179
    assert {"name": "drainproxy", "containerPort": 9179, "protocol": "TCP"} in container["ports"]
    assert "--forward=9181=9180" in container["args"]
    assert {"name": "DRAINPROXY_ADMIN", "value": "9179"} in container["env"]
    hook = done.pod["spec"]["containers"][0]["lifecycle"]["preStop"]
    assert hook["httpGet"]["port"] == 9179
    annotations = done.pod["metadata"]["annotations"]
    assert (annotations[ADMIN], annotations["prometheus.io/port"]) == ("9179", "9179")
    assert done.warnings == [
        "port 9180 is declared by web: probes, metrics and drain are at 9179 in this pod"
    ]


def test_a_mistake_stands_among_the_others() -> None:
    busy: Json = {"name": "http", "containerPort": 9500}
    with pytest.raises(ConfigError, match="9500 is declared by web"):
        injected(pod(busy, annotations={ADMIN: "9500"}))
