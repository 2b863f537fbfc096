"""Judges from outside whether the clients of injected pods come to the sidecar.

Nothing of the injector is used here: Services are resolved as the EndpointSlice controller does it,
and the sidecar is known by its arguments alone.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import yaml

_TEMPLATES = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        [
            *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"),
            *("Job", "Rollout"),
        ],
        ("spec", "template"),
    ),
}

Captured = Literal["names", "service rewrite", "redirect", "none"]


class Verdict(NamedTuple):
    """Of one workload: how many Services lead TCP to it, and what of that passes its sidecar by."""

    title: str
    services: int
    bypassed: list[str]
    has_sidecar: bool

    @property
    def is_effective(self) -> bool:
        """Whether all that comes by Services comes to the sidecar, and from it to the app."""
        return self.has_sidecar and not self.bypassed


def verdicts(before: str, after: str) -> list[Verdict]:
    """For each workload of an input, in order, as it was and as it is injected."""
    old, new = objects(before), objects(after)
    found = []
    for body in old:
        pod = pod_of(body)
        if pod is not None:
            injected = pod_of(same(body, new)) or {}
            found.append(_verdict(body, pod, injected, old, new))
    return found


def pods(text: str) -> dict[str, Any]:
    """The pods and templates in an input, by the names that verdicts have."""
    bodies = ((body, pod_of(body)) for body in objects(text))
    return {title(body): pod for body, pod in bodies if pod is not None}


def title(body: Any) -> str:
    name = body["metadata"].get("name") or body["metadata"].get("generateName")
    return f"{body['kind'].lower()}/{name}"


def _verdict(body: Any, pod: Any, injected: Any, old: list[Any], new: list[Any]) -> Verdict:
    sidecar = container(injected, "drainproxy")
    moved = "drainproxy.io/forward" in ((pod.get("metadata") or {}).get("annotations") or {})
    bypassed, services = [], 0
    for service in old:
        if not _selects(service, body, pod):
            continue
        ports = [port for port in service["spec"].get("ports") or [] if is_tcp(port)]
        leads = [port for port in ports if _resolve(pod, _target(port)) is not None]
        services += bool(leads)
        changed = same(service, new)["spec"]["ports"]
        for port in leads:
            now = next(each for each in changed if _key(each) == _key(port))
            real = _resolve(pod, _target(port))
            arrives = _resolve(injected, _target(now))
            ends = [*_behind(injected, arrives)] if sidecar else []
            if real not in ends and not (moved and ends):
                bypassed.append(f"{service['metadata']['name']} {port['port']}")
    return Verdict(title(body), services, bypassed, sidecar is not None)


def _behind(pod: Any, number: int | None) -> Iterator[int]:
    """The ports of the app to which the sidecar leads what arrives at a number."""
    annotations = pod["metadata"].get("annotations") or {}
    texts = annotations.get("drainproxy.io/forward", "").split()
    sidecar = container(pod, "drainproxy")
    texts += [arg.split("=", 1)[1] for arg in sidecar["args"] if arg.startswith("--forward=")]
    redirect = container(pod, "drainproxy-redirect")
    if redirect is not None:
        flags = dict(
            arg.removeprefix("--").split("=", 1) for arg in redirect["args"][2:] if "=" in arg
        )
        pairs = zip(flags["port"].split(","), flags["to"].split(","), strict=True)
        number = {int(port): int(to) for port, to in pairs}.get(number or 0)
    for text in texts:
        listen, _, app = text.partition("=")
        if int(listen.rpartition(":")[2]) == number:
            yield int(app.partition("/")[0].rpartition(":")[2])


def _resolve(pod: Any, target: int | str) -> int | None:
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    native = [
        each for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"
    ]
    for container in (*spec["containers"], *native):
        for port in container.get("ports") or []:
            if port.get("name") == target and is_tcp(port):
                return int(port["containerPort"])
    return None


def _target(port: Any) -> int | str:
    target: int | str = port.get("targetPort") or port["port"]
    return target


def _key(port: Any) -> tuple[object, ...]:
    return port.get("name"), port["port"], port.get("protocol")


def is_tcp(port: Any) -> bool:
    return port.get("protocol") in (None, "TCP")


def _selects(service: Any, body: Any, pod: Any) -> bool:
    if (service["kind"], service["apiVersion"]) != ("Service", "v1"):
        return False
    spec = service.get("spec") or {}
    selector = spec.get("selector") or {}
    if spec.get("type") == "ExternalName" or not selector or namespace(service) != namespace(body):
        return False
    labels = (pod.get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def container(pod: Any, name: str) -> Any:
    spec = (pod or {}).get("spec") or {}
    every = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((each for each in every if each.get("name") == name), None)


def pod_of(body: Any) -> Any:
    known = body.get("kind") in _TEMPLATES and not body["apiVersion"].startswith("extensions/")
    node = body if known else None
    for key in _TEMPLATES.get(body.get("kind"), ()):
        node = node.get(key) if isinstance(node, dict) else None
    has_containers = isinstance(node, dict) and (node.get("spec") or {}).get("containers")
    return node if has_containers else None


def same(body: Any, bodies: list[Any]) -> Any:
    def key(each: Any) -> tuple[object, ...]:
        metadata = each.get("metadata") or {}
        return each.get("apiVersion"), each.get("kind"), metadata.get("name"), namespace(each)

    return next(each for each in bodies if key(each) == key(body))


def namespace(body: Any) -> object:
    return (body.get("metadata") or {}).get("namespace")


def documents(text: str) -> Iterator[Any]:
    """What the text holds, as kubectl reads it."""
    # YAML forbids letters that JSON may have.
    if text.startswith("{"):
        return map(json.loads, text.split("\n---\n"))
    return iter(yaml.load_all(text, yaml.CSafeLoader))


@lru_cache(50)
def objects(text: str) -> list[Any]:
    """The objects in it and in its lists, which are not to be changed: all who ask get these."""
    return [each for document in documents(text) for each in _flat(document)]


def _flat(body: Any) -> Iterator[Any]:
    if not isinstance(body, dict):
        return
    if str(body.get("kind")).endswith("List") and isinstance(body.get("items"), list):
        for item in body["items"]:
            yield from _flat(item)
    elif body.get("kind") and body.get("apiVersion"):
        yield body
