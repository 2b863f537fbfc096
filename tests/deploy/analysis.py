"""How Argo Rollouts takes measurements, after utils/evaluate/evaluate.go and analysis/analysis.go:
what a condition makes of a result, and what a metric makes of the results in a row."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Literal

from tests.deploy.engines import Metric

Phase = Literal["Successful", "Failed", "Inconclusive", "Error", "Running"]


def measured(metric: Metric, result: Any) -> Phase:
    """The phase of one measurement."""
    said = result if isinstance(result, list) else SimpleNamespace(**result)
    good = holds(metric.success_condition, said) if metric.success_condition else None
    bad = holds(metric.failure_condition, said) if metric.failure_condition else None
    if bad is None:
        bad = False if good is None else not good
    if good is None:
        good = not bad
    return "Failed" if bad else "Successful" if good else "Inconclusive"


def holds(condition: str, result: Any) -> bool:
    """A condition in expr, of which those of ours use what Python has too."""
    python = condition.replace("&&", " and ").replace("||", " or ").replace("!isNaN", "not isNaN")
    names = {"result": result, "isNaN": math.isnan, "len": len, "false": False, "true": True}
    return bool(eval(python, {"__builtins__": {}}, names))  # noqa: S307 -- our own manifests


def assessed(metric: Metric, phases: Iterable[Phase]) -> tuple[Phase, int]:
    """The phase that the metric ends in, and after how many measurements."""
    count = failed = inconclusive = errors = passed = number = 0
    for number, phase in enumerate(phases, 1):
        count += phase != "Error"
        failed += phase == "Failed"
        inconclusive += phase == "Inconclusive"
        errors = errors + 1 if phase == "Error" else 0
        passed = passed + 1 if phase == "Successful" else 0
        ended: Mapping[Phase, bool] = {
            "Error": errors > metric.consecutive_error_limit,
            "Inconclusive": inconclusive > metric.inconclusive_limit,
            "Failed": 0 <= metric.failure_limit < failed,
            "Successful": 0 < metric.consecutive_success_limit <= passed,
        }
        for end, reached in ended.items():
            if reached:
                return end, number
        if metric.count is not None and count >= int(metric.count):
            return "Inconclusive" if metric.consecutive_success_limit else "Successful", number
    return "Running", number
