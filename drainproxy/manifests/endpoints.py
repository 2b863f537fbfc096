"""Where a Service's targetPort arrives in a pod, as the EndpointSlice controller resolves it."""

from collections.abc import Iterator

from .podspec import Container, Pod, Port


def find_port(pod: Pod, target: int | str) -> tuple[Container, Port] | None:
    """The TCP port that a target means, and the container that declares it; None if none does.

    A name is looked for in the app's containers first, then in native sidecars, and the first that
    has it counts (KEP-753). A number needs no declaration.
    """
    return next((each for each in tcp_ports(pod) if target in _names(each[1])), None)


def resolve(pod: Pod, target: int | str) -> int | None:
    """The number to which a target leads; None where the pod declares no port of that name."""
    if isinstance(target, int):
        return target
    found = find_port(pod, target)
    return found[1].container_port if found else None


def tcp_ports(pod: Pod) -> Iterator[tuple[Container, Port]]:
    """Every TCP port that may have a Service, in the order in which names are looked for."""
    sidecars = [each for each in pod.init_containers if each.restart_policy == "Always"]
    for container in (*pod.containers, *sidecars):
        yield from ((container, port) for port in container.ports or [] if port.is_tcp)


def _names(port: Port) -> tuple[object, ...]:
    return (port.container_port, port.name)
