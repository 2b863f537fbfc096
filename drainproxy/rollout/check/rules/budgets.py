"""Rules about PodDisruptionBudgets: that they exist, and neither block everything nor select
nothing."""

from collections.abc import Iterator

from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import CAPACITY, Problem, rule
from drainproxy.rollout.check.selectors import read_selector
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
    budget can both protect and allow it. What selects several workloads counts all their pods. A
    pod that two budgets select is not evicted at all: the API answers with an error."""
    spec = root.at("spec")
    if shared := _shared(root.object, inventory):
        title, other = shared
        yield Problem(
            spec.at("selector"),
            f"{other} selects the pods of {title} too, and what two budgets select is never"
            " evicted: keep one of them",
        )
        return
    for key, nothing in (("maxUnavailable", ("0", "0%")), ("minAvailable", ("100%",))):
        if (place := spec.at(key)).text in nothing:
            yield Problem(place, f"{key} {place.text} lets no pod be evicted: set {_RIGHT}")
            return
    counted = [*inventory.counted_by(root.object).workloads.values()]
    pods = sum(each.least for each in counted)
    least = kept(root.object, pods) if pods else None
    if least is not None and least >= pods:
        titles = " and ".join(each.title for each in counted if each.least)
        yield Problem(
            spec.at("minAvailable"),
            f"{least} of the {pods} pods of {titles} must stay, so that none can be evicted: set"
            f" {_RIGHT}",
        )


def _shared(budget: Object, inventory: Inventory) -> tuple[str, str] | None:
    """A workload and the first other budget that selects its pods. Those of other namespaces and
    folders are for other clusters."""
    for workload in inventory.guarded_by(budget):
        for each in workload.budgets if workload.kind != "DaemonSet" else ():
            is_beside = (each.namespace, each.folder) == (budget.namespace, budget.folder)
            if each.name != budget.name and is_beside and _select(workload, each, budget):
                return workload.title, each.title
    return None


def _select(workload: CheckedWorkload, *budgets: Object) -> bool:
    """Whether they select the same pods, and not one of them those that Flagger makes."""
    selectors = (read_selector(each.root.at("spec", "selector")) for each in budgets)
    return all(each.selects(workload.labels) for each in selectors)


_RIGHT = "maxUnavailable: 1"
