"""NetworkPolicies, and which pods they are about."""

import pytest

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.policies import Policy, policies

LABELS = {"app": "web", "tier": "front"}


def policy(selector: Json | None = None, **metadata: str) -> Policy:
    (found,) = policies([_body(selector, **metadata)])
    return found


def _body(selector: Json | None = None, **metadata: str) -> Json:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "front", **metadata},
        "spec": {} if selector is None else {"podSelector": selector},
    }


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, False),
    ],
)
def test_it_is_about_the_pods_that_have_its_labels(selector: Json | None, selected: bool) -> None:
    assert policy(selector).selects("", LABELS) == selected


def test_it_is_about_pods_of_its_namespace() -> None:
    assert policy(namespace="shop").selects("shop", LABELS)
    assert not policy(namespace="shop").selects("", LABELS)


def test_without_a_rule_nobody_is_let_in() -> None:
    assert not policy().lets_in(8080)


def test_what_is_no_policy_or_cannot_be_read_is_left_out() -> None:
    cilium = {**_body(), "apiVersion": "cilium.io/v2"}
    wrong = {**_body(), "spec": {"ingress": "all"}}

    assert list(policies([cilium, wrong, {"kind": "Service"}])) == []
