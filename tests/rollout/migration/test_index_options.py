"""Which options of an index MySQL may have without more than an index."""

import pytest

from drainproxy.rollout.migration.index_options import without_options
from drainproxy.rollout.migration.lexer import split

from .test_additive import phase


def bare(sql: str) -> str:
    (statement,) = split(sql, "mysql")
    return without_options(statement, "mysql").sql


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("CREATE INDEX i ON a (n) USING BTREE", "CREATE INDEX i ON a (n)"),
        ("create index i using hash on a (n(5)) invisible", "create index i on a (n(5))"),
        ("CREATE INDEX `i j` USING BTREE ON a (n)", "CREATE INDEX `i j` ON a (n)"),
        ("CREATE INDEX i ON a (n) COMMENT 'x) USING BTREE' LOCK NONE", "CREATE INDEX i ON a (n)"),
        ("CREATE INDEX i ON a (n)\nKEY_BLOCK_SIZE=8 VISIBLE", "CREATE INDEX i ON a (n)"),
    ],
)
def test_plain_options_are_left_out(sql: str, left: str) -> None:
    assert bare(sql) == left
    assert phase(sql, "mysql") == "expand"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX i ON a (n) COMMENT 'it''s) USING BTREE'",
        'CREATE INDEX i ON a (n) COMMENT "x"',
        "CREATE INDEX i ON a (n) USING RTREE",
        "CREATE INDEX i ON a (n) ALGORITHM=COPY",
        "CREATE INDEX i ON a (n) LOCK=EXCLUSIVE USING BTREE",
        "CREATE INDEX i USING RTREE ON a (n)",
        "CREATE INDEX USING BTREE ON a (n)",
        "CREATE UNIQUE INDEX i ON a (n) USING BTREE",
        "CREATE TABLE a (n int) COMMENT 'x'",
    ],
)
def test_all_else_stays(sql: str) -> None:
    assert bare(sql) == sql
    (statement,) = split("CREATE INDEX i ON a (n) INVISIBLE", "postgres")
    assert without_options(statement, "postgres") is statement


def test_an_option_of_a_plugin_is_unknown() -> None:
    for option in ("WITH PARSER ngram", "ENGINE_ATTRIBUTE '{}'", "USING RTREE"):
        assert phase(f"ALTER TABLE a ADD INDEX i (n) {option}", "mysql") == "unknown"
    for option in ("USING HASH", "COMMENT 'x' INVISIBLE", "KEY_BLOCK_SIZE=8"):
        assert phase(f"ALTER TABLE a ADD INDEX i (n) {option}", "mysql") == "expand"
