"""Policies that are not changed, and whether they are about a port that moved."""

import pytest

from drainproxy.kube.batch import inject_all
from tests.kube.pods import options
from tests.kube.test_batch import DEPLOYMENT, NAMELESS, SERVICE, join

CILIUM = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: front, namespace: "8080"}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress: [{toPorts: [{ports: [PORT]}]}]
"""
CALICO = """\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: front}
spec: {ingress: [{action: Allow, destination: {ports: [22, PORT]}}]}
"""
API = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: front}
spec: {ingress: [{ports: [{portRange: PORT}]}]}
"""
ISTIO = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: front}
spec: {rules: [{to: [{operation: {ports: [PORT]}}]}]}
"""


def told(*texts: str) -> list[str]:
    result = inject_all({"-": join(*texts)}, options())
    assert not result.failed
    return [each.reason for each in result.lines if each.outcome == "unsupported"]


@pytest.mark.parametrize(
    ("policy", "port", "is_told"),
    [
        (CILIUM, '{port: "8080"}', True),
        (CILIUM, '{port: "8000", endPort: 9000}', True),
        (CILIUM, '{port: "8081"}', False),
        (CILIUM, '{port: "8081", endPort: 9000}', False),
        (CILIUM, '{port: "http"}', False),
        (CALICO, "8080", True),
        (CALICO, '"8000:9000"', True),
        (CALICO, '"9000:9100"', False),
        (API, "{start: 8000, end: 8080}", True),
        (API, "{start: 80, end: 443}", False),
        (ISTIO, '"8080"', True),
        (ISTIO, '"443"', False),
    ],
)
def test_a_policy_of_another_kind_that_names_a_port_which_moved_is_named(
    policy: str, port: str, is_told: bool
) -> None:
    found = told(NAMELESS, SERVICE, policy.replace("PORT", port))

    assert len(found) == is_told
    assert all("may not hold for port 9181" in text and "port 8080" in text for text in found)


def test_a_name_that_moves_is_a_port_that_moves() -> None:
    assert told(DEPLOYMENT, SERVICE, CILIUM.replace("PORT", '{port: "http"}'))


def test_where_no_port_moves_nothing_is_said() -> None:
    policy = CILIUM.replace("PORT", '{port: "8080"}')
    asked = "labels: {app: web}\n      annotations: {drainproxy.io/capture: redirect}"
    redirected = NAMELESS.replace("labels: {app: web}", asked)

    assert told(policy) == []
    assert told(redirected, SERVICE, policy) == []
    assert told(NAMELESS, SERVICE, policy.replace("CiliumNetworkPolicy", "ConfigMap")) == []
