"""Kinds that are not injected, and whether they make pods."""

import pytest

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.templates import bare_list, half_named, makes_pods, reason, title

POD: Json = {"spec": {"containers": [{"name": "a", "image": "i"}]}}


def body(api: str, kind: str, **fields: object) -> Json:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, **fields}


@pytest.mark.parametrize(
    ("found", "makes"),
    [
        (body("serving.knative.dev/v1", "Service", spec={"template": POD}), True),
        (
            body(
                "leaderworkerset.x-k8s.io/v1",
                "LeaderWorkerSet",
                spec={"leaderWorkerTemplate": {"workerTemplate": POD}},
            ),
            True,
        ),
        (body("argoproj.io/v1alpha1", "Workflow", spec={"container": {"image": "i"}}), True),
        (body("a.example/v1", "Many", spec=[{"pods": [POD]}]), True),
        # Operators let people change single fields of their containers.
        (body("a.example/v1", "Odd", spec={"containers": [{"name": "a"}]}), False),
        (body("a.example/v1", "Odd", spec={"containers": "three"}), False),
        (body("kyverno.io/v1", "ClusterPolicy", spec={"pattern": POD}), False),
        (body("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec=POD), False),
        (body("v1", "ConfigMap", data={"containers": "[]"}), False),
        (body("a.example/v1", "Odd", spec=POD), True),
        ({"kind": "Odd", "spec": POD}, False),
        ({"apiVersion": "a.example/v1", "spec": POD}, False),
        ({"on": "push", "jobs": {"build": {"container": {"image": "node:18"}}}}, False),
    ],
)
def test_a_pod_template_is_found_wherever_it_stands(found: Json, makes: bool) -> None:
    assert makes_pods(found) == makes


def test_aliases_that_lead_back_or_multiply_cost_nothing() -> None:
    node: Json = {}
    node["self"] = [node]
    for _ in range(50):
        node = {"a": node, "b": node}

    assert not makes_pods(body("a.example/v1", "Bomb", spec=node))


def test_it_is_named_as_kubectl_does_with_what_would_be_right() -> None:
    old = body("extensions/v1beta1", "Deployment")
    ray = body("ray.io/v1", "RayService", metadata={"generateName": "ray-"})

    assert title(old) == "deployment.extensions/x"
    assert reason(old) == "clusters of today do not know extensions/v1beta1: make it apps/v1"
    assert title(ray) == "rayservice.ray.io/ray-"
    assert "label its pods drainproxy.io/inject=true" in reason(ray)
    assert title({}) == "?/?"
    assert "Knative" in reason(body("serving.knative.dev/v1", "Service"))
    analysis = reason(body("argoproj.io/v1alpha1", "AnalysisTemplate"))
    assert analysis.startswith("an AnalysisTemplate of argoproj.io cannot be injected: its pods")
    assert "helm template" in reason(body("helm.toolkit.fluxcd.io/v2", "HelmRelease"))
    assert "argocd app manifests" in reason(body("argoproj.io/v1alpha1", "Application"))
    assert "oc process" in reason(body("template.openshift.io/v1", "Template"))


def test_an_object_that_says_half_of_what_it_is_is_told_the_other_half() -> None:
    named: Json = {"metadata": {"name": "web"}}
    assert half_named({"apiVersion": "v1", **named}).endswith("but no kind")
    assert half_named({"kind": "Pod", **named}).endswith("but no apiVersion")
    for empty in (None, "", 1, ["Pod"]):
        assert half_named({"apiVersion": "v1", "kind": empty, **named}).endswith("no text in kind")
    assert half_named(dict.fromkeys(("apiVersion", "kind")) | named).endswith("apiVersion and kind")


def test_a_document_may_not_be_a_list_of_objects() -> None:
    assert "kind List" in bare_list([None, {"op": "add"}, body("v1", "Pod")])
    assert bare_list([{"op": "add"}, {"kind": "x"}, [body("v1", "Pod")], "text"]) == ""
    assert bare_list(body("v1", "Pod")) == bare_list("text") == ""


@pytest.mark.parametrize(
    "other",
    [
        body("v1", "Pod"),
        # Chart.yaml, a pipeline of Drone, values of Helm, a workflow.
        {"apiVersion": "v2", "name": "web", "version": "1.0.0"},
        {"kind": "pipeline", "type": "docker", "name": "default"},
        {"metadata": {"name": "web"}, "image": "web:1"},
        {"kind": "pipeline", "metadata": {"labels": {}}},
        {"kind": "pipeline", "metadata": "web"},
        {},
    ],
)
def test_a_file_of_another_tool_is_no_object(other: Json) -> None:
    assert half_named(other) == ""
