"""Which names of kinds and versions are mistakes, and what was meant."""

import pytest

from drainproxy.manifests.api_kinds import is_known, is_served, unserved

KINDS = [
    ("apps/v1", "Deploymnt", "Deployment"),
    ("apps/v1", "deployment", "Deployment"),
    ("apps/v1", "Deployments", "Deployment"),
    ("v1", "Service ", "Service"),
    ("v1", "list", "List"),
    ("batch/v1", "Cronjob", "CronJob"),
    ("policy/v1", "PodDisruptionBudge", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoScaler", "HorizontalPodAutoscaler"),
    ("networking.k8s.io/v1", "NetworkPolicies", "NetworkPolicy"),
    ("argoproj.io/v1alpha1", "Rolout", "Rollout"),
    ("flagger.app/v1beta1", "canary", "Canary"),
]
VERSIONS = [
    ("app/v1", "Deployment", "there is no 'app/v1': did you mean apps/v1?"),
    ("Apps/v1", "Deployment", "there is no 'Apps/v1': did you mean apps/v1?"),
    ("apps.k8s.io/v1", "Deployment", "did you mean apps/v1?"),
    ("networking/v1", "NetworkPolicy", "did you mean networking.k8s.io/v1?"),
    ("core/v1", "Pod", "did you mean v1?"),
    ("argo.io/v1alpha1", "Rollout", "did you mean argoproj.io/v1alpha1?"),
    ("apps/v2", "Deployment", "there is no Deployment in 'apps/v2': make it apps/v1"),
    ("V1", "Service", "there is no Service in 'V1': make it v1"),
    ("v1", "Deployment", "v1 has no Deployment: make it apps/v1"),
    ("apps", "Deployment", "apps has no Deployment: make it apps/v1"),
    ("apps/v1", "CronJob", "apps/v1 has no CronJob: make it batch/v1"),
    (
        "apps/v1beta1",
        "Deployment",
        "have no Deployment in apps/v1beta1: make it apps/v1",
    ),
    ("networking.k8s.io/v1beta1", "Ingress", "Kubernetes 1.22 and newer have no Ingress in"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "make it autoscaling/v2"),
    (
        "policy/v1beta1",
        "PodSecurityPolicy",
        "Kubernetes 1.25 and newer have no Pod",
    ),
]
# A name of somebody's, which may well be right.
OTHERS = [
    ("serving.knative.dev/v1", "Service"),
    ("batch.volcano.sh/v1alpha1", "Job"),
    ("apps.kruise.io/v1beta1", "StatefulSet"),
    ("rollouts.kruise.io/v1beta1", "Rollout"),
    ("crd.projectcalico.org/v1", "NetworkPolicy"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("config.openshift.io/v1", "Ingress"),
    ("synthetics.services.k8s.aws/v1alpha1", "Canary"),
    ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
    ("argoproj.io/v1alpha1", "Widget"),
    ("openslo/v1", "Service"),
    ("example.com/v1", "Deploymnt"),
    ("v1", "Config"),
]


@pytest.mark.parametrize(("version", "kind", "meant"), KINDS)
def test_a_kind_that_is_none_is_told_with_the_one_that_was_meant(
    version: str, kind: str, meant: str
) -> None:
    (found,) = unserved(version, kind)
    assert (found.field, found.is_certain) == ("kind", True)
    assert found.problem == f"there is no kind {kind!r}: did you mean {meant}?"
    assert not any(unserved(version, meant))


@pytest.mark.parametrize(("version", "kind", "problem"), VERSIONS)
def test_a_version_that_no_cluster_serves_is_told_with_the_right_one(
    version: str, kind: str, problem: str
) -> None:
    (found,) = unserved(version, kind)
    assert (found.field, found.is_certain) == ("apiVersion", True)
    assert problem in found.problem
    assert not is_served(version, kind)


def test_both_names_may_be_wrong() -> None:
    for version in ("app/v1", "apps/v1beta1", "v1", "apps"):
        assert [each.field for each in unserved(version, "Deploymnt")] == ["kind", "apiVersion"]


@pytest.mark.parametrize(("version", "kind"), OTHERS)
def test_what_another_group_may_have_is_no_mistake(version: str, kind: str) -> None:
    assert not any(unserved(version, kind))
    assert is_known(version, kind) is (kind == "Config")


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("apps/v1", "Widget"),
        ("v1", "Widget"),
        ("extensions/v1", "Widget"),
        ("argoproj.io/v2", "Rollout"),
    ],
)
def test_what_may_be_newer_than_the_table_is_uncertain(version: str, kind: str) -> None:
    assert [each.is_certain for each in unserved(version, kind)] == [False]


def test_the_past_is_known() -> None:
    assert is_known("extensions/v1beta1", "Deployment")
    assert not is_served("extensions/v1beta1", "Deployment")
