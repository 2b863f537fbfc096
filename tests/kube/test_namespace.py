"""What a namespace says of redirects."""

import pytest

from drainproxy.kube.namespace import ENFORCED, forbids_redirect, redirects_if_asked
from tests.kube.test_batch import NAMELESS, inject, join, lines


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_strict_level_of_pod_security_forbids_a_redirect(level: str) -> None:
    why = forbids_redirect("shop", {ENFORCED: level})

    assert why == f"the Pod Security level {level} of namespace shop forbids NET_ADMIN"


@pytest.mark.parametrize(
    "labels",
    [{}, {ENFORCED: "privileged"}, {"pod-security.kubernetes.io/warn": "restricted"}],
)
def test_anything_else_forbids_none(labels: dict[str, str]) -> None:
    assert forbids_redirect("shop", labels) == ""


def test_openshift_is_known_by_what_it_gives_to_each_namespace() -> None:
    assert "SCC" in redirects_if_asked({"openshift.io/sa.scc.uid-range": "1000650000/10000"})
    assert redirects_if_asked({"openshift.io/display-name": "shop"}) == ""


def test_the_level_of_a_namespace_forbids_a_redirect() -> None:
    level = "labels: {pod-security.kubernetes.io/enforce: restricted}"
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, {level}}}\n"
    done = inject(join(namespace, NAMELESS.replace("{name: web}", "{name: web, namespace: shop}")))

    assert lines(done)[0].startswith(
        "deployment/web skipped (port 8080 has no name, and no Service"
    )
    assert "Pod Security level restricted of namespace shop" in done.report.text()


@pytest.mark.parametrize("asked", [True, False])
def test_in_a_namespace_of_openshift_only_who_asks_is_redirected(asked: bool) -> None:
    range_ = "annotations: {openshift.io/sa.scc.uid-range: 1000650000/10000}"
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, {range_}}}\n"
    given = {"drainproxy.io/capture": "redirect"} if asked else {}
    done = inject(
        join(namespace, NAMELESS.replace("{name: web}", "{name: web, namespace: shop}")),
        given=given,
    )

    assert lines(done)[0].startswith(
        "deployment/web injected (redirect" if asked else "deployment/web skipped (port 8080 has no"
    )
    assert ("OpenShift grants NET_ADMIN by an SCC" in done.report.text()) is not asked
