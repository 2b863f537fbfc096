"""Whole inputs for tests: any workloads, and any Services and policies before them."""

import json
from typing import Any

from hypothesis import strategies as st

from drainproxy.manifests.podspec import Json
from tests.choices import Choices, choices
from tests.kube.pods import POD_CHOICES, PORTS, chosen_pod

LABELS = [{"app": "web"}, {"app": "web", "tier": "front"}, {"tier": "front"}]
_TARGETS = [*PORTS, "nobody", *PORTS.values(), 7000, 4000, 53]
_MAYBE_NAMESPACE: list[Json] = [{}, {}, {"namespace": "shop"}]
# Three pods, and what leads to them.
_CHOICES = 3 * POD_CHOICES + 160


def inputs() -> st.SearchStrategy[str]:
    """Documents in JSON, one after the other."""
    return choices(_CHOICES).map(_input)


def _input(choices: Choices) -> str:
    count, services, policies = choices.of((1, 2, 3)), choices.of(range(5)), choices.of(range(3))
    # What leads to pods is chosen first: who has many parts may use up what there is to choose.
    bodies: list[Json] = [
        *(_service(choices, str(at)) for at in range(services)),
        *(_policy(choices, str(at)) for at in range(policies)),
        *choices.of(([], [], [_namespace("baseline")], [_namespace("privileged")])),
    ]
    order = [choices.of(range(256)) for _ in range(len(bodies) + count)]
    is_list = choices.yes()
    bodies = [*(_workload(choices, str(at)) for at in range(count)), *bodies]
    bodies = [bodies[at] for at in sorted(range(len(bodies)), key=order.__getitem__)]
    if is_list:
        bodies = [{"apiVersion": "v1", "kind": "List", "items": bodies}]
    return "---\n".join(json.dumps(each, indent=2, ensure_ascii=False) + "\n" for each in bodies)


def _workload(choices: Choices, name: str) -> Json:
    kind = choices.of(["Deployment", "Deployment", "StatefulSet", "Job"])
    labels, namespace = choices.of(LABELS), choices.of(_MAYBE_NAMESPACE)
    pod = chosen_pod(choices)
    pod["metadata"] = {**(pod.get("metadata") or {}), "labels": labels}
    if kind == "Job":
        pod["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": f"w{name}", **namespace},
        "spec": {"template": pod},
    }


def _service(choices: Choices, name: str) -> Json:
    ports: list[Json] = []
    for at in range(choices.of((1, 2, 3))):
        port: Json = {"name": f"p{at}", "port": choices.of([80, 8080, 50051]) + at}
        target = choices.of([*_TARGETS, *[None] * 4])
        port |= {} if target is None else {"targetPort": target}
        port |= choices.of([{}, {}, {"protocol": "TCP"}, {"protocol": "UDP"}])
        ports.append(port)
    spec: Json = {"selector": choices.of([*LABELS, {"app": "other"}]), "ports": ports}
    spec |= choices.of([{}, {}, {"clusterIP": "None"}, {"type": "ExternalName"}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{name}"}, "spec": spec}


def _policy(choices: Choices, name: str) -> Json:
    def ports() -> list[Json]:
        return [{"port": choices.of(_TARGETS)} for _ in range(choices.of((0, 1, 2)))]

    selector = {"matchLabels": choices.of(LABELS)}
    spec: dict[str, Any] = {"podSelector": choices.of([{}, selector])}
    if choices.yes():
        spec["ingress"] = [{"ports": ports()}, {}][: choices.of((0, 1, 2))]
    if choices.yes():
        spec["egress"] = [{"to": [{"podSelector": selector}], "ports": ports()}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"n{name}", **choices.of(_MAYBE_NAMESPACE)},
        "spec": spec,
    }


def _namespace(level: str) -> Json:
    labels = {"pod-security.kubernetes.io/enforce": level}
    metadata = {"name": "shop", "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
