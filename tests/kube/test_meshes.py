"""Service meshes beside our redirect."""

import pytest

from drainproxy.kube.meshes import is_of_mesh, meshed
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.services import Service
from tests.kube.pods import injected, pod
from tests.kube.test_capture import service

REDIRECT = {"drainproxy.io/capture": "redirect"}


def beside(*names: str, init: bool = True, **metadata: dict[str, str]) -> Json:
    """A pod with these containers of others."""
    before = pod(annotations={**REDIRECT, **metadata.get("annotations", {})})
    before["metadata"]["labels"] |= metadata.get("labels", {})
    group = before["spec"].setdefault("initContainers" if init else "containers", [])
    group += [{"name": name, "image": "mesh:1"} for name in names]
    return before


@pytest.mark.parametrize(
    ("before", "mesh", "sign"),
    [
        (beside("istio-init"), "Istio", "istio-init"),
        (beside("istio-validation", "istio-proxy"), "Istio", "istio-validation"),
        (beside("istio-proxy", init=False), "Istio", "istio-proxy"),
        (beside("linkerd-init", "linkerd-proxy"), "Linkerd", "linkerd-init"),
        (beside("kuma-init"), "Kuma", "kuma-init"),
        (
            beside(labels={"sidecar.istio.io/inject": "true"}),
            *("Istio", "sidecar.istio.io/inject"),
        ),
        (beside(annotations={"linkerd.io/inject": "enabled"}), "Linkerd", "linkerd.io/inject"),
    ],
)
def test_a_mesh_is_known_by_its_containers_or_by_what_asks_for_them(
    before: Json, mesh: str, sign: str
) -> None:
    assert meshed(read(before)) == {mesh: sign}
    (text,) = injected(before).warnings
    assert text.startswith(f"{mesh} redirects too ({sign}), and its rules apply first")
    assert len(text) < 244


def ports(pod: Json, *found: Service) -> list[int]:
    """Which the sidecar takes over."""
    return [each.port for each in injected(pod, services=found).ports]


@pytest.mark.parametrize("capture", ["auto", "redirect"])
def test_the_ports_of_its_proxy_are_taken_over_only_where_a_service_leads(capture: str) -> None:
    before = pod(annotations={"drainproxy.io/capture": capture})
    admin = {"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"}
    before["spec"]["containers"].append({"name": "istio-proxy", "image": "m", "ports": [admin]})

    assert ports(before) == [8080]
    assert ports(before, service("http")) == [8080]
    assert ports(before, service("http", "http-envoy-prom")) == [8080, 15090]


def test_the_port_of_a_proxy_that_somebody_names_is_taken_over() -> None:
    before = pod(annotations={"drainproxy.io/ports": "http,dapr-http"})
    port = {"name": "dapr-http", "containerPort": 3500}
    before["spec"]["containers"].append({"name": "daprd", "image": "m", "ports": [port]})

    assert ports(before) == [8080, 3500]


def test_without_a_redirect_nobody_wins_anything() -> None:
    before = beside("istio-init")
    del before["metadata"]["annotations"]

    assert injected(before).warnings == []


def test_a_pod_that_wants_no_mesh_is_in_none() -> None:
    assert meshed(read(beside("init", annotations={"linkerd.io/inject": "disabled"}))) == {}


@pytest.mark.parametrize("name", ["istio-proxy", "linkerd-proxy", "consul-dataplane", "daprd"])
def test_its_proxy_is_known_by_its_name(name: str) -> None:
    assert is_of_mesh(name)
    assert not is_of_mesh(f"my-{name}")
