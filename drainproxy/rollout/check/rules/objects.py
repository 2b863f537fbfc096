"""Rules about what objects say that they are: kinds and versions that a cluster has, and pods of
kinds that no rule looks at."""

from collections.abc import Iterator
from typing import Final

from drainproxy.manifests.api_kinds import is_known, unserved
from drainproxy.manifests.templates import makes_pods
from drainproxy.rollout.check.inventory import Inventory
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import OBJECTS, Problem, rule

from .pipeline import TESTS

# Known kinds with pods that no rule looks at.
_PASSED_OVER: Final = {
    *("ReplicaSet", "ReplicationController", "PodTemplate", "ScaledJob"),
    *("Workflow", "CronWorkflow", "WorkflowTemplate", "ClusterWorkflowTemplate"),
}


def version_of(each: Object) -> str:
    """`apps/v1`."""
    return each.root.at("apiVersion").text


def is_passed_over(each: Object) -> bool:
    """Whether it has pods, or a template of pods, and is of a kind that no rule looks at."""
    known = each.kind in TESTS or is_known(version_of(each), each.kind)
    return (each.kind in _PASSED_OVER or not known) and makes_pods(each.body)


def _told(root: FieldPlace, field: str) -> Iterator[Problem]:
    for each in unserved(version_of(root.object), root.object.kind):
        if each.field == field:
            yield Problem(root.at(field), each.problem, None if each.is_certain else "warning")


@rule(
    "kind-unknown",
    "error",
    OBJECTS,
    kinds=("*",),
    about="object",
    reason="A cluster refuses an object of a kind that it does not have, and no rule reads it.",
    remedy="Write the kind as the API does, with its capitals.",
)
def kind_unknown(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """Deploymnt, deployment and "Service " are no kinds, so that nothing in such an object is
    checked. Groups of Kubernetes have all their kinds in a table here; in the groups of Argo,
    Flagger, Flux, KEDA and the Prometheus operator only what is close to a known kind is found.
    Kinds of other groups are left to `kubeconform`."""
    yield from _told(root, "kind")


@rule(
    "version-unknown",
    "error",
    OBJECTS,
    kinds=("*",),
    about="object",
    reason="A cluster refuses an object of an API version that it does not serve.",
    remedy="Write the apiVersion that clusters of today have for this kind.",
)
def version_unknown(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """app/v1 never was, apps/v1beta1 is no longer, and a Deployment is not in v1. Looked at are the
    kinds of the groups that the other rules read; a version of a group of others that is not known
    here is a warning, for it may be newer than this table."""
    yield from _told(root, "apiVersion")


@rule(
    "pods-not-judged",
    "info",
    OBJECTS,
    kinds=("*",),
    about="object",
    reason="The checklist says nothing of pods of a kind that no rule looks at.",
    remedy="Check the workloads that its controller makes, as a cluster has them.",
)
def pods_not_judged(root: FieldPlace, _: Inventory) -> Iterator[Problem]:
    """Operators make workloads from objects of their own kinds. How such pods are probed, drained
    and rolled out is the operator's business, and the boxes do not speak of them."""
    each = root.object
    if is_passed_over(each) and not any(unserved(version_of(each), each.kind)):
        yield Problem(
            root.at("kind"),
            f"the pods of {each.title} are not judged: no rule looks at {version_of(each)}"
            f" {each.kind}",
        )
