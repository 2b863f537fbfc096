"""The error budget: how much of it is left, and how fast it goes. Without a number it is a hold."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

from .judgement import Judgement
from .samples import Series

# So little left, or a month's budget gone in two days, seen over an hour and still going on (Google
# SRE workbook, "Alerting on SLOs"): no time for a release.
_LEAST_LEFT: Final = 0.1
_MOST_BURN: Final = 14.4

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


def judge_budget(found: Mapping[str, Sequence[Series]]) -> Judgement:
    """The verdict on what was found for `budget_queries`."""
    numbers = {name: _number(series) for name, series in found.items()}
    left = numbers.get("remaining")
    if left is None:
        return Judgement("error budget", "hold", "nobody says how much of it is left")
    burns = {name: burn for name, burn in numbers.items() if name.startswith("burn")}
    said = "".join(
        f", {name} {'unknown' if burn is None else f'{burn:.3g}'}" for name, burn in burns.items()
    )
    reason = f"{100 * left:.3g} % left{said}"
    if left < _LEAST_LEFT:
        return Judgement("error budget", "hold", f"{reason}: less than {100 * _LEAST_LEFT:g} %")
    if None in burns.values():
        return Judgement("error budget", "hold", f"{reason}: nobody says how fast it goes")
    if burns and all(burn is not None and burn > _MOST_BURN for burn in burns.values()):
        return Judgement("error budget", "hold", f"{reason}: faster than {_MOST_BURN:g}")
    return Judgement("error budget", "pass", reason)


def _number(series: Sequence[Series]) -> float | None:
    """The only value; several mean that the query did not select one service."""
    values = [each.samples[-1][1] for each in series if each.samples]
    return values[0] if len(values) == 1 and not isnan(values[0]) else None
