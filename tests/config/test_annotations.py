"""The downward-API file of a pod's annotations."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config.annotations import split_annotations, unquote

LETTERS = {7: "a", 8: "b", 12: "f", 10: "n", 13: "r", 9: "t", 11: "v", 92: "\\", 34: '"'}


def quote(text: str) -> str:
    """What Go's `strconv.Quote` makes of a text."""
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(letter: str) -> str:
    code = ord(letter)
    if code in LETTERS:
        return "\\" + LETTERS[code]
    if letter.isprintable():
        return letter
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_go_has_quoted_is_read_back(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.dictionaries(st.from_regex(r"[a-z./-]{1,20}", fullmatch=True), st.text(), max_size=5))
def test_a_file_is_one_line_per_annotation_whatever_the_values(values: dict[str, str]) -> None:
    text = "\n".join(f"{key}={quote(value)}" for key, value in values.items())

    assert [key for key, _ in split_annotations(text) if key] == list(values)


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r'"30s"', "30s"),
        (r'""', ""),
        (r'"a\"b\\c"', 'a"b\\c'),
        (r'"\a\b\f\n\r\t\v"', "\a\b\f\n\r\t\v"),
        (r'"\xc3\xa9"', "é"),
        (r'"\303\251"', "é"),
        (r'"\u00e9\U0001f600"', "é😀"),
        ('"a=b"', "a=b"),
    ],
)
def test_escapes_are_undone(quoted: str, text: str) -> None:
    assert unquote(quoted) == text


@pytest.mark.parametrize(
    "quoted",
    [
        "",
        "30s",
        '"',
        '"a',
        'a"',
        '"a"b"',
        r'"\"',
        r'"\q"',
        r'"\x1"',
        r'"\u12"',
        r'"\xff"',
        r'"\777"',
        r'"\ud800"',
        r'"\U00110000"',
        r'"\Uffffffff"',
        '"\udcff"',
        "'30s'",
    ],
)
def test_what_go_would_not_have_written_is_refused(quoted: str) -> None:
    with pytest.raises(ValueError, match="is not a quoted value"):
        unquote(quoted)


@given(st.text(st.sampled_from('"\\xuU0123456789abcdefnrt\n')))
def test_no_text_raises_anything_but_that(text: str) -> None:
    with suppress(ValueError):
        assert len(unquote(f'"{text}"')) <= len(text)


def test_a_line_without_a_value_is_a_key_alone() -> None:
    assert list(split_annotations('a="1"\nb\n')) == [("a", '"1"'), ("b", ""), ("", "")]
