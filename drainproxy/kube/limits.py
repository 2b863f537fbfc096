"""Limits on the size of a pod: no sensible pod is beyond them, and editing one would take too long.
A pod beyond a limit is not changed."""

from collections.abc import Iterator
from typing import Any, Final

from drainproxy.config.addresses import MOST_FORWARDS
from drainproxy.config.mistakes import shortened
from drainproxy.manifests.podspec import Json

MOST_CONTAINERS: Final = 500
# Whatever is behind a Service is weighed with each other one behind it.
MOST_SERVICES: Final = 50
# Ports of all protocols: some open a range of them for media.
_MOST: Final = {"ports": 10_000, "env": 10_000}
_MOST_VOLUMES: Final = 1000
# Kubernetes takes so many bytes of annotations, keys and values.
_MOST_ANNOTATIONS: Final = 1 << 18


def beyond_limits(pod: Json) -> str | None:
    """What there is too much of; None if there is not. Whatever is no pod is for others to see."""
    return next(_excesses(pod), None)


def too_many_services(count: int) -> str:
    """What there is too much of in front of a pod; empty if there is not."""
    return next(_over(count, MOST_SERVICES, "Services in front of it"), "")


def _excesses(pod: Json) -> Iterator[str]:
    spec = _map(pod.get("spec"))
    containers = [*_items(spec, "containers"), *_items(spec, "initContainers")]
    yield from _over(len(containers), MOST_CONTAINERS, "containers")
    yield from _over(len(_items(spec, "volumes")), _MOST_VOLUMES, "volumes")
    for key, most in _MOST.items():
        yield from _over(sum(len(_items(_map(each), key)) for each in containers), most, key)
    ports = [port for each in containers for port in _items(_map(each), "ports")]
    tcp = sum(_map(port).get("protocol") in (None, "TCP") for port in ports)
    yield from _over(tcp, MOST_FORWARDS, "TCP ports")
    annotations = _map(_map(pod.get("metadata")).get("annotations"))
    size = sum(len(str(text).encode()) for pair in annotations.items() for text in pair)
    yield from _over(size, _MOST_ANNOTATIONS, "bytes of annotations")
    yield from _twins(containers)


def _over(count: int, most: int, what: str) -> Iterator[str]:
    if count > most:
        yield f"it has {count:,} {what}, and may have {most:,} for a sidecar"


def _twins(containers: list[Any]) -> Iterator[str]:
    seen = set()
    for each in containers:
        name = _map(each).get("name")
        if isinstance(name, str) and name in seen:
            shown = shortened(name, 63)
            yield f"two of its containers are named {shown!r}, which Kubernetes refuses"
        seen.add(name if isinstance(name, str) else None)


def _map(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _items(holder: Json, key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []
