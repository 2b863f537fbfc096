"""Manifests with positions: what is read, where it stands, and what hostile text does."""

from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from drainproxy.manifests.positions import mark_of, read_positions

TEXT = """\
# A comment.
metadata:
  labels: {app: web, "tier": front}
spec:
  ports:
  - name: http
    port: 80
  - &second
    port: 443
"""


def test_everything_knows_its_line_and_column() -> None:
    (document,) = read_positions(TEXT)

    assert mark_of(document, ()) == (2, 1)
    assert mark_of(document, ("metadata", "labels", "tier")) == (3, 22)
    assert mark_of(document, ("spec", "ports", 0)) == (6, 5)
    assert mark_of(document, ("spec", "ports", 0, "port")) == (7, 5)
    assert mark_of(document, ("spec", "ports", 1, "port")) == (9, 5)


def test_what_is_missing_stands_where_it_would_belong() -> None:
    (document,) = read_positions(TEXT)

    assert mark_of(document, ("spec", "replicas")) == (4, 1)
    assert mark_of(document, ("spec", "ports", 0, "targetPort", "x")) == (6, 5)
    assert mark_of(document, ("spec", "ports", 7)) == (5, 3)
    assert mark_of(document, ("status",)) == (2, 1)
    assert mark_of("a text", ("status",)) == (1, 1)


def test_lines_count_through_all_documents_of_a_file() -> None:
    first, second = read_positions("a: 1\n---\n\nb: 2\n")
    assert (mark_of(first, ("a",)), mark_of(second, ("b",))) == ((1, 1), (4, 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("3", 3), ("-7", -7), ("0.5", 0.5), ("1e3", 1000), ("25%", "25%"), ("'3'", "3")],
        *[("true", True), ("off", False), ('"true"', "true"), ("~", None), ("", None)],
        *[("2024-01-01", "2024-01-01"), ("1:30", "1:30"), ("9" * 5000, "9" * 5000)],
        *[("!!str 3", "3"), ("!!int '3'", 3), ("!Ref x", "x"), ("|\n  a\n  b\n", "a\nb\n")],
    ],
)
def test_scalars_are_what_kubectl_takes_them_for(text: str, value: object) -> None:
    ((found),) = (each["key"] for each in read_positions(f"key: {text}"))
    assert (found, type(found)) == (value, type(value))


def test_keys_are_texts_as_json_has_them() -> None:
    assert read_positions('"on": 1\n1: 2\nnull: 3\n') == [{"on": 1, "1": 2, "null": 3}]


def test_merge_keys_add_what_is_not_there() -> None:
    text = "base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: {<<: [*base, {c: 4}]}\n"
    (document,) = read_positions(text)

    assert document["one"] == {"a": 1, "b": 3}
    assert document["two"] == {"a": 1, "b": 2, "c": 4}
    assert mark_of(document, ("one", "a")) == (1, 14)


def test_json_is_read_with_its_own_escapes_and_tabs() -> None:
    text = '{\n\t"emoji": "\\ud83d\\ude00",\n\t"path": "a\\/b\\\\/c"\n}'
    (document,) = read_positions(text)

    assert document == {"emoji": "\N{GRINNING FACE}", "path": "a/b\\/c"}
    assert mark_of(document, ("path",)).line == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: c: d\n", "line 2: is not valid YAML"),
        ("[" * 100_000, "is nested too deeply"),
        ("{a: " * 100_000, "is nested too deeply"),
        ("- " * 5_000, "is nested too deeply"),
        ("a: &a [*a]", "line 1: is not valid YAML: an alias .* inside what its anchor"),
        ("a: *nothing", "line 1: is not valid YAML: an alias .* has no anchor"),
        ("a: 1\n? [b]\n: c\n", "line 2: is not valid YAML"),
        ("a: \x01", "a character that YAML forbids"),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_positions(text)


def test_an_alias_is_the_thing_itself_and_stands_where_that_does() -> None:
    (document,) = read_positions("a: &a\n  b: 1\nc: *a\n")

    assert document["c"] is document["a"]
    assert mark_of(document, ("c",)) == (3, 1)
    assert mark_of(document, ("c", "b")) == (2, 3)


def test_directives_move_no_mark() -> None:
    (document,) = read_positions("# c\n%YAML 1.1\n---\na: 1\nb: {c: 2}\n")
    assert mark_of(document, ("b", "c")) == (5, 5)


_keys = st.text("abcxz-./", min_size=2, max_size=8)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text("abc :#'\"{}[]\n", max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_keys, _values, max_size=5))
def test_it_reads_what_another_reader_reads(value: dict[str, Any]) -> None:
    out = StringIO()
    yaml = YAML(typ="safe", pure=True)
    # In flow style it writes what libyaml does not read: a text that begins with a colon.
    yaml.default_flow_style = False
    yaml.dump(value, out)
    assert read_positions(out.getvalue()) == [value]


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_positions(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - one of both is right
