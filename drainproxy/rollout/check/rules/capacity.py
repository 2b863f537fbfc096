"""Rules about capacity: enough pods, on different nodes, with requests."""

from collections.abc import Iterator

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.rule import CAPACITY, Problem, rule
from drainproxy.rollout.check.selectors import read_selector
from drainproxy.rollout.check.workload import CheckedWorkload


@rule(
    "single-replica",
    "warning",
    CAPACITY,
    kinds=("Deployment", "StatefulSet", "Rollout"),
    reason="With one replica the loss of a node, or its drain, is an outage.",
    remedy="Run two replicas or more.",
)
def single_replica(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A node drain ends the only pod before another one is ready: evictions know no surge. A
    StatefulSet of one is away at every update as well."""
    if workload.serves and not workload.is_managed and workload.least == 1:
        place, name = workload.floor, str(workload.floor.path[-1])
        said = "is 1" if place.exists else "is not set, which is 1"
        right = f"set {name}: 2"
        if workload.kind == "StatefulSet":
            right = "every update is an outage; run members that replicate"
        yield Problem(place, f"{name} of {workload.title} {said}: {right}")


@rule(
    "replicas-fight-autoscaler",
    "warning",
    CAPACITY,
    kinds=("Deployment", "StatefulSet", "Rollout"),
    reason="replicas in the manifest undo the autoscaler at every release.",
    remedy="Leave replicas out where an autoscaler sets them.",
)
def replicas_fight_autoscaler(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """Whoever applies the manifest sets the number of pods back to what it says, in the middle of
    the load for which the autoscaler had added some."""
    if workload.autoscaler and workload.replicas.exists and not workload.is_managed:
        yield Problem(
            workload.replicas,
            f"{workload.autoscaler.title} sets the replicas: remove replicas:"
            f" {workload.replicas.text}",
        )


@rule(
    "spread-missing",
    "warning",
    CAPACITY,
    kinds=("Deployment", "StatefulSet", "Rollout"),
    reason="Replicas on one node are lost together.",
    remedy="Add topologySpreadConstraints, or a podAntiAffinity, over nodes or zones.",
)
def spread_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The scheduler prefers to spread the pods of a Service, but promises nothing. A constraint
    over kubernetes.io/hostname or topology.kubernetes.io/zone does, if its labelSelector selects
    these pods: without one it counts none, and one with other labels counts the pods of others."""
    spec = workload.spec
    if not (spec.exists and workload.serves and _is_many(workload)):
        return
    selecting = [each.at("labelSelector") for each in _spreading(spec)]
    if not selecting:
        yield Problem(
            spec,
            f"nothing keeps the {workload.least} pods of {workload.title} on different nodes: add"
            " topologySpreadConstraints with topologyKey: kubernetes.io/hostname",
        )
    elif not any(each.exists and _selects(each, workload) for each in selecting):
        said = "selects none of them" if selecting[0].exists else "is missing, which selects none"
        yield Problem(
            selecting[0],
            f"nothing keeps the {workload.least} pods of {workload.title} on different nodes:"
            f" labelSelector {said}: write labels of the pod template",
        )


def _spreading(spec: FieldPlace) -> Iterator[FieldPlace]:
    """What may keep pods apart: constraints, and terms of an anti-affinity."""
    yield from spec.at("topologySpreadConstraints").items
    apart = spec.at("affinity", "podAntiAffinity")
    yield from apart.at("requiredDuringSchedulingIgnoredDuringExecution").items
    for each in apart.at("preferredDuringSchedulingIgnoredDuringExecution").items:
        yield each.at("podAffinityTerm")


def _selects(selector: FieldPlace, workload: CheckedWorkload) -> bool:
    return read_selector(selector).selects(workload.labels)


@rule(
    "requests-missing",
    "warning",
    CAPACITY,
    reason="A pod without requests is placed where there is no room, and evicted first.",
    remedy="Set resources.requests for cpu and memory.",
)
def requests_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The scheduler reserves what is requested, and nothing else. During a rollout old and new pods
    run together: without requests they may starve each other, and the readiness of both fails."""
    for container in workload.containers if workload.serves else ():
        missing = [
            name
            for name in ("cpu", "memory")
            if not (_asks_for(workload.spec, name) or _asks_for(container, name))
        ]
        if missing:
            yield Problem(
                container,
                f"container {container.at('name').text} requests no {' and no '.join(missing)}",
            )


def _asks_for(owner: FieldPlace, name: str) -> bool:
    """A limit without a request is a request of the same. Of a pod's spec they are for all its
    containers (KEP-2837)."""
    resources = owner.at("resources")
    return any(resources.at(kind, name).exists for kind in ("requests", "limits"))


def _is_many(workload: CheckedWorkload) -> bool:
    return workload.least > 1 and not workload.is_managed
