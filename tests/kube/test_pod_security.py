"""What a namespace with the Pod Security level `restricted` says to injected pods."""

import pytest
from hypothesis import given

from drainproxy.kube.inject import Injected, inject
from drainproxy.manifests.podspec import Json
from tests.kube.pod_security import violations
from tests.kube.pods import injected, options, pod, pods, sidecar


def strict(annotations: dict[str, str] | None = None, **context: object) -> Json:
    """A pod that such a namespace takes."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    before = pod(annotations=annotations, securityContext=own)
    whole = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **context}
    before["spec"]["securityContext"] = whole
    return before


@pytest.mark.parametrize("native", ["true", "false"])
def test_a_pod_that_was_taken_is_taken_with_its_sidecar(native: str) -> None:
    before = strict({"drainproxy.io/native-sidecar": native}, runAsUser=1000)

    assert violations(before) == []
    assert violations(injected(before).pod) == []


@given(before=pods())
def test_the_sidecar_itself_breaks_no_rule_whatever_the_pod_says(before: Json) -> None:
    done = inject(before, options())

    if isinstance(done, Injected):
        found = violations(done.pod)
        assert [text for text in found if text.startswith(("drainproxy:", "volume drain"))] == []


def test_a_redirect_needs_what_no_such_namespace_grants() -> None:
    found = violations(injected(strict({"drainproxy.io/capture": "redirect"})).pod)

    assert found == [
        *("drainproxy-redirect: runAsNonRoot", "drainproxy-redirect: runAsUser"),
        "drainproxy-redirect: capabilities.add",
    ]


def test_a_cluster_that_gives_each_namespace_users_of_its_own_may_choose_ours() -> None:
    """OpenShift's restricted-v2 refuses a runAsUser outside the range of the namespace."""
    context = sidecar(injected(strict()).pod)["securityContext"]

    assert not {"runAsUser", "runAsGroup"} & {*context}
    assert context["runAsNonRoot"] is True
