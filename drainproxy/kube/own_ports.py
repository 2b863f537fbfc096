"""The sidecar's own ports; one that the pod needs itself is moved."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from msgspec import Struct

from drainproxy.config import ANNOTATION_PREFIX, BY_NAME, Address, Mistake
from drainproxy.config.addresses import parse_forwards
from drainproxy.manifests.podspec import Pod

from .annotations import parse_ports
from .service_targets import Target

_FORWARD: Final = ANNOTATION_PREFIX + "forward"
_PORTS: Final = ANNOTATION_PREFIX + "ports"
_PURPOSES: Final = {"grpc-health": "health checks of gRPC", "admin": "probes, metrics and drain"}


class OwnPorts(Struct, frozen=True):
    """Annotations that move a port of ours, a sentence for each, and what is wrong with ports that
    the pod chose itself."""

    moved: dict[str, str]
    notes: list[str]
    mistakes: list[Mistake]


def own_ports(
    pod: Pod, asked: Mapping[str, str], chosen: Mapping[str, str], targets: Sequence[Target]
) -> OwnPorts:
    """Where our ports are to be, if not where the annotations that hold (`asked`) have them.

    What the pod or a flag says itself (`chosen`) is not moved. Defaults are: they know no pod.
    """
    used, declared = _used(pod, asked, targets), _declared(pod)
    found = OwnPorts({}, [], [])
    for name, purpose in _PURPOSES.items():
        key, port = ANNOTATION_PREFIX + name, _port(name, asked)
        if port is None:
            continue
        if port in used and key not in chosen and (free := _free(port, used)):
            found.moved[key] = str(free)
            found.notes.append(f"port {port} {used[port]}: {purpose} are at {free} in this pod")
            port = free
        elif port in declared:
            problem = f"{port} {declared[port]}: two cannot listen there"
            found.mistakes.append(Mistake(f"annotation {key}", name, problem))
        used.setdefault(port, f"is the sidecar's {name}")
    return found


def _free(port: int, used: Mapping[int, str]) -> int | None:
    """The next one that an unprivileged process may bind and nobody needs. Downwards, since the
    listeners go up: pods behind one Service have theirs at the same number, whoever moves."""
    candidates = (*range(port - 1, 1023, -1), *range(port + 1, 1 << 16))
    return next((each for each in candidates if each not in used), None)


def _port(name: str, asked: Mapping[str, str]) -> int | None:
    """None for what is off, and for what cannot be read, which is reported elsewhere."""
    row = BY_NAME[name]
    try:
        address = row.read(asked[row.annotation]) if row.annotation in asked else row.default
    except ValueError:
        return None
    return address.port if isinstance(address, Address) else None


def _used(pod: Pod, asked: Mapping[str, str], targets: Sequence[Target]) -> dict[int, str]:
    """The ports that something else needs, each with what needs it."""
    needs = chain(_declared(pod).items(), _probed(pod), _targeted(targets), _annotated(asked))
    used: dict[int, str] = {}
    for number, why in needs:
        used.setdefault(number, why)
    return used


def _declared(pod: Pod) -> dict[int, str]:
    return {
        port.container_port: f"is declared by {container.name}"
        for _, container in reversed([*pod.every_container()])
        for port in container.ports or []
        if port.is_tcp
    }


def _probed(pod: Pod) -> Iterator[tuple[int, str]]:
    """Hooks are left out: one of them may be meant for us."""
    for _, container in pod.every_container():
        probes = (container.startup_probe, container.readiness_probe, container.liveness_probe)
        for probe in filter(None, probes):
            for socket in probe.sockets():
                if isinstance(socket.port, int):
                    yield socket.port, f"is what a probe of {container.name} asks"


def _targeted(targets: Sequence[Target]) -> Iterator[tuple[int, str]]:
    """A port that is called like us is one of ours: somebody's way to our metrics."""
    for service, port, target in targets:
        if isinstance(target, int) and "drainproxy" not in f"{service.name} {port.name}":
            yield target, f"is what Service {service.name} targets"


def _annotated(asked: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """What cannot be read is reported with the other settings."""
    with suppress(ValueError):
        for forward in parse_forwards(asked.get(_FORWARD, "")):
            for end in (forward.listen, forward.app):
                if isinstance(end, Address):
                    yield end.port, f"is in the annotation {_FORWARD}"
    with suppress(ValueError):
        for choice in parse_ports(asked.get(_PORTS, "")):
            if choice.port.isdigit():
                yield int(choice.port), f"is in the annotation {_PORTS}"
