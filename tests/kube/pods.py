"""Pods for tests: one that a person would write, and any that the API server would take."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import permutations
from typing import Any

import kubernetes_validate
from hypothesis import strategies as st

from drainproxy.kube.inject import Injected, inject
from drainproxy.kube.leads import Around
from drainproxy.kube.plan import Options
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service
from tests.choices import Choices, choices

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()
TOKEN = "the-token"
IMAGE = "registry.example/drainproxy:1"

# Ports that have names of their own, with which probes refer to them.
PORTS = {"http": 8080, "grpc": 50051, "mysql": 3306, "admin": 8081, "app-http": 9181, "own": 9180}


def options(services: Sequence[Service] | None = None, **fields: Any) -> Options:
    """Options with a token and an image of their own; Services that select the pod are changed."""
    around = Around(services=services, objection=lambda *_: "")
    usual = {"new_token": lambda: TOKEN, "image": IMAGE, "around": around}
    return Options(**{**usual, **fields})


def pod(*ports: Json, annotations: dict[str, str] | None = None, **container: Any) -> Json:
    """A pod of one container, `web`, with an HTTP port unless others are given."""
    ports = ports or ({"name": "http", "containerPort": 8080},)
    metadata = {"labels": {"app": "web"}} | ({"annotations": annotations} if annotations else {})
    web = {"name": "web", "image": "web:1", "ports": [*ports], **container}
    return {"metadata": deepcopy(metadata), "spec": {"containers": [deepcopy(web)]}}


def injected(pod: Json, **fields: Any) -> Injected:
    """The pod with its sidecar, which it must get."""
    done = inject(pod, options(**fields))
    assert isinstance(done, Injected), done
    return done


def sidecar(pod: Json) -> Json:
    """The sidecar in a pod."""
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or []), *spec["containers"]]
    (found,) = (each for each in every if each["name"] == "drainproxy")
    return dict(found)


def validate(template: Json, version: str) -> None:
    """Raises if a cluster of this version would not take a pod like this."""
    metadata = {"name": "web", **(template.get("metadata") or {})}
    whole = {**template, "apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    kubernetes_validate.validate(whole, version, strict=True)


def _sparse(choices: Choices, fields: dict[str, Callable[[], Any]]) -> Json:
    """A map in which each field may be missing, or null, as an empty key in YAML is."""
    found: Json = {}
    for key, make in fields.items():
        kind = choices.of(("missing", "missing", "null", "value"))
        if kind != "missing":
            found[key] = None if kind == "null" else make()
    return found


_PORT_REFS = [*sorted(PORTS), *sorted(PORTS.values())]
_NAMES = [
    [*names] for count in (1, 2, 3) for names in permutations(["web", "worker", "proxy"], count)
]
_OURS = {
    "drainproxy.io/drain-delay": ["0s", "5s", "1m"],
    "drainproxy.io/drain-timeout": ["1s", "40s", "10m"],
    "drainproxy.io/native-sidecar": ["true", "false"],
    "drainproxy.io/capture": ["auto", "names", "redirect"],
    "drainproxy.io/raise-grace-period": ["true", "false"],
    "drainproxy.io/replace-prestop-sleep": ["true", "false"],
    "drainproxy.io/websocket-close-reason": [],
    "drainproxy.io/cpu-limit": ["1", "20m"],
    "drainproxy.io/run-as-user": ["image", "1000"],
    "prometheus.io/port": ["9100"],
    "example.com/note": [],
}


def _action(choices: Choices, *kinds: str) -> Json:
    """What a probe or a hook does."""
    kind = choices.of(kinds)
    if kind == "exec":
        return {kind: {"command": ["sh", "-c", "sleep 5"]}}
    if kind == "grpc":
        return {kind: {"port": 50051}}
    at = {"port": choices.of(_PORT_REFS)}
    return {kind: {"path": "/", **at} if kind == "httpGet" else at}


def _containers(choices: Choices) -> list[Json]:
    """One to three containers that share the named ports, and have ports without names."""
    names = choices.of(_NAMES)
    spread = {name: choices.of(names) for name in PORTS}
    # Many pods have none, and are skipped, or a few.
    chosen = choices.some(choices.of([[], sorted(PORTS)[:2], sorted(PORTS)]))
    has_more = choices.of([False, False, True])
    containers: list[Json] = []

    def probe() -> Json:
        return _action(choices, "httpGet", "tcpSocket", "exec", "grpc")

    def hook() -> Json:
        return _action(choices, "httpGet", "exec")

    for name in names:
        ports: list[Json] = [
            {"name": port, "containerPort": PORTS[port], "protocol": "TCP"}
            for port in chosen
            if spread[port] == name
        ]
        if has_more and choices.yes():
            ports.append({"containerPort": 7000 + len(containers)})
        if choices.yes():
            ports.append({"name": f"dns-{len(containers)}", "containerPort": 53, "protocol": "UDP"})
        fields = _sparse(
            choices,
            {
                **dict.fromkeys(["livenessProbe", "readinessProbe", "startupProbe"], probe),
                "lifecycle": lambda: _sparse(choices, {"preStop": hook, "postStart": hook}),
                "env": lambda: [{"name": "A", "value": "b"}],
            },
        )
        containers.append({"name": name, "image": "i", "ports": ports, **fields})
    return containers


def chosen_pod(choices: Choices) -> Json:
    """Any pod, injectable or not."""

    def annotations() -> Json:
        keys = choices.some([*_OURS])
        return {key: choices.of(_OURS[key]) if _OURS[key] else choices.text() for key in keys}

    metadata = {"labels": lambda: {"app": "web"}, "annotations": annotations}
    spec: dict[str, Callable[[], Any]] = {
        "initContainers": lambda: choices.some([{"name": "migrate", "image": "m"}]),
        "volumes": lambda: choices.some([{"name": "data", "emptyDir": {}}]),
        "terminationGracePeriodSeconds": lambda: choices.of((0, 1, 5, 30, 31, 60, 600, 700)),
        "hostNetwork": lambda: False,
        "securityContext": lambda: choices.of(({}, {"runAsUser": 0}, {"runAsUser": 1000})).copy(),
    }
    found: Json = {}
    if choices.yes():
        found["metadata"] = _sparse(choices, metadata) if choices.yes() else None
    return {**found, "spec": {"containers": _containers(choices), **_sparse(choices, spec)}}


# More than most pods take; where all have been made, the first of all are chosen.
POD_CHOICES = 160


def pods() -> st.SearchStrategy[Json]:
    """Any pod, injectable or not."""
    return choices(POD_CHOICES).map(chosen_pod)
