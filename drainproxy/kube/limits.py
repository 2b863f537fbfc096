"""Limits on the size of a pod: no sensible pod is beyond them, and editing one would take too long.
A pod beyond a limit is not changed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from drainproxy.config.addresses import MOST_FORWARDS
from drainproxy.config.mistakes import shortened
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service

from .annotations import STATUS

MOST_CONTAINERS: Final = 500
# Whatever is behind a Service is weighed with each other one behind it.
MOST_SERVICES: Final = 50
_MOST_LEADS: Final = 5000
# Ports of all protocols: some open a range of them for media.
_MOST: Final = {"ports": 10_000, "env": 10_000}
_MOST_VOLUMES: Final = 1000
# Kubernetes takes so many bytes of annotations, keys and values.
_MOST_ANNOTATIONS: Final = 1 << 18
# What is ours in an injected pod: the sidecar and what sets up its redirect, a volume, and the
# ports of the sidecar, of which one is for us.
_OURS: Final = {
    "containers": 2,
    "volumes": 1,
    "env": 10,
    "ports": MOST_FORWARDS + 1,
    "TCP ports": MOST_FORWARDS + 1,
}
_NONE: Final[Mapping[str, int]] = {}


def beyond_limits(pod: Json) -> str | None:
    """What there is too much of; None if there is not. Whatever is no pod is for others to see."""
    return next(_excesses(pod), None)


def too_long_annotations(pod: Json) -> str:
    """What the API server would say of its annotations; empty if it takes them."""
    size = sum(len(str(text).encode()) for pair in _annotations(pod).items() for text in pair)
    return next(_over(size, _MOST_ANNOTATIONS, "bytes of annotations"), "")


def too_many_services(services: Sequence[Service]) -> str:
    """What there is too much of in front of a pod of an input; empty if there is not."""
    return next(_over(len(services), MOST_SERVICES, "Services in front of it"), "")


def too_many_leads(services: Sequence[Service]) -> str:
    """The same of any pod: whoever may make Services must not make others wait for a webhook."""
    leads = sum(len(each.spec.ports or ()) for each in services)
    return next(_over(leads, _MOST_LEADS, "ports of Services in front of it"), "")


def too_many_ports(numbers: Collection[int]) -> str:
    """The same of the ports that it declares, or that a Service targets."""
    return next(_over(len(numbers), MOST_FORWARDS, "TCP ports, those of Services among them"), "")


def _excesses(pod: Json) -> Iterator[str]:
    spec = _map(pod.get("spec"))
    ours = _OURS if STATUS in _annotations(pod) else {}
    containers = [*_items(spec, "containers"), *_items(spec, "initContainers")]
    volumes = len(_items(spec, "volumes"))
    yield from _over(len(containers), MOST_CONTAINERS, "containers", ours)
    yield from _over(volumes, _MOST_VOLUMES, "volumes", ours)
    for key, most in _MOST.items():
        count = sum(len(_items(_map(each), key)) for each in containers)
        yield from _over(count, most, key, ours)
    ports = [port for each in containers for port in _items(_map(each), "ports")]
    tcp = sum(_map(port).get("protocol") in (None, "TCP") for port in ports)
    yield from _over(tcp, MOST_FORWARDS, "TCP ports", ours)
    yield from filter(None, [too_long_annotations(pod)])
    yield from _twins(containers)


def _over(count: int, most: int, what: str, ours: Mapping[str, int] = _NONE) -> Iterator[str]:
    if count > most + ours.get(what, 0):
        yield f"it has {count:,} {what}, and with a sidecar may have {most:,} at most"


def _twins(containers: list[Any]) -> Iterator[str]:
    seen = set()
    for each in containers:
        name = _map(each).get("name")
        if isinstance(name, str) and name in seen:
            shown = shortened(name, 63)
            yield f"two of its containers are named {shown!r}, which Kubernetes refuses"
        seen.add(name if isinstance(name, str) else None)


def _annotations(pod: Json) -> Json:
    return _map(_map(pod.get("metadata")).get("annotations"))


def _map(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _items(holder: Json, key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []
