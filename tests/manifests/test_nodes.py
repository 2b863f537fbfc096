"""Nodes of YAML and JSON: what they stand for, and where they stand."""

import json
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.manifests import json_nodes, yaml_nodes
from drainproxy.manifests.nodes import MAPPING, Node, Unreadable, aliases, value_of
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.scalars import number_of
from drainproxy.manifests.values import copied, same
from tests.manifests.handwriting import write

_SCALARS = st.none() | st.booleans() | st.integers(0, 1 << 70) | st.text(max_size=5)


def _with_a_fraction(number: float) -> float:
    """Without one it is an integer."""
    return number if not number.is_integer() else number % 1024 + 0.5


_VALUES = st.recursive(
    _SCALARS | st.floats(allow_nan=False, allow_infinity=False).map(_with_a_fraction),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


def composed(text: str) -> Node:
    root = yaml_nodes.compose(text)
    assert root is not None
    return root


@given(value=_VALUES, indent=st.none() | st.integers(0, 4), ascii_only=st.booleans())
def test_json_stands_for_what_it_says(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    root = json_nodes.scan(f"  {text}\n")

    assert same(value_of(root), value)
    assert (root.start, root.end) == (2, 2 + len(text))


def test_half_a_character_in_json_is_what_kubectl_makes_of_it() -> None:
    halves = json_nodes.scan('["\\ud83d", "\\ude00x", "\\ud83d\\ude00", "\\\\ud83d"]')

    assert value_of(halves) == ["\ufffd", "\ufffdx", "\U0001f600", "\\ud83d"]


@given(text=st.text('{}[]",:\\u0 1eE-.tfn', max_size=12))
def test_what_is_no_json_is_refused(text: str) -> None:
    try:
        value = json.loads(text, parse_float=number_of)
    except ValueError:
        with pytest.raises(Unreadable):
            json_nodes.scan(text)
    else:
        assert same(value_of(json_nodes.scan(text)), value)


@given(
    value=st.dictionaries(st.text("abc", min_size=1), _VALUES, min_size=1, max_size=4),
    seed=st.integers(0, 999),
)
def test_yaml_stands_for_what_was_written(value: dict[str, Any], seed: int) -> None:
    text = write(value, Random(seed))
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:  # blanks that are tabs may stand in many places, but not in all
        return
    assert value_of(composed(text)) == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,\n \ufeff"b": 2}', 2),
        ('{"a":\ufeff "b"}', 1),
        ("a: 1\nb: \ufeffc\n", 2),
        ("- \ufeff- a\n", 1),
    ],
)
def test_a_byte_order_mark_before_a_value_is_refused(text: str, line: int) -> None:
    with pytest.raises(Unreadable, match="a byte order mark stands inside of it") as caught:
        yaml_nodes.compose(text)

    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: '\ufeffb' # \ufeff\n", {"a": "\ufeffb"}),
        ('a: [b, "\ufeff"]\n', {"a": ["b", "\ufeff"]}),
        ("a: |\n  \ufeff<xml>\nb: &c d\ne: *c\n", {"a": "\ufeff<xml>\n", "b": "d", "e": "d"}),
    ],
)
def test_a_byte_order_mark_in_a_text_is_a_part_of_it(text: str, value: Json) -> None:
    assert value_of(composed(text)) == value


def test_places_are_those_of_the_text() -> None:
    text = "a: &x   # c\n  - 'é' # c\n  - |\n    b\n\nc: {d: *x, e: }\nf:\n"
    root = composed(text)
    assert root.kind == MAPPING
    (_, a), (_, c), (_, f) = root.content

    assert [text[each.start : each.end] for each in a.content] == ["'é'", "|\n    b"]
    assert text[c.start : c.end] == "{d: *x, e: }"
    assert [text[each.start : each.end] for _, each in c.content] == ["*x", ""]
    assert text[: f.start].endswith("f:")
    assert (root.column, a.column, c.column) == (0, 2, -1)
    assert aliases(root) == {("c", "d"): ("a",)}


def test_merge_keys_give_what_is_not_said_itself() -> None:
    root = composed("a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc: {<<: [*a, *b], k: 3}\nd: {'<<': 1}")

    assert value_of(root)["c"] == {"k": 3, "l": 1, "m": 2}
    assert value_of(root)["d"] == {"<<": 1}


def test_places_that_share_an_anchor_share_nothing() -> None:
    data = value_of(composed("a: &x {b: 1}\nc: *x"))
    data["a"]["b"] = 2

    assert data["c"] == {"b": 1}


@given(value=_VALUES)
def test_a_copy_is_the_same_and_shares_nothing(value: Any) -> None:
    copy = copied({"in": value})

    assert same(copy, {"in": value})
    copy["in"] = [value]
    assert not same(copy, {"in": value})


def test_numbers_and_booleans_are_not_the_same() -> None:
    assert not same(1, True)
    assert not same(1, 1.0)
    assert not same({"a": 1}, {"b": 1})
    assert same(type("Text", (str,), {})("a"), "a")
