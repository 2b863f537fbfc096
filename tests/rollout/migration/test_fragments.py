"""A text may stand in a statement if it begins nothing that it does not end."""

import pytest

from drainproxy.rollout.migration.fragments import fragment_problem, quoted


@pytest.mark.parametrize(
    "text",
    ["int", " numeric(10, 2) ", "'a;--/*'", "now()", "(1 + (2))", "')'", '"a ("', "int[]", "''''"],
)
def test_a_text_that_is_closed_may_stand_anywhere(text: str) -> None:
    assert fragment_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("int --", "a comment"),
        ("--", "a comment"),
        ("int /* a */", "a comment"),
        ("int /* a", "cannot be read surely"),
        ("int;", "a semicolon"),
        ("1; 2", "a semicolon"),
        (" ", "a semicolon"),
        ("1\n", "a line break"),
        ("1\r2", "a line break"),
        ("'a", "cannot be read surely"),
        ("$$a", "cannot be read surely"),
        ("(1", "a parenthesis"),
        ("1) + (2", "a parenthesis"),
        ("1)", "a parenthesis"),
    ],
)
def test_a_text_that_reaches_over_its_end_is_told(text: str, said: str) -> None:
    assert said in fragment_problem(text)


def test_whatever_is_in_a_quoted_name_is_a_part_of_it() -> None:
    assert quoted('a" int; --') == '"a"" int; --"'
