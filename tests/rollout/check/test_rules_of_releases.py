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


@pytest.mark.parametrize(
    ("name", "watched"),
    [
        ("ErrorBudgetBurn", True),
        ("PaymentsSLOBurn", True),
        ("burn_rate_high", True),
        ("shop:error:burnrate1h", True),
        ("FastBurn", True),
        ("shop-slo", True),
        ("NodeCPUBurning", False),
        ("FuelBurned", False),
        ("SlowQueries", False),
    ],
)
def test_an_alert_about_a_budget_is_known_by_its_name(name: str, watched: bool) -> None:
    rule = (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: rules}\n"
        f"spec: {{groups: [{{name: a, rules: [{{alert: '{name}', expr: 1}}]}}]}}\n"
    )
    found = {each.rule for each in checked(f"{APP}---\n{rule}").findings}
    assert ("error-budget-unchecked" in found) is not watched


@pytest.mark.parametrize(
    ("command", "tests"),
    [
        ("curl -fsS http://web/", True),
        ("curl -sSfo /dev/null http://web/", True),
        ("wget -qO- http://web/", True),
        ("wget -O - http://web/", True),
        ("wget --spider http://web/", True),
        ("set -eo pipefail; curl http://web/", True),
        ("curl -o /tmp/a http://files/a; curl http://web/", True),
        ("curl -o /tmp/a http://web/health && grep -q ok /tmp/a", True),
        ("curl -fsSo answer http://web/; cat answer | jq -e .ok", True),
        ("curl --output=a.txt http://web/ && diff a.txt expected", True),
        ("curl -O http://web/health.json && grep ok health.json", True),
        ("code=$(curl -so /tmp/a -w %{http_code} http://web/)", True),
        ("curl -o /bin/tool http://files/tool && chmod +x /bin/tool", False),
        ("curl -o /tmp/a http://files/a && grep ok /tmp/b", False),
        ("grep host /etc/hosts; wget -O /tmp/db http://files/db && tar xf /tmp/db", False),
        ("wget -O /data/geo.db https://files.example/geo.db", False),
        ("curl -fsSLo geo.db https://files.example/geo.db", False),
        ("curl -O https://files.example/geo.db", False),
        ("curl --output=/data/a https://files.example/a", False),
        ("wget -qO/data/a https://files.example/a", False),
    ],
)
def test_a_job_that_fetches_a_file_tests_nothing(command: str, tests: bool) -> None:
    job = (
        "apiVersion: batch/v1\nkind: Job\n"
        "metadata: {name: after, annotations: {argocd.argoproj.io/hook: PostSync}}\n"
        "spec: {template: {spec: {containers: [{name: a, "
        f"command: [sh, -c, '{command}']}}]}}}}}}\n"
    )
    found = {each.rule for each in checked(f"{APP}---\n{job}").findings}
    assert ("smoke-test-missing" in found) is not tests


PHASE, VERSION = "drainproxy.io/migration-phase", "drainproxy.io/schema-version"


@pytest.mark.parametrize(
    ("own", "pods", "said"),
    [
        (f"{PHASE}: expand", f"{PHASE}: expand", ""),
        (f"{PHASE}: expand", f"{PHASE}: contract", "contradicts 'expand'"),
        (f"{PHASE}: expand", f"{PHASE}: Expand", "'Expand' is no phase"),
        ("", f"{PHASE}: migrate", ""),
        (f"{VERSION}: '12'", f"{VERSION}: '12'", ""),
        (f"{VERSION}: '12'", f"{VERSION}: '13'", "'13' contradicts '12'"),
        (f"{VERSION}: 12", "", 'write "12" in quotes'),
        (f"{VERSION}: v12", "", "'v12' is no schema version"),
    ],
)
def test_phase_and_version_are_said_once_and_as_texts(own: str, pods: str, said: str) -> None:
    app = APP.replace("namespace: shop}", f"namespace: shop, annotations: {{{own}}}}}", 1)
    labels = "labels: {app: web, tier: front}"
    app = app.replace(labels, f"{labels}\n      annotations: {{{pods}}}")
    found = [e.message for e in checked(app).findings if e.rule == "migration-phase-invalid"]
    assert (said in "".join(found), bool(found)) == (True, bool(said))


def test_a_contract_in_a_release_is_told_when_it_may_come() -> None:
    contract = f"namespace: shop, annotations: {{{PHASE}: contract}}}}"
    app = APP.replace("namespace: shop}", contract, 1)
    (said,) = (e.message for e in checked(app).findings if e.rule == "contract-in-release")
    assert said.endswith("and begin the contract 24 h after that was deployed")
