"""Rules about PodDisruptionBudgets: that they exist, and neither block everything nor select
nothing."""

from collections.abc import Iterator

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import Place
from drainproxy.rollout.check.rule import CAPACITY, Problem, rule
from drainproxy.rollout.check.workload import Workload


@rule(
    "budget-missing",
    "warning",
    CAPACITY,
    kinds=("Deployment", "StatefulSet", "Rollout"),
    reason="Without a PodDisruptionBudget a node drain may take all pods at once.",
    remedy="Add a PodDisruptionBudget with maxUnavailable: 1.",
)
def budget_missing(workload: Workload, _: Inventory) -> Iterator[Problem]:
    """Nodes are drained for upgrades of the cluster, several at a time. The budget makes them wait
    until the pods that were evicted are ready elsewhere."""
    has_many = workload.serves and not workload.is_managed and workload.least > 1
    if has_many and workload.pod.exists and not workload.budgets:
        yield Problem(
            workload.root.at("metadata", "name"),
            f"no PodDisruptionBudget selects the pods of {workload.title}: add one with"
            " maxUnavailable: 1",
        )


@rule(
    "budget-blocks",
    "error",
    CAPACITY,
    kinds=("PodDisruptionBudget",),
    about="object",
    reason="A budget that allows no disruption stops every node drain.",
    remedy="Let it allow one pod: maxUnavailable: 1.",
)
def budget_blocks(root: Place, inventory: Inventory) -> Iterator[Problem]:
    """maxUnavailable 0, or a minAvailable of all pods, lets no eviction through: upgrades of the
    cluster hang until somebody deletes the pods by hand, without any budget. With one replica no
    budget can both protect and allow it."""
    spec = root.at("spec")
    for key, nothing in (("maxUnavailable", ("0", "0%")), ("minAvailable", ("100%",))):
        if (place := spec.at(key)).text in nothing:
            yield Problem(place, f"{key} {place.text} lets no pod be evicted: set {_RIGHT}")
            return
    for workload in inventory.guarded_by(root.object):
        least = workload.kept(root.object, workload.least)
        if workload.least and least is not None and least >= workload.least and _counts(workload):
            yield Problem(
                spec.at("minAvailable"),
                f"{least} of the {workload.least} pods of {workload.title} must stay, so that none"
                f" can be evicted: set {_RIGHT}",
            )


_RIGHT = "maxUnavailable: 1"


def _counts(workload: Workload) -> bool:
    """A DaemonSet has as many pods as there are nodes, and its pods are not evicted."""
    return workload.kind != "DaemonSet" and not workload.is_managed
