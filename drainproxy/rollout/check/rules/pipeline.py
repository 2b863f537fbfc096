"""Rules about the pipeline: a smoke test, and a watch on the error budget."""

import re
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.check.commands import Call, call, commands
from drainproxy.rollout.check.inventory import Inventory, hook_of, hook_phases
from drainproxy.rollout.check.place import FieldPlace, Object
from drainproxy.rollout.check.rule import BUDGET, SMOKE, Problem, rule
from drainproxy.rollout.check.workload import CheckedWorkload

from .analysis import TEMPLATES, analyses

_TEST_HOOKS: Final = {"test", "test-success"}
# What runs after an upgrade may be a test, a migration, a message to somebody.
_LATE_HOOKS: Final = {"PostSync", "post-upgrade", "post-install"}
_TESTING: Final = re.compile(
    r"(?<![a-z])(?:smoke|tests?|testing|verify|verification|e2e|acceptance|health-?checks?"
    r"|grpcurl|grpc_health_probe|hurl|newman|k6|pytest|playwright|cypress)(?![a-z])",
    re.IGNORECASE,
)
_ASKING: Final = re.compile(r"(?<![a-z])(?:curl|wget)(?![a-z])[^;|&\n]*", re.IGNORECASE)
# It fetches a file; what it writes to nowhere or prints is looked at.
_SAVING: Final = re.compile(
    r"\s(?:-[a-zA-Z]*[oO]|--output(?:-document)?|--remote-name)(?:[ =]|(?=[-/\w]))"
    r"(?!-(?:\s|$)|/dev/(?:null|stdout))\S"
)
# curl prints the status, whatever it writes to a file.
_STATUS: Final = re.compile(r"\s(?:-[a-zA-Z]*w|--write-out)[ =]")
# What looks into files, and says by its exit code what it has found.
_JUDGING: Final = re.compile(
    r"(?<![\w-])(?:cat\s[^;|&\n]*\|\s*)?(?:[ef]?grep|jq|yq|diff|cmp|awk|xmllint)\s[^;|&\n]*"
)
_MOST_JUDGING: Final = 100
# It tells somebody of the deployment, or clears a cache.
_SENDING: Final = re.compile(
    r"(?:-X ?|--request[ =])(?:POST|PUT|PATCH|DELETE|PURGE)\b|\s(?:-d|--data|--post)"
)
_TELLING: Final = re.compile(r"slack|notif|teams|pagerduty|telegram|discord", re.IGNORECASE)
# Flagger runs these before clients come; those of type rollout make load.
_SMOKE_WEBHOOK: Final = "pre-rollout"
# Of Flagger's load tester: they answer what somebody has set by hand.
_BY_HAND: Final = re.compile(r"/gate/(?:approve|halt|check|open|close)/?$")
TESTS: Final = ("Test", "TestSuite", "TestWorkflow", "TestRun")
_SMOKES: Final = call("drainproxy", "smoke")
_GATES: Final = call("drainproxy", "gate")
# Objects of Sloth, Pyrra, OpenSLO, Google, Datadog and Nobl9 that are nothing but a budget.
_SLOS: Final = (
    "PrometheusServiceLevel",
    "ServiceLevelObjective",
    "SLO",
    "DatadogSLO",
    "MonitoringServiceLevelObjective",
)
# They are often kept with Prometheus, in another namespace than what they are about.
BUDGETS: Final = ("PrometheusRule", *_SLOS)
_API_SERVER = re.compile(r"apiserver_request|kube-?apiserver", re.IGNORECASE)
_BURN = re.compile(
    r"burn[-_ ]?rate|(?:budget|slo|errors?|fast|slow)[-_: ]?burn|error[-_:. ]?budget"
    r"|(?<![a-z])slo(?![a-z])",
    re.IGNORECASE,
)


@rule(
    "smoke-test-missing",
    "warning",
    SMOKE,
    once=True,
    reason="Without a smoke test the first client tests the release.",
    remedy="Add a Helm test, a PostSync hook or a Job that runs `drainproxy smoke`.",
)
def smoke_test_missing(workload: CheckedWorkload, inventory: Inventory) -> Iterator[Problem]:
    """A Helm test, an Argo CD PostSync hook that tests or asks something, a Canary's pre-rollout
    webhook, an analysis by a Job, or any Job that runs `drainproxy smoke` ticks the box. One in the
    input is enough."""
    if workload.serves and not smoke_tests(inventory):
        place = workload.root.at("metadata", "name")
        yield Problem(place, f"nothing in this input tests {workload.title} once it is rolled out")


def smoke_tests(inventory: Inventory) -> list[Object]:
    """What tests a release."""
    return inventory.that(_is_a_smoke_test)


def _is_a_smoke_test(each: Object, inventory: Inventory) -> bool:
    root = each.root
    phases = hook_phases(hook) if (hook := hook_of(each)) else set()
    if each.kind in ("Job", "Pod") and phases & (_TEST_HOOKS | _LATE_HOOKS):
        tests = _runs(each, _SMOKES, inventory) or _tests(each, inventory)
        return bool(phases & _TEST_HOOKS) or tests
    if each.kind == "HelmRelease":
        return root.at("spec", "test", "enable").value is True
    if each.kind == "Canary":
        hooks = root.at("spec", "analysis", "webhooks").items
        return any(one.at("type").text == _SMOKE_WEBHOOK for one in hooks)
    if each.kind in TEMPLATES:
        metrics = root.at("spec", "metrics").items
        return any(one.at("provider", "job").exists for one in metrics)
    is_job = each.kind in ("Job", "CronJob")
    return each.kind in TESTS or (is_job and _runs(each, _SMOKES, inventory))


@rule(
    "error-budget-unchecked",
    "warning",
    BUDGET,
    once=True,
    reason="A release that nothing measures spends the error budget unseen.",
    remedy="Add an analysis, a gate or an SLO rule with burn-rate alerts.",
)
def error_budget_unchecked(workload: CheckedWorkload, inventory: Inventory) -> Iterator[Problem]:
    """An analysis of Argo Rollouts or Flagger, a Job that runs `drainproxy gate`, an object of
    Sloth, Pyrra or OpenSLO, or a PrometheusRule about burn rates ticks the box. Whether the budget
    is sufficient now is what `drainproxy gate budget` asks Prometheus."""
    if workload.serves and not watchers(inventory):
        place = workload.root.at("metadata", "name")
        yield Problem(place, f"nothing in this input measures the errors of {workload.title}")


def _tests(job: Object, inventory: Inventory) -> bool:
    """Whether a Job's own words say that it tests, and not that it tells somebody."""
    words = [job.name, *(text for _, text in commands(job, inventory))]
    if any(map(_TELLING.search, words)):
        return False
    asks = any(map(_asks_something, words)) and not any(map(_SENDING.search, words))
    return asks or any(map(_TESTING.search, words))


def _asks_something(text: str) -> bool:
    """Whether a request is sent whose answer is no file to keep, or one that is judged."""
    judged = [each[0] for each in _JUDGING.finditer(text)][:_MOST_JUDGING]
    return any(_is_looked_at(each[0], judged) for each in _ASKING.finditer(text))


def _is_looked_at(request: str, judged: list[str]) -> bool:
    saving = _SAVING.search(request)
    if saving is None or _STATUS.search(request):
        return True
    # The option's value begins with the last character that was matched. Of a URL, the last part.
    file = request[saving.end() - 1 :].split(maxsplit=1)[0].strip("\"'").rpartition("/")[2]
    return bool(file) and any(file in each for each in judged)


def watchers(inventory: Inventory) -> list[Object]:
    """What measures the errors of a release."""
    return inventory.that(_watches_the_budget)


def runs_a_gate(each: Object, inventory: Inventory) -> bool:
    """Whether it is a Job that runs `drainproxy gate`."""
    return each.kind in ("Job", "CronJob", "Pod") and _runs(each, _GATES, inventory)


def _watches_the_budget(each: Object, inventory: Inventory) -> bool:
    root = each.root
    if each.kind == "Canary":
        analysis = root.at("spec", "analysis")
        hooks = any(map(_is_a_gate, analysis.at("webhooks").items))
        return (
            bool(analysis.at("metrics").items or hooks)
            and root.at("spec", "skipAnalysis").value is not True
        )
    if each.kind == "Rollout":
        return bool(analyses(root))
    if each.kind == "PrometheusRule":
        return any(map(_is_about_a_budget, root.at("spec", "groups").items))
    if each.kind in ("Job", "CronJob", "Pod"):
        return runs_a_gate(each, inventory)
    return each.kind in TEMPLATES or each.kind in _SLOS


def _is_about_a_budget(group: FieldPlace) -> bool:
    """Whether a group of rules is about the error budget of an app. That of the cluster's own API
    server comes with kube-prometheus."""
    texts = [place.text for place in group.every_text()]
    return any(map(_BURN.search, texts)) and not any(map(_API_SERVER.search, texts))


def _is_a_gate(webhook: FieldPlace) -> bool:
    """Whether something is asked for a verdict, and not a person."""
    asks = webhook.at("type").text.startswith("confirm-") or webhook.at("type").text == "rollback"
    return asks and not _BY_HAND.search(webhook.at("url").text)


def _runs(each: Object, wanted: Call, inventory: Inventory) -> bool:
    return any(wanted.found_in(text) for _, text in commands(each, inventory))
