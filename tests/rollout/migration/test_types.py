"""A type that is not surely the server's own is unknown, wherever it stands and however it is."""

import pytest
from sqlglot.dialects.postgres import Postgres

from drainproxy.rollout.migration.grammar import TYPE_SYNTAX, TYPES
from drainproxy.rollout.migration.lint import lint, worst

CLAUSES = [
    "ALTER TABLE orders ADD COLUMN n TYPE",
    "ALTER TABLE orders ADD COLUMN n TYPE[]",
    "ALTER TABLE orders ADD COLUMN n text DEFAULT 'x'::TYPE",
    "ALTER TABLE orders ADD COLUMN n text DEFAULT TYPE 'x'",
    "CREATE TABLE a (n TYPE)",
    "CREATE TABLE a (n text CHECK (CAST(n AS TYPE) IS NULL))",
    "CREATE TABLE a AS SELECT n::TYPE FROM orders",
    "CREATE VIEW v AS SELECT lower(n::TYPE) FROM orders",
    "UPDATE orders SET n = 'x'::TYPE[]",
    "INSERT INTO orders (n) SELECT coalesce(m, CAST('x' AS TYPE)) FROM orders",
]
# On a push a type stands in a column, a cast, before a literal, in a new table and in an array.
SOME = [
    pytest.param(clause, marks=[pytest.mark.slow] if at in (1, 5, 6, 7, 9) else [])
    for at, clause in enumerate(CLAUSES)
]
# What sqlglot reads as a type in PostgreSQL, by its own list and by those of other servers.
READ_AS_TYPES = {
    word.lower()
    for word, token in Postgres.Tokenizer.KEYWORDS.items()
    if token in Postgres.parser_class.TYPE_TOKENS
}
FOREIGN = sorted(READ_AS_TYPES - TYPES["postgres"] - TYPE_SYNTAX)


@pytest.mark.parametrize("clause", SOME)
def test_a_type_of_another_server_is_unknown(clause: str) -> None:
    assert {"datetime", "tinyint", "string", "variant"} <= set(FOREIGN)
    wrong = [
        name
        for name in [*FOREIGN, "list", "range", "enum", "citext", "order_state"]
        if worst(lint("f.sql", clause.replace("TYPE", name))) in ("expand", "migrate")
    ]
    assert wrong == []


@pytest.mark.parametrize("clause", SOME)
def test_a_type_in_quotes_or_with_a_schema_is_unknown(clause: str) -> None:
    wrong = [
        name
        for known in sorted(TYPES["postgres"])
        for name in (f'"{known}"', f"s.{known}", f'pg_catalog."{known}"')
        if worst(lint("f.sql", clause.replace("TYPE", name))) in ("expand", "migrate")
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["int", "double precision", "timestamptz(3)", "text", "inet"])
@pytest.mark.parametrize("clause", CLAUSES)
def test_a_type_of_the_server_is_known(clause: str, name: str) -> None:
    sql = clause.replace("TYPE", name)

    assert worst(lint("f.sql", sql)) in ("expand", "migrate"), sql


def test_a_column_may_have_the_name_of_a_type() -> None:
    sql = 'UPDATE orders SET datetime = "int", object = list, "Text" = orders.object'

    assert worst(lint("f.sql", sql)) == "migrate"


def test_a_new_column_of_a_type_without_equality_is_unknown() -> None:
    """PostgreSQL 15: could not identify an equality operator for type json."""
    without = [
        "box",
        "circle",
        "json",
        "jsonpath",
        "line",
        "lseg",
        "path",
        "point",
        "polygon",
        "xml",
    ]
    for name in sorted(TYPES["postgres"] - {"serial", "bigserial", "smallserial"}):
        for column in (f"n {name}", f"n {name.upper()}[]", f"m int, ADD n {name}"):
            found = lint("f.sql", f"ALTER TABLE orders ADD COLUMN {column}")
            assert ("has no equality" in found[0].reason) == (name in without), column
            assert worst(found) == "unknown" or name not in without, column


def test_a_type_without_equality_may_be_in_a_new_table_and_in_other_servers() -> None:
    assert worst(lint("f.sql", "CREATE TABLE t (n json, m point)")) == "expand"
    assert worst(lint("f.sql", "ALTER TABLE orders ADD COLUMN n json", "mysql")) == "expand"
    assert worst(lint("f.sql", "ALTER TABLE orders ADD COLUMN n json", "sqlite")) == "expand"
