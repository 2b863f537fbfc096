"""Judges the error budget: how much is left, and how fast it is spent. Without numbers it is a
hold."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from .judgement import SignalJudgement
from .samples import Series

# So little left, or a month's budget gone in two days, seen over an hour and still going on (Google
# SRE workbook, "Alerting on SLOs"): no time for a release.
_LEAST_LEFT: Final = 0.1
_MOST_BURN: Final = 14.4
_BURNS: Final = ("burn 1h", "burn 5m")

# What is asked, by whoever computes it; `{service}` is the service's name in its rules.
SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "sloth": {
        "remaining": 'min(slo:period_error_budget_remaining:ratio{{sloth_service="{service}"}})',
        "burn 1h": 'max(slo:sli_error:ratio_rate1h{{sloth_service="{service}"}}'
        " / on(sloth_id) group_left slo:error_budget:ratio)",
        "burn 5m": 'max(slo:sli_error:ratio_rate5m{{sloth_service="{service}"}}'
        " / on(sloth_id) group_left slo:error_budget:ratio)",
    },
    "pyrra": {
        "remaining": 'min(1 - (1 - pyrra_availability{{slo="{service}"}})'
        ' / (1 - pyrra_objective{{slo="{service}"}}))',
        # Pyrra records ratios of errors over parts of the objective's time: 5m and 1h of 28 days,
        # 5m and 1h4m of 30 days. For other times there are the rates of its generic rules.
        "burn 1h": '(max({{__name__=~".+:burnrate1h([0-9]m)?",slo="{service}"}})'
        ' or max(avg_over_time(pyrra_errors:rate5m{{slo="{service}"}}[1h])'
        ' / avg_over_time(pyrra_requests:rate5m{{slo="{service}"}}[1h])))'
        ' / (1 - max(pyrra_objective{{slo="{service}"}}))',
        "burn 5m": '(max({{__name__=~".+:burnrate5m",slo="{service}"}})'
        ' or max(pyrra_errors:rate5m{{slo="{service}"}}'
        ' / pyrra_requests:rate5m{{slo="{service}"}}))'
        ' / (1 - max(pyrra_objective{{slo="{service}"}}))',
    },
    "drainproxy": {
        "remaining": 'min(drainproxy:error_budget_remaining:ratio{{service="{service}"}})',
        "burn 1h": 'max(drainproxy:burn_rate:1h{{service="{service}"}})',
        "burn 5m": 'max(drainproxy:burn_rate:5m{{service="{service}"}})',
    },
}


def budget_queries(source: str, service: str) -> dict[str, str]:
    """What to ask for this service; ValueError if its name cannot stand in a query."""
    if not service or any(letter in service for letter in '"\\\n{}'):
        raise ValueError(f"{service!r} is no name of a service")
    return {name: text.format(service=service) for name, text in SOURCES[source].items()}


def judge_budget(found: Mapping[str, Sequence[Series]]) -> SignalJudgement:
    """The verdict on what was found for `budget_queries`."""
    numbers = {name: _number(series) for name, series in found.items()}
    left = numbers.get("remaining")
    if left is None:
        return SignalJudgement("error budget", "hold", "no data on how much of it is left")
    burns = [numbers.get(name) for name in _BURNS]
    said = "".join(
        f", {name} {'unknown' if burn is None else f'{burn:.3g}'}"
        for name, burn in zip(_BURNS, burns, strict=True)
    )
    reason = f"{100 * left:.3g} % left{said}"
    if left < _LEAST_LEFT:
        return SignalJudgement(
            "error budget", "hold", f"{reason}: less than {100 * _LEAST_LEFT:g} %"
        )
    if None in burns:
        return SignalJudgement("error budget", "hold", f"{reason}: no data on its burn rate")
    if all(burn is not None and burn > _MOST_BURN for burn in burns):
        return SignalJudgement("error budget", "hold", f"{reason}: faster than {_MOST_BURN:g}")
    return SignalJudgement("error budget", "pass", reason)


def _number(series: Sequence[Series]) -> float | None:
    """The only value; several mean that the query did not select one service, or one moment."""
    values = [value for each in series for _, value in each.samples]
    return values[0] if len(values) == 1 and isfinite(values[0]) else None
