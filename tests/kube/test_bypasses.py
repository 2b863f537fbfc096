"""Warnings about what leads clients past the sidecar."""

import pytest

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service
from tests.kube.pods import injected, pod
from tests.kube.test_capture import service
from tests.kube.test_warnings import LONGEST

HTTP: Json = {"name": "http", "containerPort": 8080}
BY_NAME = {"drainproxy.io/capture": "names"}
REDIRECT = {"drainproxy.io/capture": "redirect"}


def warnings(before: Json, *leading: Service, **fields: object) -> list[str]:
    found = injected(before, services=leading, **fields).warnings
    assert all(len(text) < LONGEST - len("drainproxy: ") for text in found), found
    return found


@pytest.mark.parametrize("target", ["http", 8080])
@pytest.mark.parametrize("annotations", [None, REDIRECT])
def test_what_is_captured_needs_no_warning(
    target: int | str, annotations: dict[str, str] | None
) -> None:
    assert warnings(pod(HTTP, annotations=annotations), service(target)) == []


def test_by_hand_a_service_that_targets_a_number_passes_names_by() -> None:
    assert warnings(pod(HTTP, annotations=BY_NAME), service(8080)) == [
        "Service web targets 8080, past the sidecar: let it target the name of a port, or set"
        " drainproxy.io/capture: redirect"
    ]


def test_a_port_without_a_name_is_told_where_names_alone_count() -> None:
    nameless: Json = {"containerPort": 9000}

    (text,) = warnings(pod(HTTP, nameless, annotations=BY_NAME))
    assert text.startswith("containerPort 9000 of web has no name")
    assert warnings(pod(HTTP, nameless), service("http")) == []
    assert warnings(pod(HTTP, nameless, annotations=REDIRECT)) == []


def test_of_ports_with_one_name_the_first_is_captured_and_the_others_are_told() -> None:
    """Names are unique in a container, and not in a pod; the EndpointSlice controller takes the
    first (FindPort in pkg/api/v1/pod of Kubernetes)."""
    beside = {"name": "exporter", "ports": [{**HTTP, "containerPort": 9090}]}
    before = pod(HTTP)
    before["spec"]["containers"].append(beside)
    done = injected(before, services=[service("http")])

    assert [(each.port, each.name) for each in done.ports] == [(8080, "http")]
    assert done.warnings == [
        "port 9090 is called http too, but Services that target http come to port 8080 alone, which"
        " the sidecar has taken over: name them differently, or set drainproxy.io/capture: redirect"
    ]
    assert "called http too" not in str(injected(before, services=[service("http", 9090)]).warnings)
    before["metadata"]["annotations"] = REDIRECT
    assert [each.port for each in injected(before).ports] == [8080, 9090]


def test_a_host_port_passes_the_sidecar_by() -> None:
    port: Json = {**HTTP, "hostPort": 80}

    (text,) = warnings(pod(port))
    assert text.startswith("hostPort 80 leads to web and bypasses the sidecar")
    assert warnings(pod(port, annotations=REDIRECT)) == []


def test_a_headless_service_of_many_ports_is_one_warning() -> None:
    peers = service(8080, 1, 2, 3, 4, 5, name="peers", headless=True)

    assert warnings(pod(HTTP), service("http"), peers) == [
        "Service peers is headless: clients that connect to the pods' IPs (ports 8080, 1, 2 and 3"
        " more) bypass the sidecar; set drainproxy.io/capture: redirect to drain them"
    ]
    (text,) = warnings(pod(HTTP, annotations=BY_NAME), service("http", headless=True))
    assert text.startswith("Service web is headless, past the sidecar: its clients connect to the")
    assert warnings(pod(HTTP, annotations=REDIRECT), peers) == []


def test_a_headless_service_at_the_port_of_the_sidecar_leads_to_it() -> None:
    before = pod(HTTP, annotations={"drainproxy.io/forward": "80=8080"})

    assert warnings(before, service(80, headless=True)) == []


def test_what_the_pod_did_not_choose_and_what_leads_nowhere_is_told() -> None:
    narrowed = pod(
        HTTP, {"name": "a", "containerPort": 1}, annotations={"drainproxy.io/ports": "a"}
    )

    assert warnings(narrowed, service("a", "http", "b")) == [
        "Service web targets http, which the sidecar has not taken over",
        "Service web targets b, which no container declares",
    ]
