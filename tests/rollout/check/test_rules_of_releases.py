"""Single questions about what releases, and what watches it."""

import pytest

from .changes import checked
from .test_relations import APP, service

ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {strategy: {canary: {steps: [{analysis: {templates: [{templateName: errors}]}}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: errors}
spec:
  args: [{name: NAME}]
  metrics: [{name: e, provider: {prometheus: {query: e}}, successCondition: "result[0] < 1"}]
"""


@pytest.mark.parametrize(
    ("name", "of_pods"),
    [
        ("hash", True),
        ("canary-hash", True),
        ("podTemplateHash", True),
        ("podTemplateHashValue", True),
        ("STABLE_HASH", True),
        ("latesthash", True),
        ("git-hash", False),
        ("commitHash", False),
        ("IMAGE_HASH", False),
        ("hashicorp-address", False),
        ("hashes", False),
        ("threshold", False),
    ],
)
def test_an_argument_for_the_hash_of_pods_is_known_by_its_name(name: str, of_pods: bool) -> None:
    found = {each.rule for each in checked(ROLLOUT.replace("NAME", name)).findings}
    assert ("hash-args-without-valuefrom" in found) is of_pods


KUBE = "{name: kube-apiserver-slos, rules: [{alert: KubeAPIErrorBudgetBurn, expr: 1}]}"
RATES = "{name: rates, rules: [{record: 'apiserver_request:burnrate1d', expr: 1}]}"
OURS = "{name: shop, rules: [{alert: ErrorBudgetBurn, expr: 1}]}"


@pytest.mark.parametrize(
    ("groups", "watched"),
    [(OURS, True), (KUBE, False), (RATES, False), (f"{KUBE}, {RATES}, {OURS}", True)],
)
def test_the_budget_of_the_api_server_is_not_that_of_an_app(groups: str, watched: bool) -> None:
    rule = (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
        f"metadata: {{name: rules, namespace: shop}}\nspec: {{groups: [{groups}]}}\n"
    )
    report = checked("---\n".join((APP, service("{app: web}"), rule)))
    (box,) = (each for each in report.boxes if each.section.id == "budget")
    assert (box.state == "ticked") is watched
    assert ("error-budget-unchecked" in {each.rule for each in box.findings}) is not watched
