"""Saturation: how busy a pod of the canary is, beside a pod of stable.

A busy pod is no fault by itself, so this never fails a rollout: it holds it.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final

from .judgement import SignalJudgement
from .samples import Series
from .versions import Version

# Pods of the canary may be so many times as busy as one of stable, if they are busy at all.
_BUSIER: Final = 2.0
_BUSY: Final = 10.0


def judge_saturation(
    canary: Version, stable: Version, weight: float | None = None
) -> SignalJudgement | None:
    """A hold if the canary's pods bear too much, None if not; `weight`: of the canary, in
    percent."""
    for metric in ("drainproxy_in_flight", "drainproxy_connections"):
        its, others = (_by_pod(one.series(metric)) for one in (canary, stable))
        if not its or not others:
            continue
        what = metric.removeprefix("drainproxy_")
        for pod, value in (*its.items(), *others.items()):
            if not isfinite(value):
                return _held(f"{what} of {pod} is {value}, no number")
        per_pod = sum(its.values()) / len(its)
        usual, of_whom = _usual(its, others, weight)
        if per_pod > _BUSY and per_pod > _BUSIER * usual:
            return _held(f"{per_pod:.0f} {what} per pod, beside {usual:.0f} {of_whom}")
    return None


def _usual(
    its: Mapping[str, float], others: Mapping[str, float], weight: float | None
) -> tuple[float, str]:
    """What a pod may bear, and whose load that is.

    Pods of stable idle as the weight of the canary grows, and its pods are scaled to the weight or
    not: so what counts is the load per pod where the traffic is even, and the share of the traffic
    where it is not, and never more than stable bore before there was a canary.
    """
    borne = sum(others.values())
    alone = (sum(its.values()) + borne) / len(others)
    if weight is None or not 0 < weight < 100:
        return alone, "if stable bore all"
    by_weight = borne * weight / (100 - weight) / len(its)
    even = max(borne / len(others), by_weight)
    return min((even, f"by stable's at a weight of {weight:g} %"), (alone, "if stable bore all"))


def _by_pod(series: Iterable[Series]) -> Mapping[str, float]:
    pods: dict[str, float] = {}
    for each in series:
        if each.samples:
            pods[each.pod] = pods.get(each.pod, 0.0) + each.samples[-1][1]
    return pods


def _held(reason: str) -> SignalJudgement:
    return SignalJudgement("saturation", "hold", reason)
