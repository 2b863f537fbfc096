"""The kinds that clusters serve, in the groups that the checklist reads, and what a name that is
not among them was probably meant to be.

Groups of Kubernetes itself (as of 1.36) have all their kinds here, so that another one is a
mistake. Groups of others may have kinds that are not here: there only what is close to a known
one is told.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final, Literal

from msgspec import Struct

from drainproxy.config.mistakes import did_you_mean

# API version -> its kinds. The last one that has a kind is what people should write.
_KUBERNETES: Final = {
    # `v1` is also the version of kubeconfigs and, in the past, of OpenShift's templates.
    "v1": "Binding ComponentStatus ConfigMap Config Endpoints Event LimitRange List Namespace Node"
    " PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota"
    " Secret Service ServiceAccount Status Template",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "batch/v1": "CronJob Job",
    "policy/v1": "Eviction PodDisruptionBudget",
    "autoscaling/v1": "HorizontalPodAutoscaler Scale",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1beta1": "IPAddress ServiceCIDR",
    "networking.k8s.io/v1": "Ingress IngressClass IPAddress NetworkPolicy ServiceCIDR",
}
_OTHERS: Final = {
    "argoproj.io/v1alpha1": "AnalysisRun AnalysisTemplate AppProject Application ApplicationSet"
    " ArgoCD ClusterAnalysisTemplate ClusterWorkflowTemplate CronWorkflow EventBus EventSource"
    " Experiment NotificationsConfiguration Rollout RolloutManager Sensor Workflow"
    " WorkflowArtifactGCTask WorkflowEventBinding WorkflowTaskResult WorkflowTaskSet"
    " WorkflowTemplate",
    "argoproj.io/v1beta1": "ArgoCD",
    "flagger.app/v1beta1": "AlertProvider Canary MetricTemplate",
    "helm.toolkit.fluxcd.io/v2beta1": "HelmRelease",
    "helm.toolkit.fluxcd.io/v2beta2": "HelmRelease",
    "helm.toolkit.fluxcd.io/v2": "HelmRelease",
    "keda.sh/v1alpha1": "ClusterTriggerAuthentication ScaledJob ScaledObject TriggerAuthentication",
    "monitoring.coreos.com/v1alpha1": "AlertmanagerConfig PrometheusAgent ScrapeConfig",
    "monitoring.coreos.com/v1beta1": "AlertmanagerConfig",
    "monitoring.coreos.com/v1": "Alertmanager PodMonitor Probe Prometheus PrometheusRule"
    " ServiceMonitor ThanosRuler",
}
# https://kubernetes.io/docs/reference/using-api/deprecation-guide/: the version, its kinds, and
# the release of Kubernetes without them.
_REMOVED: Final = (
    ("extensions/v1beta1", "DaemonSet Deployment NetworkPolicy PodSecurityPolicy ReplicaSet", 16),
    ("extensions/v1beta1", "Ingress", 22),
    ("apps/v1beta1", "Deployment ReplicaSet StatefulSet", 16),
    ("apps/v1beta2", "DaemonSet Deployment ReplicaSet StatefulSet", 16),
    ("networking.k8s.io/v1beta1", "Ingress IngressClass", 22),
    ("batch/v2alpha1", "CronJob", 21),
    ("batch/v1beta1", "CronJob", 25),
    ("policy/v1beta1", "PodDisruptionBudget PodSecurityPolicy", 25),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", 25),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 26),
)
_GONE: Final = {
    (version, kind): f"1.{release}"
    for version, kinds, release in _REMOVED
    for kind in kinds.split()
}
_SERVED: Final = {
    (version, kind) for version, kinds in (_KUBERNETES | _OTHERS).items() for kind in kinds.split()
}
# Of two names that are alike by this much (Dice) one is the other with a letter missing or wrong.
_CLOSE: Final = 0.7


class Unserved(Struct, frozen=True):
    """What no cluster serves: the field that is wrong, and what is wrong and would be right.

    `is_certain` is false where a group of others may have got a version since.
    """

    field: Literal["apiVersion", "kind"]
    problem: str
    is_certain: bool = True


def group_of(version: str) -> str:
    """`apps` of `apps/v1`; empty for the core API."""
    return version.rpartition("/")[0]


def is_served(version: str, kind: str) -> bool:
    """Whether clusters have this kind in this version, as far as it is known here."""
    return (version, kind) in _SERVED


def is_known(version: str, kind: str) -> bool:
    """The same in any version of that group, and of the past."""
    return (version, kind) in _GONE or kind in _kinds().get(group_of(version), ())


def unserved(version: str, kind: str) -> Iterator[Unserved]:
    """What is wrong with the two names of an object; nothing where that is not known."""
    if is_served(version, kind):
        return
    kinds = _kinds().get(group_of(version), {})
    homes = _homes(kind)
    if release := _GONE.get((version, kind)):
        hint = f": make it {homes[-1]}" if homes else ""
        yield Unserved(
            "apiVersion", f"Kubernetes {release} and newer have no {kind} in {version}{hint}"
        )
    elif kind in kinds:
        yield _wrong_version(version, kind, kinds[kind])
    elif homes:
        yield from _misplaced(version, kind, homes)
    else:
        yield from _unknown(version, kind)


def _unknown(version: str, kind: str) -> Iterator[Unserved]:
    """No group has a kind of this name: one that is close is meant, first of its own group."""
    own = _kinds().get(group_of(version), {})
    if near := _near(kind, own) or _near_elsewhere(version, kind):
        yield Unserved("kind", f"there is no kind {kind!r}: did you mean {near}?")
        yield from unserved(version, near)
    elif version == "v1" or group_of(version) in _closed():
        hint = f": it has {', '.join(sorted(own))}" if group_of(version) and own else ""
        yield Unserved("kind", f"{version} has no kind {kind!r}{hint}", is_certain=False)


def _near_elsewhere(version: str, kind: str) -> str:
    """A kind of another group that is close, where the version is wrong too, or is another's."""
    found = _near(kind, dict.fromkeys(each for _, each in _SERVED))
    group = group_of(version)
    is_meant = found and (not group or group in _closed() or _close(version, _homes(found)))
    return found if is_meant else ""


def _misplaced(version: str, kind: str, homes: list[str]) -> Iterator[Unserved]:
    """Other groups have the kind. Groups that are not known here may have one of that name too:
    only one that is close to a right one is a mistake."""
    group = group_of(version)
    if not group or group in _closed() or group in _kinds():
        yield Unserved("apiVersion", f"{version} has no {kind}: make it {homes[-1]}")
    elif near := _close(version, homes):
        yield Unserved("apiVersion", f"there is no {version!r}: did you mean {near}?")


def _wrong_version(version: str, kind: str, right: list[str]) -> Unserved:
    group = group_of(version)
    is_certain = not group or group in _closed()
    problem = f"there is no {kind} in {version!r}: make it {right[-1]}"
    return Unserved("apiVersion", problem, is_certain)


def _close(version: str, homes: Iterable[str]) -> str:
    """The right version that a wrong one is close to: people add `.k8s.io`, or leave it out, and
    call the group without a name core."""
    group, _, number = version.strip().casefold().rpartition("/")
    if group == "core" and number in homes:
        return number
    spellings = (f"{group}/{number}", f"{group.removesuffix('.k8s.io')}/{number}")
    for each in (*spellings, f"{group}.k8s.io/{number}"):
        if near := _near(each, dict.fromkeys(homes)):
            return near
    return ""


def _near(name: str, known: Iterable[str]) -> str:
    """The known name that differs by case, spaces, an ending or a letter; empty if none does."""
    folded = {each.casefold(): each for each in known}
    wanted = name.strip().casefold()
    if found := folded.get(wanted) or folded.get(wanted.removesuffix("s")):
        return found
    return folded.get(did_you_mean(wanted, folded, least=_CLOSE), "")


@cache
def _kinds() -> Mapping[str, dict[str, list[str]]]:
    """Group -> kind -> the versions that have it, the one to write last."""
    found: dict[str, dict[str, list[str]]] = {}
    for version, kinds in (_KUBERNETES | _OTHERS).items():
        for kind in kinds.split():
            found.setdefault(group_of(version), {}).setdefault(kind, []).append(version)
    return found


@cache
def _closed() -> frozenset[str]:
    """The named groups of Kubernetes itself; they have no other kinds than those above."""
    return frozenset(filter(None, {"extensions", *map(group_of, _KUBERNETES)}))


def _homes(kind: str) -> list[str]:
    """The versions of all groups that have a kind."""
    return [each for kinds in _kinds().values() for each in kinds.get(kind, ())]
