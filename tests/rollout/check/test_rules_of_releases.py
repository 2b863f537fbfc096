"""Single questions about what releases, and what watches it."""

import pytest

from .changes import checked

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
