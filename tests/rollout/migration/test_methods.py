"""What runs code without a call is the server's own, or the statement is unknown."""

import pytest

from drainproxy.rollout.migration.grammar import OPERATOR_CLASSES
from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import lint, worst


def phase(sql: str, dialect: Dialect = "postgres") -> str:
    return worst(lint("f.sql", sql, dialect))


INDEXES = [
    "CREATE INDEX i ON orders (n CLASS)",
    "CREATE INDEX i ON orders USING gist (m, lower(n) CLASS DESC)",
    "CREATE TABLE t (n int); CREATE UNIQUE INDEX i ON t (n CLASS)",
    "CREATE TABLE t (n text, EXCLUDE USING gist (n CLASS WITH =))",
]


@pytest.mark.parametrize("index", INDEXES)
def test_an_operator_class_of_the_server_is_known(index: str) -> None:
    for name in sorted(OPERATOR_CLASSES):
        assert phase(index.replace("CLASS", name)) == "expand", name


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("name", ["wipe_ops", "s.text_ops", '"text_ops"', "wipe_pattern_ops"])
def test_another_operator_class_is_unknown(index: str, name: str) -> None:
    assert phase(index.replace("CLASS", name)) == "unknown"


def test_an_access_method_is_the_servers_own() -> None:
    for name in ("btree", "HASH", "gin", "gist", "brin", "spgist"):
        assert phase(f"CREATE INDEX i ON orders USING {name} (n)") == "expand"
    for name in ("wipe", '"Gin"', "bloom"):
        assert phase(f"CREATE INDEX i ON orders USING {name} (n)") == "unknown"


@pytest.mark.parametrize("engine", ["FEDERATED", "connect", "'SPIDER'", "MERGE", "s3", "wipe"])
def test_a_storage_engine_of_other_tables_is_unknown(engine: str) -> None:
    assert phase(f"CREATE TABLE x (n int) ENGINE={engine}", "mysql") == "unknown"
    assert phase(f"CREATE TABLE x ENGINE {engine} AS SELECT 1 AS n", "mysql") == "unknown"


@pytest.mark.parametrize(
    "option", ["TABLE_TYPE=mysql", "CONNECTION='x'", "OPTION_LIST='Execsrc=1'"]
)
def test_an_option_of_an_engine_is_unknown(option: str) -> None:
    assert phase(f"CREATE TABLE x (n int) {option}", "mysql") == "unknown"


def test_sqlite_leaves_collations_and_regexp_to_the_program() -> None:
    assert phase("CREATE INDEX i ON a (n COLLATE NOCASE, m COLLATE rtrim)", "sqlite") == "expand"
    assert phase("CREATE INDEX i ON a (n COLLATE wipe)", "sqlite") == "unknown"
    assert phase("CREATE INDEX i ON a (n, m COLLATE [wipe] DESC)", "sqlite") == "unknown"
    assert phase("UPDATE a SET n = 1 WHERE m REGEXP 'x'", "sqlite") == "unknown"
    assert phase("UPDATE a SET n = 1 WHERE m REGEXP 'x'", "mysql") == "migrate"


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE a ADD COLUMN n text COLLATE NAME",
        "CREATE TABLE t (n text COLLATE NAME)",
        "CREATE TABLE t (n text PRIMARY KEY COLLATE NAME)",
        "CREATE TABLE t (n text CHECK (n > 'x' COLLATE NAME))",
        "CREATE INDEX i ON a (n) WHERE n > 'x' COLLATE NAME",
    ],
)
def test_a_collation_that_some_program_lacks_is_in_no_schema(change: str) -> None:
    for name in ("nocase", "RTRIM", '"binary"'):
        assert phase(change.replace("NAME", name), "sqlite") == "expand", name
    for name in ("wipe", '"wipe"', "[wipe]"):
        assert phase(change.replace("NAME", name), "sqlite") == "unknown", name
