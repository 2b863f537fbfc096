"""Which of the captured ports must answer before the pod is ready."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX
from drainproxy.manifests.podspec import Container, Pod

from .ports import PortTakeover, declared
from .service_targets import Target

READY_PORTS: Final = ANNOTATION_PREFIX + "ready-ports"


def ready_ports(
    pod: Pod, ports: Sequence[PortTakeover], targets: Sequence[Target]
) -> dict[str, str]:
    """The annotation that says so: of `ports` those that a Service targets or a probe names.

    Nobody may ever listen on another port that is declared, for clustering or profiling, or on one
    that only a headless Service lists. Where nothing is known of any, or all are needed, nothing
    need be said.
    """
    numbers = {each.port.name: each.number for each in declared(pod)}
    led_to = [
        target
        for service, _, target in targets
        if not service.is_headless or target in numbers or target in numbers.values()
    ]
    named = [*led_to, *_probed(pod.containers)]
    needed = {port if isinstance(port, int) else numbers.get(port) for port in named}
    found = [taken.port for taken in ports if taken.port in needed]
    return {READY_PORTS: ",".join(map(str, found))} if 0 < len(found) < len(ports) else {}


def _probed(containers: Iterable[Container]) -> Iterator[int | str]:
    for container in containers:
        for probe in (container.startup_probe, container.readiness_probe, container.liveness_probe):
            for socket in (probe.http_get, probe.tcp_socket, probe.grpc) if probe else ():
                if socket is not None:
                    yield socket.port
