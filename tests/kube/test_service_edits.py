"""Changes of Services and policies, each with its record."""

from drainproxy.kube.capture import Rewrite
from drainproxy.kube.ports import PortTakeover
from drainproxy.kube.service_edits import move, retargeted, widened
from drainproxy.kube.status import restored
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.policies import PolicyPod, policy
from drainproxy.manifests.services import service

SERVICE: Json = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {
        "ports": [
            {"name": "web", "port": 80, "targetPort": 8080},
            {"name": "same", "port": 80, "protocol": "UDP"},
            {"name": "bare", "port": 9000},
        ]
    },
}
POLICY: Json = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "front", "annotations": None},
    "spec": {"podSelector": {}, "ingress": [{}, {"ports": [{"port": 8080}]}]},
}
HERE = PolicyPod("", {"app": "web"})


def test_a_service_targets_what_it_is_told_and_comes_back() -> None:
    view = service(SERVICE)
    assert view
    rewrites = [Rewrite(view, view.ports[0], "http"), Rewrite(view, view.ports[1], 9181)]
    body, texts = retargeted(SERVICE, view, rewrites)

    assert [port.get("targetPort") for port in body["spec"]["ports"]] == ["http", None, 9181]
    assert texts == ["port 80 targets http (was 8080)", "port 9000 targets 9181 (was 9000)"]
    assert restored(body) == SERVICE


def test_a_policy_allows_the_sidecars_port_once_and_comes_back() -> None:
    view = policy(POLICY)
    assert view
    moves = [
        (HERE, move(PortTakeover(8080, 9181))),
        (PolicyPod("", {}), move(PortTakeover(8080, 9181))),
    ]
    body = widened(POLICY, view, moves)

    assert body["spec"]["ingress"] == [
        {},
        {"ports": [{"port": 8080}, {"port": 9181, "protocol": "TCP"}]},
    ]
    assert restored(body) == POLICY
    body["spec"]["ingress"][1]["ports"].insert(0, {"port": 1})
    assert restored(body)["spec"]["ingress"][1]["ports"] == [{"port": 1}, {"port": 8080}]


def test_what_need_not_change_has_no_record() -> None:
    view, other = policy(POLICY), service(SERVICE)
    assert view
    assert other

    assert widened(POLICY, view, []) == POLICY
    assert retargeted(SERVICE, other, []) == (SERVICE, [])
