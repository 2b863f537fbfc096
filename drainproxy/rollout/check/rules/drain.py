"""Rules about the end of a pod: that its grace period suffices, and that clients are told."""

from collections.abc import Iterator
from math import ceil
from typing import Final

from drainproxy.config import (
    ANNOTATION_PREFIX,
    BY_NAME,
    INJECTOR_ANNOTATIONS,
    RELEASE_ANNOTATIONS,
)
from drainproxy.config.mistakes import did_you_mean
from drainproxy.manifests.grace import CUTTING, MARGIN
from drainproxy.rollout.check.amounts import duration
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace
from drainproxy.rollout.check.relations import is_for_sidecars
from drainproxy.rollout.check.rule import DRAIN, GRACE, WORKLOADS, Problem, rule
from drainproxy.rollout.check.serving import ends_after_a_wait, serving_containers
from drainproxy.rollout.check.sidecar import asleep, grace, sidecar_of
from drainproxy.rollout.check.workload import CheckedWorkload

_NEITHER: Final = "neither a preStop hook nor a"
_END: Final = f"and {MARGIN}s for the app's own end"
_KNOWN: Final = {*BY_NAME, *INJECTOR_ANNOTATIONS, *RELEASE_ANNOTATIONS}


@rule(
    "grace-covers-drain",
    "error",
    GRACE,
    reason="What is still in flight when the grace period ends is killed.",
    remedy="Raise terminationGracePeriodSeconds, shorten the drain, or let the injector replace a"
    " sleeping preStop hook (drainproxy.io/replace-prestop-sleep).",
)
def grace_covers_drain(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """terminationGracePeriodSeconds counts from the deletion of the pod, preStop hooks included.
    All hooks of a pod begin together: the longest of the drain and the sleeps, and 5 s for the end
    of the app, must fit. Where a sleep of the app's own ends before the drain, the app is stopped
    in the middle of it unless there is time for one after the other."""
    given = grace(workload)
    sidecar = sidecar_of(workload)
    if not workload.owns_pod or (sidecar and sidecar.raises_grace):
        return
    needs = [*_needs(workload)]
    needed, why, right = max(needs, default=(0, "", ""))
    if needed > given:
        right = right or f"terminationGracePeriodSeconds: {ceil(needed)}"
        yield Problem(
            workload.spec.at("terminationGracePeriodSeconds"),
            f"{why} {needed:g}s, but the grace period is {given}s: set {right}",
        )


def _needs(workload: CheckedWorkload) -> Iterator[tuple[float, str, str]]:
    """The seconds that the end of a pod may take, each with what they are for, and what would be
    right where a longer grace period would lengthen the drain as well."""
    sidecar = sidecar_of(workload)
    drain = sidecar.drain_timeout if sidecar else 0
    kept = [each for each in workload.containers if not (sidecar and sidecar.replaces(each))]
    sleeps = [(asleep(each) or 0, each.at("name").text) for each in kept]
    longest, name = max(sleeps, default=(0, ""))
    if sidecar:
        yield drain + MARGIN, f"a drain of up to {drain:g}s {_END} take", ""
    if longest:
        yield longest + MARGIN, f"the preStop of {name} ({longest:g}s) {_END} take", ""
    if sidecar and longest and (longest < drain or sidecar.waits_for_the_app):
        both = longest + drain
        why = f"the preStop of {name} ({longest:g}s), a drain of {drain:g}s after it {_END} take"
        left = grace(workload) - longest - MARGIN
        right = f'{ANNOTATION_PREFIX}drain-timeout: "{left:g}s"' if sidecar.follows_grace else ""
        yield both + MARGIN, why, right
    if not sidecar and not longest and workload.serves and not workload.is_doubtful:
        yield MARGIN, "the app's own end takes", ""


@rule(
    "drain-delay-fills-drain",
    "error",
    DRAIN,
    reason="A drain-delay as long as the drain leaves nothing of it for goodbyes.",
    remedy="Shorten drain-delay, or lengthen drain-timeout and the grace period.",
)
def drain_delay_fills_drain(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """drain-delay is the first part of drain-timeout, and the last 2 s (half of a shorter drain)
    are for cutting. If nothing is left between the two, every connection is cut without a
    goodbye."""
    sidecar = sidecar_of(workload) if workload.owns_pod else None
    if sidecar is None or (length := duration(sidecar.setting("drain-delay"))) is None:
        return
    delay = sidecar.place("drain-delay")
    drain = sidecar.drain_timeout
    uncut = drain - min(CUTTING, drain / 2)
    if length >= uncut:
        yield Problem(
            delay,
            f"drain-delay {length:g}s leaves nothing of a drain of {drain:g}s, the last"
            f' {drain - uncut:g}s of which cut: write "{uncut / 2:g}s"',
        )


@rule(
    "prestop-missing-behind-service",
    "error",
    DRAIN,
    reason="Without a preStop hook or a sidecar the app ends while clients are still sent to it.",
    remedy="Inject the sidecar (drainproxy inject), or add lifecycle.preStop.sleep.",
)
def prestop_missing_behind_service(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """The kubelet sends SIGTERM at the moment at which the pod's endpoint begins to be removed.
    Until every proxy and load balancer has heard of that, clients are led to a process that is
    going away. A preStop hook holds SIGTERM back for that time; the sidecar drains meanwhile. One
    that only ends the app (nginx -s quit) or does nothing returns at once, and holds nothing."""
    if not workload.ports or sidecar_of(workload) or is_for_peers_alone(workload):
        return
    for container in serving_containers(workload):
        if not ends_after_a_wait(workload, container):
            name = container.at("name").text
            services = ", ".join(dict.fromkeys(each.name for each in workload.services))
            hook = container.at("lifecycle", "preStop", "exec")
            has = "a preStop hook that does not wait, and no" if hook.exists else _NEITHER
            yield Problem(
                container,
                f"container {name} is behind Service {services} and has {has}"
                " sidecar: inject one, or add lifecycle.preStop.sleep.seconds: 10",
            )


def is_for_peers_alone(workload: CheckedWorkload) -> bool:
    """Whether only the headless Service that names the pods of a StatefulSet leads to it, by which
    its members find each other."""
    governing = workload.root.at("spec", "serviceName").text
    return all(
        each.name == governing and each.root.at("spec", "clusterIP").text == "None"
        for each in workload.services
    )


@rule(
    "connections-never-age",
    "warning",
    DRAIN,
    reason="Connections that never age stay on the first pods after every rollout.",
    remedy="Leave max-connection-age at its default, or give it a time.",
)
def connections_never_age(workload: CheckedWorkload, _: Inventory) -> Iterator[Problem]:
    """A connection is balanced once, when it is opened. Without a maximum age those of long-lived
    clients gather on the pods that were there first, and new pods stay idle."""
    sidecar = sidecar_of(workload) if workload.owns_pod else None
    age = sidecar.place("max-connection-age") if sidecar else None
    if sidecar and age and duration(sidecar.setting("max-connection-age")) == 0:
        default = BY_NAME["max-connection-age"].default_text
        yield Problem(age, f'max-connection-age is off: connections never move; write "{default}"')


@rule(
    "annotation-unreadable",
    "error",
    DRAIN,
    about="object",
    kinds=WORKLOADS,
    reason="An annotation of drainproxy that cannot be read has no effect.",
    remedy="Write the name and the value as `drainproxy settings` has them.",
)
def annotation_unreadable(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """The sidecar keeps its default where an annotation cannot be read, and the injector refuses
    the pod. A name that nobody knows does nothing at all, nor does one on the workload itself: the
    annotations of its pod template are read."""
    for key, place in root.at("metadata", "annotations").entries.items():
        if is_for_sidecars(key):
            yield Problem(place, f"{key} is read on pods: write it in spec.template.metadata")
    for key, place in root.at("spec", "template", "metadata", "annotations").entries.items():
        name = key.removeprefix(ANNOTATION_PREFIX)
        row = BY_NAME.get(name)
        if name == key or name in RELEASE_ANNOTATIONS | INJECTOR_ANNOTATIONS:
            continue
        if row is None or not row.annotated:
            near = did_you_mean(name, _KNOWN)
            hint = f": did you mean {ANNOTATION_PREFIX}{near}?" if near and near != name else ""
            yield Problem(place, f"{key} is no annotation that pods may have{hint}")
            continue
        try:
            row.read(place.text)
        except ValueError as error:
            yield Problem(place, f"{key}: {error}")
