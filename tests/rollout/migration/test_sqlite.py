"""A real SQLite agrees: what is called additive takes nothing away from who uses the database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.rollout.migration.lint import lint, worst
from tests.rollout.migration.corpora import cases
from tests.rollout.migration.test_hostile import NOISE

# What code of the version before uses: columns by name, with values that only constraints refuse.
SCHEMA = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, n INT, m INT, a, b, name TEXT, note TEXT, state TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE old (id INT, n INT); CREATE TABLE old_orders (id INT);
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE docs_fts USING fts5(body, content = 'docs', content_rowid = 'id');
CREATE TABLE strict (id INTEGER PRIMARY KEY, q INT) STRICT;
CREATE INDEX orders_n ON orders (m);
CREATE VIEW seen AS SELECT id, n FROM orders;
INSERT INTO orders (id, n, m, a, b) VALUES (901, 0, -1, NULL, 'x'), (902, 0, NULL, 1, 1);
INSERT INTO users (id, name) VALUES (901, 'a'), (902, 'a');
INSERT INTO old (id, n) VALUES (901, 1);
INSERT INTO docs (id, body) VALUES (901, 'a'), (902, 'b');
INSERT INTO docs_fts (docs_fts) VALUES ('rebuild');
"""
USES = [
    "INSERT INTO orders (id, n, m, a, b) VALUES (911, -1, NULL, 'x', NULL)",
    "INSERT INTO orders (n, m) VALUES (0, 'word'), (0, 'word')",
    "UPDATE orders SET n = NULL, m = NULL WHERE id = 901",
    "SELECT id, n, m, a, b, name, note, state FROM orders",
    "INSERT INTO users (name) VALUES ('a'), (NULL)",
    "SELECT id, n FROM seen",
    "INSERT INTO docs_fts (body) VALUES ('a')",
    "INSERT INTO strict (q) VALUES (1), (1), (NULL)",
]
COUNTED = ("orders", "users", "old", "old_orders", "docs")
# A full-text index answers to what is searched, whatever is counted.
FOUND = "SELECT count(*) FROM docs_fts WHERE docs_fts MATCH 'a OR b'"


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        yield connection


def things(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def rows(connection: sqlite3.Connection, table: str) -> int:
    """How many there are; none in a table that is gone."""
    if table not in things(connection):
        return 0
    count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    return count


def losses(text: str) -> list[str]:
    """What a database has lost when it has run the text, up to its first error."""
    with database() as connection:
        before = things(connection)
        counted = {table: rows(connection, table) for table in COUNTED}
        with suppress(sqlite3.Error, sqlite3.Warning, ValueError):
            connection.executescript(text)
        if connection.in_transaction:
            connection.execute("COMMIT")
        lost = [name for name in before if name not in things(connection)]
        lost += [f"rows of {name}" for name in counted if rows(connection, name) < counted[name]]
        if "docs_fts" in things(connection) and connection.execute(FOUND).fetchone()[0] < 2:
            lost.append("what docs_fts finds")
        for use in USES:
            try:
                connection.execute(use).fetchall()
            except sqlite3.Error as error:
                lost.append(f"{use}: {error}")
        return lost


def test_the_database_notices_a_loss() -> None:
    assert losses("DROP TABLE users")
    assert losses("DELETE FROM orders WHERE id = 901")
    assert losses("INSERT INTO docs_fts(docs_fts, rowid, body) VALUES('delete', 901, 'a')")
    assert losses("CREATE UNIQUE INDEX i ON users (name) WHERE name = 'b'") == []
    assert losses("ALTER TABLE orders ADD COLUMN x INT CHECK (n >= 0)")
    assert losses("ALTER TABLE orders RENAME COLUMN n TO x")
    assert losses("-- DROP TABLE users") == []


def test_what_only_adds_in_the_corpus_takes_nothing_away() -> None:
    wrong = [
        (case.sql, lost)
        for case in cases("sqlite")
        if worst(lint("f.sql", case.sql, "sqlite")) in ("expand", "migrate")
        and (lost := losses(case.sql))
    ]
    assert wrong == []


STATEMENTS = [case.sql for case in cases("sqlite")]
PIECES = [
    *"'\"`[];()-*/!#\n\r\\",
    *("--", "/*", "*/", "/*!", "''", " ", "x", "\ufeff", "\u2028", "\x00"),
    *("DROP TABLE users", "DELETE FROM orders", ", DROP COLUMN n", "REPLACE INTO orders VALUES "),
    *("ALTER TABLE orders ADD COLUMN z", "INT", "UPDATE orders SET note = ", "(1)", "'a'"),
    *("INSERT INTO docs_fts(docs_fts, rowid, body) VALUES ", "('delete', 901, 'a')", "docs_fts"),
    *("CREATE TABLE t (x INT)", "CREATE UNIQUE INDEX u ON users (name)", "BEGIN", "COMMIT"),
]


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(STATEMENTS)), max_size=8),
    st.lists(st.sampled_from(NOISE), min_size=8, max_size=8),
)
@example(["ALTER TABLE orders ADD COLUMN z INT", "DROP TABLE users"], ["-- ", ";"] * 4)
@example(["UPDATE orders SET note = '\\'", "DELETE FROM orders"], [";"] * 8)
def test_whatever_is_called_additive_takes_nothing_away(
    pieces: list[str], noise: list[str]
) -> None:
    text = "".join(a + b for a, b in zip(noise, pieces, strict=False))
    if worst(lint("f.sql", text, "sqlite")) in ("expand", "migrate"):
        assert losses(text) == []


TYPES = ["", "INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY", "VARCHAR(10)", "NUMERIC", "BOOLEAN"]
PARTS = [
    *("NULL", "NOT NULL", "UNIQUE", "PRIMARY KEY", "AUTOINCREMENT", "COLLATE NOCASE"),
    *("CHECK (z > 5)", "REFERENCES users (id)", "GENERATED ALWAYS AS (1)", "ON CONFLICT REPLACE"),
    *("CONSTRAINT c NOT NULL", "CONSTRAINT c DEFAULT 2", "DEFAULT NULL", "DEFAULT (NULL)"),
    *("DEFAULT 1", "DEFAULT 'a'", "DEFAULT 1.5", "DEFAULT -1", "DEFAULT (1)", "DEFAULT x'00'"),
    *("DEFAULT TRUE", "DEFAULT 1e3", "DEFAULT 99999999999999999999", "DEFAULT CURRENT_TIMESTAMP"),
]


@given(
    st.sampled_from(["orders", "strict"]),
    st.sampled_from(TYPES),
    st.lists(st.sampled_from(PARTS), max_size=4),
)
def test_a_column_that_is_called_additive_refuses_no_row(
    table: str, data_type: str, parts: list[str]
) -> None:
    text = f"ALTER TABLE {table} ADD COLUMN z {' '.join([data_type, *parts])}"
    if worst(lint("f.sql", text, "sqlite")) in ("expand", "migrate"):
        assert losses(text) == []


# Names that SQLite, or a query without quotes, may read as something else than a column.
NAMES = [
    *("true", "FALSE", "null", "rowid", "oid", "_rowid_", "current_timestamp", "current_date"),
    *("rank", "orders", "users", "count", "max", "glob", "excluded", "new", "value", "key", "c1"),
]
QUERIES = [
    "SELECT id, n = true, n = false, n IS TRUE, n IS NULL, current_date > 'x' FROM orders",
    "SELECT rowid, oid, _rowid_, count(*), max(n) FROM orders GROUP BY id",
    "SELECT o.id, u.id FROM orders AS o JOIN users AS u ON u.rowid = o.oid WHERE true",
]


def test_a_column_that_is_called_additive_leaves_old_queries_their_answers() -> None:
    def answers(text: str) -> list[list[object]]:
        with database() as connection:
            connection.executescript(text)
            return [connection.execute(query).fetchall() for query in QUERIES]

    before = answers("")
    changes = {name: f'ALTER TABLE orders ADD COLUMN "{name}" INT' for name in NAMES}
    different = {name for name, change in changes.items() if answers(change) != before}

    assert {"true", "FALSE", "rowid", "oid"} <= different
    assert {worst(lint("f.sql", changes[name], "sqlite")) for name in different} == {"contract"}


def test_a_program_without_a_collation_fails_where_it_is_called_unknown(tmp_path: Path) -> None:
    change = "ALTER TABLE orders ADD COLUMN word TEXT COLLATE own"
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as new:
        new.executescript(SCHEMA)
        new.create_collation("own", lambda a, b: (a > b) - (a < b))
        new.execute(change)
        new.commit()
    lacks = pytest.raises(sqlite3.OperationalError, match="no such collation")
    with closing(sqlite3.connect(path)) as old, lacks:
        old.execute("SELECT DISTINCT * FROM orders")

    assert worst(lint("f.sql", change, "sqlite")) == "unknown"


@pytest.mark.parametrize("made", ["TABLE json_each (a)", 'VIEW "JSON_Tree" AS SELECT 1 AS a'])
def test_what_hides_a_table_of_sqlites_own_is_unknown(made: str) -> None:
    name = made.split()[1].strip('"')
    query = f"SELECT count(*) FROM {name}('[1, 2]')"  # noqa: S608
    with database() as connection:
        assert connection.execute(query).fetchone()[0] > 0
        connection.execute(f"CREATE {made}")
        with pytest.raises(sqlite3.OperationalError, match="is not a function"):
            connection.execute(query)

    for schema in ("", "main."):
        change = f"CREATE {made.replace(' ', f' {schema}', 1)}"
        assert worst(lint("f.sql", change, "sqlite")) == "unknown"
        assert worst(lint("f.sql", change, "postgres")) == "expand"
    assert worst(lint("f.sql", "CREATE INDEX json_each ON orders (n)", "sqlite")) == "expand"
