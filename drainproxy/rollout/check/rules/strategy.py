"""Rules about rolling updates: room for a new pod before an old one ends, and time to become
ready."""

from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.amounts import patience, share
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.rule import STRATEGY, Level, Problem, rule
from drainproxy.rollout.check.workload import CheckedWorkload, is_sidecar, kept

# What the API takes where nothing is said.
_DEADLINE: Final = 600
_DEFAULT_SHARE: Final = 25  # percent, of Deployments and Rollouts, for both surge and unavailable


@rule(
    "strategy-recreate",
    "error",
    STRATEGY,
    kinds=("Deployment",),
    reason="Recreate stops all old pods before the first new one starts.",
    remedy="Use RollingUpdate, or ignore this with the reason why there is downtime.",
)
def strategy_recreate(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The guide rolls out by default, pod by pod. Recreate is an outage as long as a start takes,
    at every release."""
    place = workload.root.at("spec", "strategy", "type")
    if place.text == "Recreate" and workload.serves and not workload.is_managed:
        level: Level | None = "warning" if workload.is_doubtful else None
        right = "strategy Recreate is an outage at every release: write RollingUpdate"
        yield Problem(place, right, level)


@rule(
    "surge-cannot-start",
    "error",
    STRATEGY,
    kinds=("Deployment", "Rollout", "DaemonSet"),
    reason="With no pod to spare and none to add, the rollout cannot begin, or loses a pod.",
    remedy="Set maxSurge to 1 or more, so that a new pod starts before an old one goes.",
)
def surge_cannot_start(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """maxUnavailable is rounded down, maxSurge up. If both come to 0, the API refuses plain zeros,
    and where a percentage came to 0 Kubernetes takes a pod away all the same: maxUnavailable
    becomes 1, and the capacity that was to be kept is lost."""
    if not workload.is_rolled:
        return
    surge, away = _surge(workload), _unavailable_as_written(workload)
    if surge == 0 and away == 0:
        written = workload.rolling.at("maxUnavailable").text or f"{_DEFAULT_SHARE}%"
        # A DaemonSet has as many pods as there are nodes.
        of = "" if workload.kind == "DaemonSet" else f" of {workload.planned}"
        which = "maxSurge" if workload.rolling.at("maxSurge").exists else "maxUnavailable"
        yield Problem(
            workload.rolling.at(which),
            f"maxUnavailable {written}{of} and maxSurge"
            f" {workload.rolling.at('maxSurge').text or 0} leave no pod to begin with: set"
            " maxSurge: 1",
        )


@rule(
    "rollout-loses-capacity",
    "error",
    STRATEGY,
    reason="A rollout that takes more pods away than budget or autoscaler allow is an overload.",
    remedy="Set maxUnavailable: 0 and a maxSurge, so that the rollout adds before it takes.",
)
def rollout_loses_capacity(workload: CheckedWorkload, inventory: Inventory) -> Iterator[Problem]:
    """A PodDisruptionBudget binds evictions, not rollouts: maxUnavailable is what counts there.
    replicas - maxUnavailable (rounded down) must not be less than the budget's minAvailable, what
    the autoscaler has as its minimum, or one pod."""
    if not workload.is_rolled or workload.kind == "DaemonSet" or workload.is_routed:
        return
    away = unavailable(workload)
    left = workload.planned - away
    floor, why = max(_floors(workload, inventory))
    if away and left < floor:
        allowed = max(workload.planned - floor, 0)
        # The API refuses a rollout that may neither take a pod nor add one.
        room = "" if allowed or _surge(workload) else " and maxSurge: 1"
        yield Problem(
            workload.rolling.at("maxUnavailable"),
            f"a rollout leaves {max(left, 0)} of {workload.planned} pods, but {why}: set"
            f" maxUnavailable: {allowed}{room}",
        )


def _floors(workload: CheckedWorkload, inventory: Inventory) -> Iterator[tuple[int, str]]:
    """How many pods must stay, each with the reason. A StatefulSet has no surge, so that an
    autoscaler's minimum, and its only pod, are not to be kept. A budget that says how many may be
    away at a time speaks of evictions, and names no minimum. Its minimum is of the pods of all
    workloads that it selects."""
    for budget in workload.budgets:
        others = inventory.counted_by(budget).besides(workload)
        pods = workload.planned + others
        says = budget.root.at("spec", "minAvailable").exists
        least = kept(budget, pods) if says else None
        # What no StatefulSet can keep, budget-blocks reports.
        if least is not None and (least < pods or workload.kind != "StatefulSet"):
            beside = f", and other workloads have {others} of them" if others else ""
            yield least - others, f"PodDisruptionBudget {budget.name} keeps {least}{beside}"
    if workload.autoscaler and workload.kind != "StatefulSet":
        name = workload.autoscaler.title
        yield workload.least, f"{name} keeps {workload.least} at least"
    if workload.kind != "StatefulSet" or workload.planned > 1:
        yield int(workload.serves), "one has to serve"
    yield 0, ""


def unavailable(workload: CheckedWorkload) -> int:
    """The pods that a rollout takes away, as the controllers reckon."""
    written = workload.rolling.at("maxUnavailable")
    if workload.kind == "StatefulSet":
        return share(written, workload.planned, up=True) or 1
    away = _unavailable_as_written(workload)
    return 1 if away == 0 and _surge(workload) == 0 else away or 0


def _unavailable_as_written(workload: CheckedWorkload) -> int | None:
    written = workload.rolling.at("maxUnavailable")
    if workload.kind == "DaemonSet":
        return _of_every_node(written, default=1)
    if not written.exists:
        return _DEFAULT_SHARE * workload.planned // 100
    return share(written, workload.planned, up=False)


def _surge(workload: CheckedWorkload) -> int | None:
    written = workload.rolling.at("maxSurge")
    if workload.kind == "DaemonSet":
        return _of_every_node(written, default=0)
    if not written.exists:
        return -(-_DEFAULT_SHARE * workload.planned // 100)
    return share(written, workload.planned, up=True)


def _of_every_node(written: FieldPlace, default: int) -> int | None:
    """Of a DaemonSet, whose pods nobody has counted yet: both are rounded up, so that nothing but
    zero is none."""
    return share(written, 100, up=True) if written.exists else default


@rule(
    "min-ready-zero",
    "warning",
    STRATEGY,
    reason="Without minReadySeconds a pod that was ready for an instant counts as rolled out.",
    remedy="Set minReadySeconds to what a new pod needs to show that it works, such as 10.",
)
def min_ready_zero(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A rollout goes on as soon as a pod is available: ready for minReadySeconds. With 0 a version
    that crashes at its first requests replaces every pod before anybody sees it."""
    place = workload.root.at("spec", "minReadySeconds")
    if not workload.is_managed and not place.number:
        said = "is 0" if place.exists else "is not set"
        yield Problem(place, f"minReadySeconds {said}: set minReadySeconds: 10")


@rule(
    "deadline-before-ready",
    "error",
    STRATEGY,
    kinds=("Deployment", "Rollout"),
    reason="A rollout whose deadline is shorter than a start may take fails although all is well.",
    remedy="Set progressDeadlineSeconds above startup budget and minReadySeconds together.",
)
def deadline_before_ready(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A pod may take initialDelaySeconds + failureThreshold x periodSeconds of its startupProbe,
    and then minReadySeconds, before it counts. If progressDeadlineSeconds (600 if not set) is
    shorter, a slow start is reported as a failed rollout, and automation takes it back. Our sidecar
    does not count: it only binds its listeners, and waits for nobody."""
    if workload.is_managed:
        return
    ready = workload.root.at("spec", "minReadySeconds").number or 0
    counted = [each for each in workload.every_container if not is_sidecar(each)]
    starts = [_startup(each.at("startupProbe")) for each in counted]
    needed = max(starts, default=0) + ready
    for place, name in _deadlines(workload):
        deadline = _DEADLINE if place.number is None else place.number
        if deadline < needed:
            yield Problem(
                place,
                f"{name} is {deadline}s, but a pod may take {needed - ready}s to start"
                f" and counts after {ready}s more: set progressDeadlineSeconds: {needed + 60}",
            )


def _startup(probe: FieldPlace) -> int:
    return (probe.at("initialDelaySeconds").number or 0) + patience(probe) if probe.exists else 0


def _deadlines(workload: CheckedWorkload) -> Iterator[tuple[FieldPlace, str]]:
    yield workload.root.at("spec", "progressDeadlineSeconds"), "the progress deadline"
    if workload.canary:
        place = workload.canary.root.at("spec", "progressDeadlineSeconds")
        yield place, f"the progress deadline of Canary {workload.canary.name}"
