"""NetworkPolicies: which of them are about a pod, and which would shut its clients out."""

import pytest

from drainproxy.manifests.misfits import Misfit
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.policies import Move, NetworkPolicy, PolicyPod, policies
from drainproxy.manifests.policies import policy as find

LABELS = {"app": "web", "tier": "front"}
HERE = PolicyPod("shop", LABELS, {"team": "a"})
MOVE = Move(8080, 9181, "http")
INGRESS = ("spec", "ingress", "0", "ports")
EGRESS = ("spec", "egress", "0", "ports")


def policy(namespace: str = "shop", **spec: object) -> NetworkPolicy:
    (found,) = policies([_body(spec, namespace=namespace)])
    return found


def _body(spec: object, **metadata: str) -> Json:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "front", **metadata},
        "spec": spec,
    }


def test_it_is_about_pods_of_its_namespace_that_have_its_labels() -> None:
    assert policy().selects(HERE)
    assert policy(podSelector={"matchLabels": {"app": "web"}}).selects(HERE)
    assert not policy(podSelector={"matchLabels": {"app": "other"}}).selects(HERE)
    assert not policy(namespace="other").selects(HERE)


@pytest.mark.parametrize(
    ("ports", "too_narrow"),
    [
        ([{"port": 8080}], True),
        ([{"port": 8080, "protocol": "TCP"}], True),
        ([{"port": 8000, "endPort": 8100}], True),
        ([{"port": "http"}], True),
        ([{"port": 8080}, {"port": 9181}], False),
        ([{"port": 8000, "endPort": 9999}], False),
        ([{"port": "https"}], False),
        ([{"port": 8080, "protocol": "UDP"}], False),
        ([{"protocol": "TCP"}], False),
        ([], False),
        (None, False),
    ],
)
def test_who_may_reach_the_app_must_be_allowed_to_reach_the_sidecar(
    ports: list[Json] | None, too_narrow: bool
) -> None:
    ingress = policy(ingress=[{"from": [], "ports": ports}])
    egress = policy(podSelector={"matchLabels": {"app": "x"}}, egress=[{"ports": ports}])

    assert [*ingress.too_narrow(HERE, MOVE)] == [INGRESS] * too_narrow
    assert [*egress.too_narrow(HERE, MOVE)] == [EGRESS] * too_narrow


@pytest.mark.parametrize(
    ("namespace", "peer", "meant"),
    [
        ("shop", {"podSelector": {"matchLabels": {"app": "web"}}}, True),
        ("shop", {"podSelector": {"matchLabels": {"app": "x"}}}, False),
        ("other", {"podSelector": {}}, False),
        ("other", {"namespaceSelector": {}}, True),
        ("other", {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}, False),
        ("other", {"namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
        ("other", {"namespaceSelector": {"matchLabels": {"team": "b"}}}, False),
        (
            "other",
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}},
            True,
        ),
        ("shop", {"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
    ],
)
def test_those_who_may_go_to_the_pod_may_go_to_its_sidecar(
    namespace: str, peer: Json, meant: bool
) -> None:
    found = policy(namespace, egress=[{"to": [peer], "ports": [{"port": 8080}]}])

    assert [*found.too_narrow(HERE, MOVE)] == [EGRESS] * meant


def test_a_namespace_whose_labels_nobody_knows_may_be_meant() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"team": "b"}}}
    found = policy("other", egress=[{"to": [peer], "ports": [{"port": 8080}]}])

    assert [*found.too_narrow(PolicyPod("shop", LABELS), MOVE)] == [EGRESS]


def test_a_port_whose_name_stays_is_not_meant_by_it() -> None:
    found = policy(ingress=[{"ports": [{"port": "http"}]}])

    assert [*found.too_narrow(HERE, Move(8080, 9181))] == []


def test_null_is_the_empty_object() -> None:
    """It selects all pods, and allows everything."""
    found = policy(podSelector=None, ingress=[None, {"ports": [None]}, {"ports": [{"port": 8080}]}])
    (nothing,) = policies([_body(None, namespace="shop")])

    assert [*found.too_narrow(HERE, MOVE)] == [("spec", "ingress", "2", "ports")]
    assert nothing.selects(HERE)
    assert [*nothing.peers()] == []
    assert [*nothing.too_narrow(HERE, MOVE)] == []


def test_whatever_it_is_about_is_selected_by_one_of_its_peers() -> None:
    web, api = ({"matchLabels": {"app": name}} for name in ("web", "api"))
    to_api = [{"to": [{"podSelector": api}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    to_all: list[Json] = [{}, {"to": [{"namespaceSelector": {}}]}]

    def peers(**rules: list[Json]) -> list[tuple[str | None, object]]:
        (found,) = policies([_body({"podSelector": web, **rules}, namespace="shop")])
        return [(namespace, selector.match_labels) for namespace, selector in found.peers()]

    assert peers(ingress=[{}]) == [("shop", {"app": "web"})]
    assert peers(egress=to_api) == [("shop", {"app": "api"})]
    assert peers(egress=to_all) == [(None, None), (None, None)]


def test_what_is_no_policy_or_cannot_be_read_is_left_out() -> None:
    cilium = {**_body({}), "apiVersion": "cilium.io/v2"}
    wrong = _body({"ingress": "all"})

    assert list(policies([cilium, wrong, {"kind": "Service"}])) == []


def test_a_policy_that_kubernetes_would_not_take_is_named() -> None:
    label = _body({"podSelector": {"matchLabels": {"app": "web", "v": 1}}})
    port = _body({"ingress": [{"ports": [{"port": 80}, {"port": "8080"}]}]})

    with pytest.raises(Misfit, match="is no NetworkPolicy: label v is a number: put it in quotes"):
        find(label)
    with pytest.raises(Misfit, match="digits in quotes name no port") as caught:
        find(port)
    assert caught.value.path == ("spec", "ingress", 0, "ports", 1, "port")
