"""The nodes that a pod may run on."""

import pytest
from msgspec import convert

from drainproxy.manifests.node_affinity import Affinity
from drainproxy.manifests.podspec import Json


def terms(*terms: Json | None) -> Json:
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [*terms]}}


def system(*values: str, key: str = "kubernetes.io/os", operator: str = "In") -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("node_affinity", "is_windows"),
    [
        (terms(system("windows")), True),
        (terms(system("windows", key="beta.kubernetes.io/os")), True),
        (terms(system("windows"), system("windows")), True),
        (terms(system("windows"), system("linux")), False),
        (terms(system("windows"), None), False),
        (terms(system("windows", "linux")), False),
        (terms(system("windows", operator="NotIn")), False),
        (terms(system("windows", key="zone")), False),
        (terms(system("a", key="zone")), False),
        (terms({"matchFields": []}), False),
        (terms(), False),
        ({"preferredDuringSchedulingIgnoredDuringExecution": []}, False),
        (None, False),
    ],
)
def test_a_pod_runs_on_windows_where_no_other_node_is_allowed(
    node_affinity: Json | None, is_windows: bool
) -> None:
    assert convert({"nodeAffinity": node_affinity}, Affinity).is_windows == is_windows
