"""Pods for tests: one that a person would write, and any that the API server would take."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import kubernetes_validate
from hypothesis import strategies as st

from drainproxy.kube.inject import Injected, inject
from drainproxy.kube.leads import Around
from drainproxy.kube.plan import Options
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service

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


def _sparse(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    """Maps in which each field may be missing, or null, as an empty key in YAML is."""
    nullable = {key: st.none() | strategy for key, strategy in fields.items()}
    return st.fixed_dictionaries({}, optional=nullable)


def _exactly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(fields)


_port_refs = st.sampled_from(sorted(PORTS)) | st.sampled_from(sorted(PORTS.values()))
_commands = _exactly(exec=st.just({"command": ["sh", "-c", "sleep 5"]}))
_sockets = _exactly(tcpSocket=_exactly(port=_port_refs))
_gets = _exactly(httpGet=_exactly(path=st.just("/"), port=_port_refs))
_probes = st.one_of(_gets, _sockets, _commands, _exactly(grpc=st.just({"port": 50051})))
_hooks = _sparse({"preStop": _gets | _commands, "postStart": _gets | _commands})
_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
_ours = {
    "drainproxy.io/drain-delay": st.sampled_from(["0s", "5s", "1m"]),
    "drainproxy.io/drain-timeout": st.sampled_from(["1s", "40s", "10m"]),
    "drainproxy.io/native-sidecar": st.sampled_from(["true", "false"]),
    "drainproxy.io/capture": st.sampled_from(["auto", "names", "redirect"]),
    "drainproxy.io/raise-grace-period": st.sampled_from(["true", "false"]),
    "drainproxy.io/replace-prestop-sleep": st.sampled_from(["true", "false"]),
    "drainproxy.io/websocket-close-reason": _text,
    "drainproxy.io/cpu-limit": st.sampled_from(["1", "20m"]),
    "drainproxy.io/run-as-user": st.sampled_from(["image", "1000"]),
    "prometheus.io/port": st.just("9100"),
    "example.com/note": _text,
}


@st.composite
def _containers(draw: st.DrawFn) -> list[Json]:
    """One to three containers that share the named ports, and have ports without names."""
    names = draw(st.lists(st.sampled_from(["web", "worker", "proxy"]), min_size=1, unique=True))
    spread = draw(st.fixed_dictionaries({name: st.sampled_from(names) for name in PORTS}))
    chosen = draw(st.sets(st.sampled_from(sorted(PORTS))))
    containers: list[Json] = []
    for name in names:
        ports: list[Json] = [
            {"name": port, "containerPort": PORTS[port], "protocol": "TCP"}
            for port in sorted(chosen)
            if spread[port] == name
        ]
        if draw(st.booleans()):
            ports.append({"containerPort": 7000 + len(containers)})
        if draw(st.booleans()):
            ports.append({"name": f"dns-{len(containers)}", "containerPort": 53, "protocol": "UDP"})
        fields = draw(
            _sparse(
                {
                    "livenessProbe": _probes,
                    "readinessProbe": _probes,
                    "startupProbe": _probes,
                    "lifecycle": _hooks,
                    "env": st.just([{"name": "A", "value": "b"}]),
                }
            )
        )
        containers.append({"name": name, "image": "i", "ports": ports, **fields})
    return containers


@st.composite
def pods(draw: st.DrawFn) -> Json:
    """Any pod, injectable or not."""
    metadata = _sparse(
        {
            "labels": st.just({"app": "web"}),
            "annotations": st.fixed_dictionaries({}, optional=_ours),
        }
    )
    spec = _sparse(
        {
            "initContainers": st.lists(st.just({"name": "migrate", "image": "m"}), max_size=1),
            "volumes": st.lists(st.just({"name": "data", "emptyDir": {}}), max_size=1),
            "terminationGracePeriodSeconds": st.integers(0, 700),
            "hostNetwork": st.just(False),
            "securityContext": st.sampled_from([{}, {"runAsUser": 0}, {"runAsUser": 1000}]),
        }
    )
    found: Json = {} if draw(st.booleans()) else {"metadata": draw(st.none() | metadata)}
    return {**found, "spec": {"containers": draw(_containers()), **draw(spec)}}
