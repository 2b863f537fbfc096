"""The configuration file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.mistakes import Mistake
from drainproxy.config.yaml_text import ConfigFile, read_yaml


def read(text: str) -> list[object]:
    return list(read_yaml(ConfigFile("app.yaml", text)))


def mistake(text: str) -> str:
    (found,) = [item for item in read(text) if isinstance(item, Mistake)]
    return str(found)


def test_entries_keep_the_spelling_that_the_file_has() -> None:
    text = "# ours\nadmin: 0x10\n\naccess-log: off\nidle-close: 1:30\nunready: 'leaving'\n"

    assert read(text) == [
        ("file app.yaml line 2, admin", "admin", "0x10"),
        ("file app.yaml line 4, access-log", "access-log", "off"),
        ("file app.yaml line 5, idle-close", "idle-close", "1:30"),
        ("file app.yaml line 6, unready", "unready", "leaving"),
    ]


@pytest.mark.parametrize("text", ["forward: [1=2, 3=4]", "forward:\n- 1=2\n- 3=4"])
def test_a_list_gives_several_texts(text: str) -> None:
    assert read(text) == [("file app.yaml line 1, forward", "forward", ["1=2", "3=4"])]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null"])
def test_an_empty_file_gives_nothing(text: str) -> None:
    assert read(text) == []


def test_an_alias_is_what_its_anchor_is_and_anchors_may_be_reused() -> None:
    text = "drain-delay: &a 5s\ndrain-quiet: *a\nidle-close: &a 6s\n"

    assert [item[2] for item in read(text) if isinstance(item, tuple)] == ["5s", "5s", "6s"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "file app.yaml line 1: must be a mapping of settings"),
        ("words", "file app.yaml line 1: must be a mapping of settings"),
        ("a: 1\n? [b]\n: 1", "line 2: a key must be the name of a setting"),
        ("a: 1\nb: 2\na: 3", "file app.yaml line 3, a: is given twice"),
        ("a:", "file app.yaml line 1, a: must be a value, or a list of values"),
        ("a: ~", "must be a value"),
        ("a: {b: 1}", "must be a value"),
        ("a: [[b]]", "must be a value"),
        ("a: &b [*b]", "must be a value"),
        (
            "a: 1\nb: c: d",
            "file app.yaml line 2: is not valid YAML: mapping values are not allowed",
        ),
        ("a: %x", "is not valid YAML: found character '%' that cannot start any token"),
        ("a: 1\n---\nb: 2", "line 2: is not valid YAML"),
        (
            "{a: 1}\nb: 1",
            "is not valid YAML: expected '<document start>', but found '<block mapping start>'",
        ),
        ("- a\nb: 1", "line 2: is not valid YAML: expected <block end>, but found '?'"),
        ("a: \0", "file app.yaml: is not valid YAML: it holds a character that YAML forbids"),
        ("[" * 1000, "file app.yaml: is nested too deeply"),
        ('a: "\\U99999999"', "file app.yaml: is not valid YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    assert problem in mistake(text)


@pytest.mark.parametrize(
    "text",
    [
        "admin-token: *hunter2",
        "admin-token: !hunter2!x y",
        "admin-token: 'hunter2",
        "admin-token: *<hunter2>",
        "admin-token: *it's-hunter2",
        "admin-token: *it's\"-hunter2",
        "%hunter2 x\n%YAML hunter2\n---\na: 1",
    ],
)
def test_a_syntax_error_does_not_give_away_what_the_file_holds(text: str) -> None:
    assert "not valid YAML" in mistake(text)
    assert "hunter2" not in mistake(text)


@given(st.text() | st.text("ab: -[]{}&*!|>'\"%@\n#?,~\\Ux0"))
def test_no_text_raises_anything(text: str) -> None:
    for item in read(text):
        assert isinstance(item, Mistake | tuple)
