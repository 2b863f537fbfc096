"""The containers of a pod that clients are led to."""

from typing import Final

from drainproxy.config.values import UnixSocket

from .place import FieldPlace
from .sidecar import WorkloadSidecar, sidecar_of
from .workload import CheckedWorkload, is_aside, is_foreign, is_held_back, is_sidecar

# What a probe may do (API reference, Probe v1 core).
PROBE_ACTIONS: Final = ("httpGet", "tcpSocket", "grpc", "exec")


def serving_containers(workload: CheckedWorkload) -> list[FieldPlace]:
    """Those at the ports that are targeted, native sidecars of the app included; behind our sidecar
    the one that it forwards to. Where that is not said, those that may serve."""
    found: list[FieldPlace] = []
    ports = workload.ports if workload.owns_pod else []
    for target in dict.fromkeys(port.target.text for port in ports):
        for each in _at(workload, target):
            if not any(each.path == other.path for other in found):
                found.append(each)
    return found or _likely(workload, is_undeclared=False)


def ends_after_a_wait(workload: CheckedWorkload, container: FieldPlace) -> bool:
    """Whether it answers for a while when its pod is being deleted. A native sidecar is stopped
    when all containers have ended (KEP-753), so the longest hook of theirs holds it back."""
    is_native = "initContainers" in container.path
    others = workload.containers if is_native else []
    return any(map(is_held_back, [container, *others]))


def lacks_probe(container: FieldPlace, kind: str) -> str:
    """What is missing of a probe of a container; empty if it asks something. Charts render `{}`
    where theirs is switched off."""
    probe = container.at(kind)
    if any(probe.at(each).exists for each in PROBE_ACTIONS):
        return ""
    return f"a {kind} that asks nothing" if probe.exists else f"no {kind}"


def _at(workload: CheckedWorkload, target: str) -> list[FieldPlace]:
    declared = _declaring(workload, target)
    if sidecar := sidecar_of(workload):
        through = _forwarded(sidecar, _number(declared, target) or target)
        if through and (declared is None or is_sidecar(declared)):
            target, declared = through, _declaring(workload, through, without_ours=True)
    if declared is None:
        return _likely(workload, is_undeclared=True) if target.isdigit() else []
    return [] if is_sidecar(declared) or is_foreign(declared) else [declared]


def _declaring(
    workload: CheckedWorkload, target: str, *, without_ours: bool = False
) -> FieldPlace | None:
    """The first container that declares a port, in the order of EndpointSlice."""
    for each in workload.every_container:
        if not (without_ours and is_sidecar(each)) and _number(each, target):
            return each
    return None


def _number(container: FieldPlace | None, target: str) -> str:
    """The number of a port that a container declares by it, or by a name; empty if it does not."""
    for port in container.at("ports").items if container else ():
        number, name = port.at("containerPort").text, port.at("name").text
        if target and target in (number, name):
            return number
    return ""


def _forwarded(sidecar: WorkloadSidecar, number: str) -> str:
    """The app's port behind one of the sidecar's; empty if there is none."""
    for each in sidecar.forwards:
        if str(each.listen.port) == number and not isinstance(each.app, UnixSocket):
            return str(each.app.port)
    return ""


def _likely(workload: CheckedWorkload, *, is_undeclared: bool) -> list[FieldPlace]:
    """Containers that serve more than metrics: those that declare ports, but of a number that none
    declares the first that declares none."""
    serving = [each for each in workload.containers if not _is_aside(each)]
    silent = [each for each in serving if not each.at("ports").items][:1]
    telling = [each for each in serving if each.at("ports").items]
    found = silent or telling if is_undeclared else telling or silent
    return found or workload.containers[:1]


def _is_aside(container: FieldPlace) -> bool:
    ports = container.at("ports").items
    return bool(ports) and all(is_aside(port.at("name").text) for port in ports)
