"""Rules about Services: that they target ports which exist, are ready, and are drained."""

from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import TRAFFIC, WORKLOADS, Problem, rule
from drainproxy.rollout.check.sidecar import WorkloadSidecar, annotation, sidecar_of
from drainproxy.rollout.check.workload import CheckedWorkload, ServedPort

# The label of each pod of a StatefulSet.
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"


@rule(
    "service-bypasses-sidecar",
    "error",
    TRAFFIC,
    kinds=("Service", *WORKLOADS),
    reason="Connections that go past the sidecar are not drained.",
    remedy="Let targetPort name the port that the sidecar has taken over.",
)
def service_bypasses_sidecar(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """targetPort is resolved as EndpointSlice does it: a name among the ports of containers, then
    of native sidecars; a number as it is. If the sidecar does not listen there, and nftables does
    not lead the port to it, clients come to the app itself. Where the sidecar is still to be
    injected a number is a warning: `inject` may rewrite the Service, and the webhook redirect the
    port."""
    sidecar = sidecar_of(workload)
    for port in workload.ports if sidecar and workload.owns_pod else ():
        if sidecar and (right := _bypass(workload, sidecar, port)) is not None:
            target = port.target
            is_sure = sidecar.container or annotation(workload, "capture").text == "names"
            yield Problem(
                target,
                f"Service {port.service.name} leads to port {target.text} of {workload.title}, past"
                f" the sidecar: {right}",
                None if is_sure else "warning",
            )


def _bypass(workload: CheckedWorkload, sidecar: WorkloadSidecar, port: ServedPort) -> str | None:
    """What would be right, if a port of a Service goes past the sidecar."""
    target = port.target.text
    if sidecar.container is None:
        return _uncaptured(workload, target)
    number = _number(workload, target)
    if number is None or target in sidecar.redirected or number in sidecar.redirected:
        return None
    if number in sidecar.listens:
        return None
    ports = sidecar.container.at("ports").items
    named = [each.at("name").text for each in ports if each.at("name").text != "drainproxy"]
    ends = [*filter(None, named), *sorted(sidecar.listens)]
    return f"write targetPort: {ends[0]}" if ends else "it listens on no port that is declared"


def _uncaptured(workload: CheckedWorkload, target: str) -> str | None:
    """Of a sidecar that is still to come: it takes names over, a number needs a redirect."""
    if not target.isdigit() or annotation(workload, "capture").text == "redirect":
        return None
    ports = [port for each in workload.containers for port in each.at("ports").items]
    named = (each.at("name").text for each in ports if each.at("containerPort").text == target)
    name = next(filter(None, named), "")
    right = f"write targetPort: {name}" if name else "name the port and target that"
    return f"{right}, unless it is redirected (drainproxy.io/capture: redirect)"


def _number(workload: CheckedWorkload, target: str) -> str | None:
    """The number of the port that a target leads to; None if nothing has that name."""
    if target.isdigit():
        return target
    for container in workload.every_container:
        for port in container.at("ports").items:
            if port.at("name").text == target:
                return port.at("containerPort").text
    return None


@rule(
    "service-port-unknown",
    "error",
    TRAFFIC,
    kinds=("Service", *WORKLOADS),
    reason="A targetPort that no container names has no endpoints.",
    remedy="Name a port that a container declares, or write its number.",
)
def service_port_unknown(workload: CheckedWorkload, inventory: Inventory) -> Iterator[Problem]:
    """A name that no container of the pod declares gives a Service without endpoints for that port:
    every connection is refused. A number is taken as it is, declared or not."""
    for port in workload.every_port if workload.owns_pod else ():
        target = port.target.text
        if not target or _number(workload, target) is not None:
            continue
        if target not in inventory.port_names(port.service):
            known = [
                each.at("name").text
                for container in workload.every_container
                for each in container.at("ports").items
            ]
            names = " or ".join(filter(None, known))
            right = f"write {names}" if names else "write its number, for none has a name"
            yield Problem(
                port.target,
                f"no container of {workload.title} has a port named {target!r}: {right}",
            )


@rule(
    "service-selects-nothing",
    "warning",
    TRAFFIC,
    kinds=("Service",),
    about="object",
    reason="A Service whose selector matches no workload of the input may have no endpoints.",
    remedy="Let the selector be labels of the pod template.",
)
def service_selects_nothing(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """Labels that differ in one place leave a Service without pods. It is reported only where pods
    in the same input come that close, so that Services for the pods of operators are no finding."""
    selector = root.at("spec", "selector")
    wanted = selector.texts
    if not wanted or next(inventory.pods.selected(wanted, root.object), None):
        return
    if missed := inventory.pods.missed(wanted, root.object):
        pod, wrong = missed
        title, place = pod.place.object.title, selector.at(wrong)
        yield Problem(
            place, f"no pod has {wrong}: {place.text}; those of {title} have {pod.labels[wrong]}"
        )


@rule(
    "publishes-unready-pods",
    "error",
    TRAFFIC,
    kinds=("Service",),
    about="object",
    reason="publishNotReadyAddresses sends clients to pods that start or drain.",
    remedy="Use it only for a headless Service of peers, and another Service for clients.",
)
def publishes_unready_pods(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """Readiness is how a pod says that it wants no more clients. With publishNotReadyAddresses
    nobody listens to that. The Services by which members find each other need it, and are no
    finding: of one pod each, or headless, of a StatefulSet or beside another Service for clients.
    A headless one without that is a warning, for nothing says who its clients are."""
    place = root.at("spec", "publishNotReadyAddresses")
    if place.value is not True or root.at("spec", "selector", _POD_NAME).exists:
        return
    headless = root.at("spec", "clusterIP").text == "None"
    if not (headless and _is_for_peers(root.object, inventory)):
        name = root.object.name
        yield Problem(
            place,
            f"Service {name} leads to pods that are not ready: set it to false",
            "warning" if headless else None,
        )


def _is_for_peers(service: Object, inventory: Inventory) -> bool:
    if service.name in inventory.governing:
        return True
    behind = inventory.behind(service)
    return bool(behind) and all(any(map(_is_of_ready_pods, each.services)) for each in behind)


def _is_of_ready_pods(service: Object) -> bool:
    return service.root.at("spec", "publishNotReadyAddresses").value is not True
