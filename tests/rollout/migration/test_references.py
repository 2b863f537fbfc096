"""A foreign key of a new table to a table in use is never called additive."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import lint, worst
from tests.rollout.migration.corpora import DIALECTS

KEYS = [
    "CREATE TABLE t (x int REFERENCES NAME)",
    "CREATE TABLE t (x int REFERENCES NAME (id) ON DELETE CASCADE)",
    "CREATE TABLE t (x int, FOREIGN KEY (x) REFERENCES NAME (id))",
    "CREATE TABLE t (x int, y int, CONSTRAINT f FOREIGN KEY (x, y) REFERENCES NAME (a, b))",
    "CREATE TABLE IF NOT EXISTS t (x int REFERENCES t (x), y int REFERENCES NAME (id))",
]
ADDED = [
    "CREATE TABLE t (x int); ALTER TABLE t ADD FOREIGN KEY (x) REFERENCES NAME (id)",
    "CREATE TABLE t (x int); ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES NAME (id)",
    "CREATE TABLE t (x int); ALTER TABLE t ADD COLUMN y int REFERENCES NAME (id)",
]


def keys(dialect: Dialect) -> list[str]:
    """SQLite adds no constraint, and of the columns only the last."""
    return KEYS + (ADDED if dialect != "sqlite" else ADDED[2:])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_foreign_key_to_a_table_from_before_is_unknown(dialect: Dialect) -> None:
    for key in keys(dialect):
        for before, name in (
            ("", "users"),
            ("", "s.t"),
            ("CREATE TABLE IF NOT EXISTS users (id int); ", "users"),
            ("CREATE TABLE users (id int); SELECT 1; ", "users"),
            ("CREATE TABLE users (id int); ", "s.users"),
        ):
            sql = before + key.replace("NAME", name)
            found = lint("f.sql", sql, dialect)
            assert worst(found) == "unknown", sql
            assert f"a foreign key to {name} locks that table" in found[-1].reason, sql


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_foreign_key_to_a_table_of_the_same_file_only_adds(dialect: Dialect) -> None:
    for key in keys(dialect):
        sql = "CREATE TABLE users (id int, a int, b int); " + key.replace("NAME", "users")
        assert worst(lint("f.sql", sql, dialect)) == "expand", sql
        assert worst(lint("f.sql", key.replace("NAME", "t"), dialect)) == "expand", key


def test_what_else_stands_in_the_file_is_judged_as_if_the_key_were_none() -> None:
    sql = (
        "CREATE TABLE t (x int REFERENCES users); CREATE UNIQUE INDEX i ON t (x);"
        "INSERT INTO t VALUES (1); DELETE FROM t; DELETE FROM users"
    )

    assert [each.phase for each in lint("f.sql", sql)] == [
        "unknown",
        "expand",
        "migrate",
        "migrate",
        "contract",
    ]
