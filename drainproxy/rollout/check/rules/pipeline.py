"""The pipeline's own boxes: a smoke test, and something that watches the error budget."""

import re
from collections.abc import Iterator
from typing import Final

from ..commands import Call, call, commands
from ..inventory import Inventory, hook_of, hook_phases
from ..place import Object
from ..rule import BUDGET, SMOKE, Problem, rule
from ..workload import Workload
from .analysis import TEMPLATES, analyses

_SMOKE_HOOKS: Final = {"test", "test-success", "PostSync", "post-upgrade"}
_SMOKE_WEBHOOKS: Final = ("pre-rollout", "rollout", "confirm-promotion")
_TESTS: Final = ("Test", "TestSuite", "TestWorkflow", "TestRun")
_SMOKES: Final = call("drainproxy", "smoke")
_GATES: Final = call("drainproxy", "gate")
# Objects of Sloth, Pyrra, OpenSLO, Google, Datadog and Nobl9 that are nothing but a budget.
_SLOS: Final = (
    *("PrometheusServiceLevel", "ServiceLevelObjective", "SLO", "DatadogSLO"),
    "MonitoringServiceLevelObjective",
)
_BURN = re.compile(r"burn|error[-_:. ]?budget|(?<![a-z])slo(?![a-z])", re.IGNORECASE)


@rule(
    "smoke-test-missing",
    "warning",
    SMOKE,
    once=True,
    reason="Without a smoke test the first client tests the release.",
    remedy="Add a Helm test, a PostSync hook or a Job that runs `drainproxy smoke`.",
)
def smoke_test_missing(workload: Workload, inventory: Inventory) -> Iterator[Problem]:
    """A Helm test, an Argo CD PostSync hook, a Canary's pre-rollout webhook, an analysis by a Job,
    or any Job that runs `drainproxy smoke` ticks the box. One in the input is enough."""
    if workload.serves and not inventory.that(_is_a_smoke_test):
        place = workload.root.at("metadata", "name")
        yield Problem(place, f"nothing in this input tests {workload.title} once it is rolled out")


def _is_a_smoke_test(each: Object) -> bool:
    root = each.root
    hook = hook_of(each)
    if hook is not None and hook_phases(hook) & _SMOKE_HOOKS:
        return each.kind in ("Job", "Pod")
    if each.kind == "HelmRelease":
        return root.at("spec", "test", "enable").value is True
    if each.kind == "Canary":
        hooks = root.at("spec", "analysis", "webhooks").items
        return any(one.at("type").text in _SMOKE_WEBHOOKS for one in hooks)
    if each.kind in TEMPLATES:
        metrics = root.at("spec", "metrics").items
        return any(one.at("provider", "job").exists for one in metrics)
    return each.kind in _TESTS or (each.kind in ("Job", "CronJob") and _runs(each, _SMOKES))


@rule(
    "error-budget-unchecked",
    "warning",
    BUDGET,
    once=True,
    reason="A release that nothing measures spends the error budget unseen.",
    remedy="Add an analysis, a gate or an SLO rule with burn-rate alerts.",
)
def error_budget_unchecked(workload: Workload, inventory: Inventory) -> Iterator[Problem]:
    """An analysis of Argo Rollouts or Flagger, a Job that runs `drainproxy gate`, an object of
    Sloth, Pyrra or OpenSLO, or a PrometheusRule about burn rates ticks the box. Whether the budget
    is sufficient now is what `drainproxy gate budget` asks Prometheus."""
    if workload.serves and not inventory.that(_watches_the_budget):
        place = workload.root.at("metadata", "name")
        yield Problem(place, f"nothing in this input measures the errors of {workload.title}")


def _watches_the_budget(each: Object) -> bool:
    root = each.root
    if each.kind == "Canary":
        analysis = root.at("spec", "analysis")
        measured = analysis.at("metrics").items or analysis.at("webhooks").items
        return bool(measured) and root.at("spec", "skipAnalysis").value is not True
    if each.kind == "Rollout":
        return bool(analyses(root))
    if each.kind == "PrometheusRule":
        return any(_BURN.search(place.text) for place in root.every_text())
    if each.kind in ("Job", "CronJob"):
        return _runs(each, _GATES)
    return each.kind in TEMPLATES or each.kind in _SLOS


def _runs(each: Object, wanted: Call) -> bool:
    return any(wanted.found_in(text) for _, text in commands(each))
