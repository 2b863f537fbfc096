"""Whether a query has a value where nothing was measured."""

import pytest

from drainproxy.rollout.check.promql import stands_in

ERRORS, TOTAL = 'sum(rate(errors{job="a or b"}[5m]))', "sum(rate(requests[5m]))"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        (f"{ERRORS} or vector(0)", 0),
        (f"{ERRORS} / {TOTAL} or vector(1)", 1),
        (f"({ERRORS} or vector(0)) / ({TOTAL} or vector(1))", 1),
        (f"100 * ({ERRORS} / {TOTAL} or vector(0))", 0),
        (f"(({ERRORS} OR VECTOR(0)))".lower(), 0),
        (f"sum({ERRORS} or vector(0))", 0),
        (f"clamp_max({ERRORS} or vector(0), 1)", 0),
        (f"sum by (pod) ({ERRORS} or on() vector(0))", 0),
        ("vector(0.5)", 0.5),
        (f"{ERRORS} # fails\n or vector(0)", 0),
    ],
)
def test_a_number_stands_in_for_missing_data(query: str, number: float) -> None:
    assert stands_in(query) == number


@pytest.mark.parametrize(
    "query",
    [
        f"{ERRORS} / {TOTAL}",
        f"({ERRORS} or vector(0)) / {TOTAL}",
        f"({ERRORS} or vector(0)) / on() group_left() {TOTAL}",
        f"({ERRORS} or vector(0)) and {TOTAL}",
        f"{TOTAL} unless vector(0)",
        f"{TOTAL} > bool 0 and vector(1) > 0 and {ERRORS}",
        'sum(rate(requests{path="or vector(0)"}[5m]))',
        f"{ERRORS} # or vector(0)",
        "",
        "(" * 5000,
        "or " * 200,
    ],
)
def test_nothing_stands_in_where_the_whole_is_empty_without_data(query: str) -> None:
    assert stands_in(query) is None
