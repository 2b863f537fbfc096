"""Whole inputs for tests: any workloads, and any Services and policies before them."""

import json
from typing import Any

from hypothesis import strategies as st

from drainproxy.manifests.podspec import Json
from tests.kube.pods import PORTS, pods

LABELS = [{"app": "web"}, {"app": "web", "tier": "front"}, {"tier": "front"}]
_targets = st.sampled_from([*PORTS, "nobody", *PORTS.values(), 7000, 4000, 53])
_maybe_namespace = st.sampled_from([{}, {}, {"namespace": "shop"}])


@st.composite
def inputs(draw: st.DrawFn) -> str:
    """Documents in JSON, one after the other."""
    bodies: list[Json] = [
        *(draw(_workloads(str(at))) for at in range(draw(st.integers(1, 3)))),
        *(draw(_services(str(at))) for at in range(draw(st.integers(0, 4)))),
        *(draw(_policies(str(at))) for at in range(draw(st.integers(0, 2)))),
        *draw(st.sampled_from([[], [], [_namespace("baseline")], [_namespace("privileged")]])),
    ]
    bodies = draw(st.permutations(bodies))
    if draw(st.booleans()):
        bodies = [{"apiVersion": "v1", "kind": "List", "items": bodies}]
    return "---\n".join(json.dumps(each, indent=2, ensure_ascii=False) + "\n" for each in bodies)


@st.composite
def _workloads(draw: st.DrawFn, name: str) -> Json:
    kind = draw(st.sampled_from(["Deployment", "Deployment", "StatefulSet", "Job"]))
    pod = draw(pods())
    pod["metadata"] = {**(pod.get("metadata") or {}), "labels": draw(st.sampled_from(LABELS))}
    if kind == "Job":
        pod["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": f"w{name}", **draw(_maybe_namespace)},
        "spec": {"template": pod},
    }


@st.composite
def _services(draw: st.DrawFn, name: str) -> Json:
    targets = draw(st.lists(_targets | st.none(), min_size=1, max_size=3))
    ports: list[Json] = []
    for at, target in enumerate(targets):
        number = draw(st.sampled_from([80, 8080, 50051])) + at
        port: Json = {"name": f"p{at}", "port": number}
        port |= {} if target is None else {"targetPort": target}
        port |= draw(st.sampled_from([{}, {}, {"protocol": "TCP"}, {"protocol": "UDP"}]))
        ports.append(port)
    spec: Json = {"selector": draw(st.sampled_from([*LABELS, {"app": "other"}])), "ports": ports}
    spec |= draw(st.sampled_from([{}, {}, {"clusterIP": "None"}, {"type": "ExternalName"}]))
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{name}"}, "spec": spec}


@st.composite
def _policies(draw: st.DrawFn, name: str) -> Json:
    ports = st.lists(st.fixed_dictionaries({"port": _targets}), max_size=2)
    selector = {"matchLabels": draw(st.sampled_from(LABELS))}
    spec: dict[str, Any] = {"podSelector": draw(st.sampled_from([{}, selector]))}
    if draw(st.booleans()):
        spec["ingress"] = [{"ports": draw(ports)}, {}][: draw(st.integers(0, 2))]
    if draw(st.booleans()):
        spec["egress"] = [{"to": [{"podSelector": selector}], "ports": draw(ports)}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"n{name}", **draw(_maybe_namespace)},
        "spec": spec,
    }


def _namespace(level: str) -> Json:
    labels = {"pod-security.kubernetes.io/enforce": level}
    metadata = {"name": "shop", "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
