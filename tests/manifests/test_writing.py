"""Values as text: whatever is kept of them, they are written as if nothing were."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.manifests.values import BLANK, Constant, Filled
from drainproxy.manifests.writing import Block, Quoted, Style, flow

TEXTS = st.one_of(
    st.sampled_from(["", " ", "null", "7", "a: b", "- a", "x #y", "\n", "é", "\0"]), st.text()
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.just(BLANK)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=8,
)
FORMS = st.dictionaries(st.sampled_from("wxyz"), VALUES, min_size=1, max_size=3)
STYLES = st.builds(Style, st.integers(1, 4), st.sampled_from((0, 2)))


def filled(value: Any, text: str) -> Any:
    """The value with this text in the place of the blanks."""
    match value:
        case dict():
            return {key: filled(each, text) for key, each in value.items()}
        case list():
            return [filled(each, text) for each in value]
        case _:
            return text if value is BLANK else value


@given(FORMS, TEXTS, TEXTS, STYLES, st.integers(0, 8))
def test_a_filled_form_is_written_like_any_other_mapping(
    form: Any, text: str, other: str, style: Style, column: int
) -> None:
    kept = Constant(form)
    for each in (text, other, text):
        plain = filled(form, each)
        made = Filled(plain, kept, each)
        block = Block(style)
        assert block.content(made, column) == block.content(plain, column)
        assert block.item(made, column) == block.item(plain, column)
        assert block.entry("key", made, column) == block.entry("key", plain, column)
        assert flow(made) == flow(plain)


@pytest.mark.parametrize("text", ["plain", "on", "a" * 1000])
def test_a_text_that_must_be_quoted_is_quoted_each_time(text: str) -> None:
    for _ in range(2):
        assert Block(Style()).content({"key": Quoted(text)}, 2) == [f'  key: "{text}"']
        assert flow({"key": Quoted(text)}) == f'{{key: "{text}"}}'
