"""Variables in the texts of a test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.smoke.variables import substitute

KNOWN = {"NAME": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("${NAME}", "value"),
        ("a${NAME}b${NAME}", "avaluebvalue"),
        ("${EMPTY}", ""),
        ("${NAME:-other}", "value"),
        ("${EMPTY:-other}", "other"),
        ("${NONE:-other one}", "other one"),
        ("${NONE:-}", ""),
        ("$${NAME}", "${NAME}"),
        ("$NAME $ $$ ^a$", "$NAME $ $$ ^a$"),
    ],
)
def test_variables_are_replaced_and_other_dollars_stay(text: str, result: str) -> None:
    assert substitute(text, KNOWN) == result


def test_a_value_is_not_looked_at_again() -> None:
    assert substitute("${A}", {"A": "${B}", "B": "b"}) == "${B}"


def test_an_unknown_variable_is_named_with_the_ways_to_set_it() -> None:
    with pytest.raises(ValueError, match=r"needs the variable NONE: .* --variable NONE=VALUE"):
        substitute("${NONE}", KNOWN)


@pytest.mark.parametrize("text", ["${}", "${1}", "${a b}", "${NAME", "${NAME-x}"])
def test_what_looks_like_a_variable_and_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"which is no variable"):
        substitute(text, KNOWN)


@given(st.text())
def test_a_text_whose_dollars_are_escaped_means_itself(text: str) -> None:
    assert substitute(text.replace("${", "$${"), KNOWN) == text
