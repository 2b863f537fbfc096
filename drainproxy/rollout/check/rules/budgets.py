"""Rules about PodDisruptionBudgets: that they exist, and neither block everything nor select
nothing."""

from collections.abc import Iterator

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.rule import CAPACITY, Problem, rule
from drainproxy.rollout.check.workload import CheckedWorkload, kept


@rule(
    "budget-missing",
    "warning",
    CAPACITY,
    kinds=("Deployment", "StatefulSet", "Rollout"),
    reason="Without a PodDisruptionBudget a node drain may take all pods at once.",
    remedy="Add a PodDisruptionBudget with maxUnavailable: 1.",
)
def budget_missing(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
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
def budget_blocks(root: FieldPlace, inventory: Inventory) -> Iterator[Problem]:
    """maxUnavailable 0, or a minAvailable of all pods, lets no eviction through: upgrades of the
    cluster hang until somebody deletes the pods by hand, without any budget. With one replica no
    budget can both protect and allow it. What selects several workloads counts all their pods."""
    spec = root.at("spec")
    for key, nothing in (("maxUnavailable", ("0", "0%")), ("minAvailable", ("100%",))):
        if (place := spec.at(key)).text in nothing:
            yield Problem(place, f"{key} {place.text} lets no pod be evicted: set {_RIGHT}")
            return
    counted = inventory.counted_by(root.object)
    pods = sum(each.least for each in counted)
    least = kept(root.object, pods) if pods else None
    if least is not None and least >= pods:
        titles = " and ".join(each.title for each in counted if each.least)
        yield Problem(
            spec.at("minAvailable"),
            f"{least} of the {pods} pods of {titles} must stay, so that none can be evicted: set"
            f" {_RIGHT}",
        )


_RIGHT = "maxUnavailable: 1"
