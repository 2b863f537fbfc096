"""Edits of texts: whatever becomes of the values, the text says so, and the way back is exact."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.manifests.documents import Document, edited, parse, reread
from tests.manifests.handwriting import scribble, write

_TEXTS = st.sampled_from(["a", "b", "name", "on", "12", "x: y", "# c", "it's", "ä", ""])
_SCALARS = st.none() | st.booleans() | st.integers(0, 9) | _TEXTS
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)
_DOCUMENTS = st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=4)


def with_data(document: Document, data: Any) -> Document:
    copy = deepcopy(document)
    copy.data = data
    return copy


@given(before=_DOCUMENTS, after=_DOCUMENTS, seed=st.integers(0, 1 << 30))
def test_the_text_stands_for_the_new_value_and_the_notes_lead_back(
    before: dict[str, Any], after: dict[str, Any], seed: int
) -> None:
    random = Random(seed)
    after = {**dict([*before.items()][1:]), **after}
    try:
        (document,) = parse(scribble(write({"first": 1, "all": before}, random), random))
    except ValueError:
        return
    done = edited(with_data(document, {"first": 1, "all": after}))
    there = reread(with_data(document, {"first": 1, "all": after}), done.text)

    back = edited(with_data(there, document.data), done.notes)
    assert back.text == document.text


@given(before=_DOCUMENTS, seed=st.integers(0, 1 << 30))
def test_what_does_not_differ_is_not_touched(before: dict[str, Any], seed: int) -> None:
    random = Random(seed)
    try:
        documents = parse(scribble(write(before, random), random))
    except ValueError:
        return
    for document in documents:
        if document.data is not None:
            assert edited(document).text == document.text


@pytest.mark.parametrize(
    ("text", "left", "expected"),
    [
        ("{b: , ours: 1, c: 2}", "bc", "{b: , c: 2}"),
        ("{b: , ours: 1, c: 2}", "b", "{b: }"),
        ("{b: , ours: 1, c: 2 }", "b", "{b: }"),
    ],
)
def test_an_entry_behind_an_empty_value_is_taken_out(text: str, left: str, expected: str) -> None:
    (document,) = parse(f"a: {text}\n")
    data = {"a": {key: value for key, value in document.data["a"].items() if key in left}}

    assert edited(with_data(document, data)).text == f"a: {expected}\n"


@pytest.mark.parametrize("item", ["[]\t # c", "{}\t# c", "x\t # c", "[] \t", "&a []\t # c", "~\t"])
def test_no_tab_is_left_between_a_dash_and_the_lines_of_its_value(item: str) -> None:
    (document,) = parse(f"a:\n  - {item}\n  - 1\n")
    changed = with_data(document, {"a": [[None], 1]})

    done = edited(changed)

    there = reread(changed, done.text)
    assert edited(with_data(there, document.data), done.notes).text == document.text
