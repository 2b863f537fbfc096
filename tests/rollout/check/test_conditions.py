"""Conditions of analyses, evaluated with no data."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.check.conditions import NOT_A_NUMBER, NOTHING, Unknown, holds

EMPTY: list[Any] = []
NAN = [math.nan]


@pytest.mark.parametrize(
    ("condition", "result", "expected"),
    [
        ("result[0] < 0.01", [0.001], True),
        ("result[0] < 0.01", EMPTY, False),
        ("result[0] < 0.01", NAN, False),
        ("!(result[0] > 0.01)", NAN, True),
        ("!(result[0] > 0.01)", EMPTY, False),
        ("result[0] <= 1 && result[0] != 0", [0.5], True),
        ("len(result) == 0 || result[0] < 1", EMPTY, True),
        ("result[0] < 1 or len(result) == 0", EMPTY, True),
        ("!(isNaN(result[0]) || result[0] > 1)", EMPTY, False),
        ("!(len(result) == 0 || isNaN(result[0])) && result[0] < 1", EMPTY, False),
        ("!(len(result) == 0 || isNaN(result[0])) && result[0] < 1", NAN, False),
        ("default(result, 0) < 0.05", None, True),
        ("default(result, 0) < 0.05", EMPTY, True),
        ("all(result, {# < 0.01})", EMPTY, True),
        ("len(result) > 0 && all(result, # < 0.01)", EMPTY, False),
        ("any(result, # < 0.01)", EMPTY, False),
        ("result == nil", None, True),
        ("len(result) > 0 ? result[0] < 1 : true", EMPTY, True),
        ("-result[0] * 100 + 1 < 0", [2], True),
        ("asFloat(result[0]) < 1", [0.5], True),
        ("true", EMPTY, True),
        ("1", EMPTY, False),
        ("result * 999999999 == result", EMPTY, False),
    ],
)
def test_a_condition_is_evaluated(condition: str, result: Any, expected: bool) -> None:
    assert holds(condition, result) is expected


@pytest.mark.parametrize(
    "condition",
    [
        'result.verdict == "pass"',
        "result.value < 1",
        "result ?? 0 < 1",
        "semver(result) > 1",
        "__import__(0)",
        "result[0] <",
        "(" * 900,
        "",
    ],
)
def test_what_is_not_read_is_unknown(condition: str) -> None:
    with pytest.raises(Unknown):
        holds(condition, EMPTY)


_WORDS = "result [0] len( isNaN( ( ) || && ! not or < > == * 0 999999999 # , ? : nil {"
WORDS = st.sampled_from([*_WORDS.split()])


@given(st.lists(WORDS | st.text(max_size=2), max_size=12).map(" ".join))
def test_whatever_it_says_it_is_true_false_or_unknown(condition: str) -> None:
    for result in (*NOTHING, *NOT_A_NUMBER):
        with suppress(Unknown):
            assert holds(condition, result) in (True, False)
