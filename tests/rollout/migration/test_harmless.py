"""What sets up a session, or renews what the server knows of its tables, in any spelling."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import lint

from .test_additive import phase


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("analyze\n verbose  app . orders", "postgres"),
        ("ANALYZE /* a note */ orders -- and another", "postgres"),
        ("Vacuum (analyze,verbose) orders", "postgres"),
        ("COMMENT ON TABLE full IS 'DROP TABLE a'", "postgres"),
        ("analyze local tables `a`,b", "mysql"),
        ("analyze [a]", "sqlite"),
    ],
)
def test_it_is_known_in_any_spelling(sql: str, dialect: Dialect) -> None:
    assert phase(sql, dialect) == "expand"


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("ANALYZE full", "postgres"),
        ("ANALYZE TABLE orders", "postgres"),
        ("ANALYZE orders", "mysql"),
        ("VACUUM orders", "mysql"),
        ("VACUUM orders", "sqlite"),
        ("ANALYZE orders $1", "postgres"),
        ("ANALYZE orders /* ${more} */", "postgres"),
    ],
)
def test_what_is_another_statement_or_cannot_be_read_surely_is_unknown(
    sql: str, dialect: Dialect
) -> None:
    assert phase(sql, dialect) == "unknown"


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SET client_encoding TO utf8", "postgres"),
        ("SET SESSION work_mem = '64MB'", "postgres"),
        ('SAVEPOINT "a b"', "postgres"),
        ("RELEASE SAVEPOINT a", "mysql"),
        ("SET NAMES 'utf8'", "mysql"),
        ("PRAGMA foreign_keys=OFF", "sqlite"),
    ],
)
def test_what_sets_up_a_session_is_no_statement_of_its_own(sql: str, dialect: Dialect) -> None:
    found = lint("f.sql", f"{sql}; CREATE TABLE t (n int)", dialect)
    assert [(each.phase, each.statement) for each in found] == [
        ("expand", "CREATE TABLE t (n int)")
    ]


def test_statistics_take_no_table_of_the_file_away() -> None:
    # What is new stays known to be new.
    for each in ("ANALYZE t", "VACUUM t", "SAVEPOINT s"):
        assert phase(f"CREATE TABLE t (n int); {each}; ALTER TABLE t ADD UNIQUE (n)") == "expand"
