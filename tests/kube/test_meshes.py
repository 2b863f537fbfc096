"""Service meshes beside our redirect."""

import pytest

from drainproxy.kube.meshes import meshed
from drainproxy.manifests.podspec import Json, read
from tests.kube.pods import injected, pod

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
    assert text.startswith(f"{mesh} redirects too ({sign}), and its rules win")
    assert len(text) < 244


def test_without_a_redirect_nobody_wins_anything() -> None:
    before = beside("istio-init")
    del before["metadata"]["annotations"]

    assert injected(before).warnings == []


def test_a_pod_that_wants_no_mesh_is_in_none() -> None:
    assert meshed(read(beside("init", annotations={"linkerd.io/inject": "disabled"}))) == {}
