"""The app's ports that Services target, as they were before a Service was changed for the
sidecar."""

from collections.abc import Iterable, Iterator

from drainproxy.manifests.services import Service, ServicePort

from .annotations import STATUS
from .status import target_before

# A port of a Service, and the port of the pod, by name or number.
Target = tuple[Service, ServicePort, int | str]


def targets(services: Iterable[Service]) -> Iterator[Target]:
    """Every port of these Services, each with its target."""
    for service in services:
        record = (service.metadata.annotations or {}).get(STATUS)
        for port in service.ports:
            before = target_before(record, port.step, port.port) if record else None
            yield service, port, port.target if before is None else before
