"""Several entries in one value."""

import pytest

from drainproxy.config.entries import parse_entries


@pytest.mark.parametrize("text", ["1 2", "1,2", " 1 ,\n2, "])
def test_blanks_and_commas_separate(text: str) -> None:
    assert parse_entries(text, int, 2) == (1, 2)


def test_of_several_each_that_is_wrong_is_named() -> None:
    def no(part: str) -> int:
        raise ValueError(f"is no {len(part)}")

    with pytest.raises(ValueError, match=r"^is wrong: 'a' is no 1; 'bb' is no 2$"):
        parse_entries("a bb", no, 9)
    with pytest.raises(ValueError, match=r"^is wrong: 'x{77}\.\.\.' is no 99; "):
        parse_entries("x" * 99 + " y", no, 9)
    # Whoever says that a value is wrong names it.
    with pytest.raises(ValueError, match=r"^is no 1$"):
        parse_entries(" a ", no, 9)


def test_there_are_not_too_many() -> None:
    with pytest.raises(ValueError, match="has 3 entries, and may have 2"):
        parse_entries("1 2 3", int, 2)
    assert parse_entries("", int, 2) == ()
