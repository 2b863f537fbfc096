"""Texts of which each line stands for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.manifests.nodes import Unreadable, value_of
from drainproxy.manifests.plain import POSSESSIVE_WORKS, is_plain, without_blocks
from drainproxy.manifests.yaml_nodes import compose

PLAIN = [
    "",
    "# a comment\n\nkind: A",
    "a: b # c\nd:\n- e\n-\n- - f: g\r\n  - h\n",
    "a: [\"b, c\", 'it''s', -d, --e=f, http://x] #\n",
    "a: {b: {c: [d], e: {f: [g, {h: i}]}}, j: {}}\n",
    "a: b#c:d e\nf: -g\nh: a.b/c:1\n",
]
OTHERS = [
    "a\n",
    "a: b\n  c\n",
    "a: |\n  b\n",
    "a: &b c\n",
    "a: *b\n",
    "<<: b\n",
    "a: !b c\n",
    "a: 'b\n  c'\n",
    'a: "b\n  c"\n',
    "a: [b,\n  c]\n",
    "a: [b'c, ']\n  ']\n",
    "? a\n",
    "a:\tb\n",
    "a: b\u2028c\n",
    "...\n",
    "{a: b}\n",
]


@pytest.mark.skipif(not POSSESSIVE_WORKS, reason="before Python 3.11.5 is_plain always says no")
@pytest.mark.parametrize("text", PLAIN)
def test_keys_dashes_and_values_that_end_on_their_line_are_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("text", OTHERS)
def test_what_goes_on_in_the_next_line_is_not_nor_what_is_named_elsewhere(text: str) -> None:
    assert not is_plain(text)


@pytest.mark.skipif(not POSSESSIVE_WORKS, reason="before Python 3.11.5 is_plain always says no")
@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a: |\n  'b\n  c: |\n\nd: >-\n  e\n", True),
        ("- - |\n   a: 'b\n  - c: {d: e}\n", True),
        ("a: b # |\n", True),
        ("a: |+\n  'b\n\nc: d\n", False),
        ("a: |1\n  'b\nc: d\n", False),
        ("a: &b |\n  'b\nc: d\n", False),
        ("a: |\n  b\nc: 'd\n  e: |\n  f'\n", False),
    ],
)
def test_a_block_scalar_does_no_harm_to_the_lines_around_it(text: str, plain: bool) -> None:
    root = compose(text)

    assert root is not None
    assert is_plain(without_blocks(text, root)) == plain


@given(
    st.lists(st.sampled_from([*"ab -:#[]{},'\"\n&*!|>?%", ": ", "\n- ", "\n  ", "a: ", "|\n  "]))
)
def test_a_line_between_two_others_changes_neither(parts: list[str]) -> None:
    """At the end of each key of the outermost mapping another can stand."""
    text = "".join(parts)
    try:
        root = compose(text)
    except Unreadable:
        return
    if root is None or root.column != 0 or not is_plain(without_blocks(text, root)):
        return
    for at, line in enumerate(lines := text.split("\n")):
        if line[:1] not in ("", " ", "-", "#"):
            more = compose("\n".join([*lines[:at], "more: 1", *lines[at:]]))
            assert more is not None
            assert value_of(more) == {**value_of(root), "more": 1}
