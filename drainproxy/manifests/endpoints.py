"""Resolves a Service's targetPort in a pod, as the EndpointSlice controller does."""

from .podspec import Container, ContainerPort, Pod


def find_port(pod: Pod, target: int | str) -> tuple[Container, ContainerPort] | None:
    """The TCP port that a target means, and the container that declares it; None if none does.

    A name is looked for in the app's containers first, then in native sidecars, and the first that
    has it counts (KEP-753). A number needs no declaration.
    """
    return pod.ends.get(target)


def resolve(pod: Pod, target: int | str) -> int | None:
    """The number to which a target leads; None where the pod declares no port of that name."""
    if isinstance(target, int):
        return target
    found = find_port(pod, target)
    return found[1].container_port if found else None
