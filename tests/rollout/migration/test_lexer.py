"""Only what all readings of a text agree on is code."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect, split
from tests.rollout.migration.corpora import DIALECTS


def found(text: str, dialect: Dialect = "postgres") -> list[tuple[str, str]]:
    return [(each.sql, each.bare) for each in split(text, dialect)]


def doubts(text: str, dialect: Dialect = "postgres") -> list[str]:
    return [each.unsure for each in split(text, dialect)]


@pytest.mark.parametrize(
    ("text", "dialect", "statements"),
    [
        ("a; b ;c", "postgres", [("a", "a"), ("b", "b"), ("c", "c")]),
        ("a 'b;''c' d", "postgres", [("a 'b;''c' d", "a ' ' d")]),
        ('a "b;""c" d', "mysql", [('a "b;""c" d', 'a " " d')]),
        ("a `b;``c` d", "mysql", [("a `b;``c` d", "a ` ` d")]),
        ("a [b;c] d", "sqlite", [("a [b;c] d", "a [ ] d")]),
        ("a[1]; b", "postgres", [("a[1]", "a[1]"), ("b", "b")]),
        ("a -- b;\nc", "postgres", [("a  \nc", "a  \nc")]),
        ("a # b;\nc", "mysql", [("a  \nc", "a  \nc")]),
        ("a /* b; */ c", "sqlite", [("a   c", "a   c")]),
        ("a/**/b", "postgres", [("a b", "a b")]),
        ("a /***/ b /* ** */", "postgres", [("a   b", "a   b")]),
        ("do $$ a; b $$; c", "postgres", [("do $$ a; b $$", "do $ $"), ("c", "c")]),
        ("do $x$ $$; $x$; c", "postgres", [("do $x$ $$; $x$", "do $ $"), ("c", "c")]),
        ("a 'b\\\\' c; d", "mysql", [("a 'b\\\\' c", "a ' ' c"), ("d", "d")]),
        ("a 'b\\n' c", "postgres", [("a 'b\\n' c", "a ' ' c")]),
        ("a::b", "postgres", [("a::b", "a::b")]),
        ("u & 'b'", "postgres", [("u & 'b'", "u & ' '")]),
        ("u&'b'", "mysql", [("u&'b'", "u&' '")]),
        ("a '\u00e9' `e\u00e9e`", "mysql", [("a '\u00e9' `e\u00e9e`", "a ' ' ` `")]),
        ("-- a\n/* b */;;\n", "postgres", []),
    ],
)
def test_statements_end_where_every_reader_ends_them(
    text: str, dialect: Dialect, statements: list[tuple[str, str]]
) -> None:
    assert found(text, dialect) == statements
    assert set(doubts(text, dialect)) <= {""}


@pytest.mark.parametrize(
    ("text", "dialect", "why"),
    [
        ("a '\\'; b", "postgres", "a backslash before a quote"),
        ("a '\\\\\\'; b '", "mysql", "a backslash before a quote"),
        ('a "\\"; b"', "mysql", "a backslash before a quote"),
        ("a `\\`", "mysql", "a backslash before a quote"),
        ("/* a /* b */ c", "postgres", "a comment in a comment"),
        ("/* a", "postgres", "a comment that does not end"),
        ("'a", "postgres", "a quote that does not end"),
        ('"a', "postgres", "a quote that does not end"),
        ("[a", "sqlite", "a bracket that does not end"),
        ("`a`", "postgres", "a quote that does not end, or is none in this dialect"),
        ("$$ a", "postgres", "a dollar quote"),
        ("a$$ b $$", "postgres", "a dollar quote"),
        ("a 5--1", "mysql", "a comment only with a blank"),
        ("/*! a */ b", "postgres", "MySQL and MariaDB run"),
        ("/*M! a */ b", "mysql", "MySQL and MariaDB run"),
        ("/*+ a */ b", "mysql", "a hint"),
        ("\\i a.sql", "postgres", "commands of psql"),
        (".read a.sql", "sqlite", "a command of the sqlite3 shell"),
        ("delimiter //", "mysql", "DELIMITER"),
        ("a {{ b }}", "postgres", "templates"),
        ("a :b", "postgres", "':' outside of quotes"),
        ("a $1", "postgres", "'$' outside of quotes"),
        ("a ?", "sqlite", "'?' outside of quotes"),
        ("a @b", "mysql", "'@' outside of quotes"),
        ("a \u00e9", "postgres", "U+00E9 outside of quotes"),
        ("a '\u200b'", "postgres", "U+200B"),
        ("a -- \r b", "postgres", "U+000D"),
        ("a\x00b", "postgres", "U+0000"),
        ("a U&'\\0027; b'", "postgres", "U& before a quote"),
        ('a.u&"\\0062"', "postgres", "U& before a quote"),
        ("a E'\u00e9\\\\'; b", "postgres", "a character that some character sets"),
        ("a `\u00e9`; b", "mysql", "a character that some character sets"),
    ],
)
def test_where_readers_may_disagree_the_rest_is_unsure(
    text: str, dialect: Dialect, why: str
) -> None:
    first, *others = doubts(text + "\n;x;", dialect)

    assert why in first
    assert set(others) <= {first}


BREAKPOINT = "--> statement-breakpoint"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_breakpoint_of_drizzle_is_a_comment(dialect: Dialect) -> None:
    for text in (
        f"a;\n{BREAKPOINT}\nb;",
        f"a;{BREAKPOINT}\nb;{BREAKPOINT} \t",
        f"{BREAKPOINT}\n{BREAKPOINT}\na;\n-- x {BREAKPOINT}\nb\n{BREAKPOINT}",
        f"a\n{BREAKPOINT}\n;{BREAKPOINT}\r\nb",
    ):
        assert [each[0] for each in found(text, dialect)] == ["a", "b"], text
        assert doubts(text, dialect) == ["", ""], text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_drizzle_alone_ends_a_statement_the_rest_is_unsure(dialect: Dialect) -> None:
    for text in (
        f"a {BREAKPOINT}\nb; x",
        f"a /* {BREAKPOINT} */ b; x",
        f"a '{BREAKPOINT}\nb'; x",
        f'a "{BREAKPOINT}"; x',
        f"a; {BREAKPOINT} b\nc; x",
        f"a; -- {BREAKPOINT} b {BREAKPOINT}\nc; x",
        f"a; -- {BREAKPOINT} b",
        f"a; /* {BREAKPOINT} b */",
    ):
        assert "drizzle" in doubts(text, dialect)[-1], text
    assert "drizzle" in doubts(f"a $$ {BREAKPOINT} $$; x", "postgres")[-1]
    assert "drizzle" in doubts(f"a # {BREAKPOINT}\n; x", "mysql")[-1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_a_tool_puts_a_value_into_a_quote_or_a_comment_the_rest_is_unsure(
    dialect: Dialect,
) -> None:
    # Flyway, "Placeholders": they are replaced wherever they stand, whatever the value is.
    for text in (
        "a '${b}'",
        "a 'x ${ b.c:d } y'",
        'a "${b}"',
        "-- ${b}\na",
        "a /* ${b} */",
        "a; -- ${b}",
    ):
        assert "a placeholder" in doubts(f"{text}\n; x", dialect)[-1], text
    for name in ('"{{ b }}"', '"{% b %}"', '"<%= b %>"'):
        assert "a placeholder" in doubts(f"a {name}; x", dialect)[-1], name
    for text in (
        "a '{{ b }}'",
        "a '$b {c}'",
        "a '$'",
        "a -- {{ b }}",
        "a '{{1,2},{3,4}}'",
        "a '<%= b %>'",
    ):
        assert doubts(f"{text}\n; x", dialect) == ["", ""], text
    assert doubts('a $${"b": 1}$$; x') == ["", ""]


def test_a_line_is_that_of_the_first_word() -> None:
    text = "\n-- x\n a;\n\n/* y\n*/ b\nc; d"

    assert [each.line for each in split(text, "postgres")] == [3, 6, 7]
