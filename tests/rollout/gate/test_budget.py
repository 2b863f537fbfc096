"""A budget that is gone, goes fast or is not known is a hold."""

from math import inf, nan

import pytest

from drainproxy.rollout.gate.budget import SOURCES, budget_queries, judge_budget
from drainproxy.rollout.gate.samples import Series


def found(**numbers: float) -> dict[str, list[Series]]:
    names = {"left": "remaining", "hour": "burn 1h", "minutes": "burn 5m"}
    return {names[name]: [Series({}, [(0.0, value)])] for name, value in numbers.items()}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ({"left": 0.5, "hour": 1.0, "minutes": 1.0}, "pass"),
        ({"left": 0.5}, "hold"),
        ({"left": 0.5, "hour": 20.0}, "hold"),
        ({"left": inf, "hour": 0.0, "minutes": 0.0}, "hold"),
        ({"left": 0.5, "hour": inf, "minutes": 0.0}, "hold"),
        ({"left": 0.5, "hour": 20.0, "minutes": 1.0}, "pass"),
        ({"left": 0.5, "hour": 20.0, "minutes": 20.0}, "hold"),
        ({"left": 0.09, "hour": 0.0, "minutes": 0.0}, "hold"),
        ({"left": -3.0}, "hold"),
        ({"left": nan, "hour": 0.0, "minutes": 0.0}, "hold"),
        ({"left": 0.5, "hour": nan, "minutes": 0.0}, "hold"),
        ({"hour": 0.0, "minutes": 0.0}, "hold"),
        ({}, "hold"),
    ],
)
def test_the_verdict_on_a_budget(numbers: dict[str, float], verdict: str) -> None:
    assert judge_budget(found(**numbers)).verdict == verdict


@pytest.mark.parametrize(
    "several",
    [[Series({}, [(0.0, 0.9)])] * 2, [Series({}, [(0.0, 0.9), (1.0, 0.9)])], [Series({}, [])]],
)
def test_several_numbers_are_none(several: list[Series]) -> None:
    whole = found(left=0.9, hour=0.0, minutes=0.0)
    assert judge_budget(whole).verdict == "pass"
    assert judge_budget(whole | {"remaining": several}).verdict == "hold"


@pytest.mark.parametrize("source", SOURCES)
def test_the_name_of_the_service_stands_in_each_query(source: str) -> None:
    asked = budget_queries(source, "shop")
    assert asked.keys() == {"remaining", "burn 1h", "burn 5m"}
    for query in asked.values():
        assert '"shop"' in query
        assert "{{" not in query


@pytest.mark.parametrize("service", ["", 'a"b', "a\nb", "a{b"])
def test_a_name_that_would_change_the_query_is_refused(service: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        budget_queries("sloth", service)
