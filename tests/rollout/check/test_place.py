"""Objects and places in them: nothing in a manifest raises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from drainproxy.rollout.check import place
from drainproxy.rollout.check.place import read_objects
from drainproxy.rollout.check.relations import take_stock
from drainproxy.rollout.check.report import check

from .changes import FOLDER, GOOD


def test_lists_are_unpacked_and_positions_stay_those_of_the_file() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: {a: 1}}\n- 3\n"
    (pod,) = read_objects("list.yaml", text)

    assert pod.title == "pod/?"
    assert pod.root.at("spec", "a").mark == (4, 38)
    assert pod.root.at("spec", "b", 0, "c").mark == (4, 31)


def test_what_has_no_kind_or_version_is_no_object() -> None:
    text = "a: 1\n---\nkind: Pod\n---\napiVersion: v1\n---\n- x\n---\napiVersion: v1\nkind: [Pod]\n"
    assert read_objects("x", text) == []


def test_a_list_has_no_more_objects_than_anybody_means(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place._MOST_OBJECTS == 50_000
    monkeypatch.setattr(place, "_MOST_OBJECTS", 500)
    items = ", ".join(["{apiVersion: v1, kind: Pod}"] * 501)
    with pytest.raises(ValueError, match="more than 500 objects"):
        read_objects("x", f"apiVersion: v1\nkind: List\nitems: [{items}]\n")


def test_texts_are_found_once_however_many_aliases_there_are() -> None:
    text = "apiVersion: v1\nkind: Pod\na: &a [x, y]\nb: &b [*a, *a]\nc: [*b, *b, *a]\n"
    (pod,) = read_objects("x", text)
    assert [place.text for place in pod.root.every_text()].count("x") == 1


_odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, -1, 10**17, 0.5, True, "", "x", "25%", "999999%", "\x00", [], {}, [None], [[]], [{}]]
)


@st.composite
def twisted(draw: st.DrawFn) -> str:
    """A good manifest in which some values are of other types."""
    objects = [dict(each.body) for each in read_objects("x", (FOLDER / draw(_files)).read_text())]
    places = [place for each in objects for place in _places(each)]
    for node, key in draw(st.lists(st.sampled_from(places), min_size=1, max_size=6)):
        if key not in ("apiVersion", "kind"):  # a mistake of the input, which is not read then
            node[key] = draw(_odd)
    return "\n---\n".join(json.encode(each).decode() for each in objects)


_files = st.sampled_from(GOOD)


def _places(node: Any) -> list[tuple[Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in list(entries):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


@given(twisted())
def test_no_value_of_another_type_makes_a_rule_raise(text: str) -> None:
    report = check(take_stock(read_objects("x", text)))
    assert all(each.line >= 1 and each.column >= 1 for each in report.findings)
