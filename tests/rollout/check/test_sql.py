"""What a hook's SQL is without a grammar, against the corpus of `migration lint`."""

from time import process_time

import pytest

from drainproxy.rollout.check.sql import Contract, Unclear, only_asks, statements_in, worst
from drainproxy.rollout.migration.lexer import Dialect
from tests.cases import some
from tests.rollout.migration.corpora import ALL, CONTRACTS, Case

# Whether a table is new is guessed here; only `migration lint` looks at all that could hide it.
OF_OLD_TABLES = [
    case for case in CONTRACTS if not case.sql.startswith(("CREATE TABLE", "CREATE TEMP"))
]


@pytest.mark.parametrize("case", OF_OLD_TABLES, ids=lambda case: f"{case.dialect}: {case.sql}")
def test_no_contract_is_without_a_finding(case: Case) -> None:
    assert worst(case.sql, case.dialect)


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE orders ADD n int, DROP "m"',
        "ALTER TABLE orders ADD n int, DROP`m`",
        'ALTER TABLE"orders"ADD n int, ALTER COLUMN"m"TYPE bigint',
        'ALTER TABLE orders ADD n int, ALTER "m" SET DATA TYPE bigint',
        'TRUNCATE"orders"',
    ],
)
def test_quotes_need_no_blank_around_them(sql: str) -> None:
    dialect: Dialect = "mysql" if "`" in sql else "postgres"
    assert isinstance(worst(sql, dialect), Contract)
    assert worst("ALTER TABLE a ALTER COLUMN prototype DROP NOT NULL", dialect) is None


REFUSING = ("a int NOT NULL", "a text NOT NULL DEFAULT NULL", "a numeric(9, 2) NOT NULL")
HARMLESS = (
    *("b int", "b int DEFAULT 1", "b int NOT NULL DEFAULT 0", "b varchar(9) DEFAULT 'x' NOT NULL"),
    *("b numeric(9, 2) NOT NULL DEFAULT (1.5)", "b text DEFAULT 'not null'", "key text NULL"),
)


@pytest.mark.parametrize("other", HARMLESS)
def test_the_default_of_one_column_fills_no_other(other: str) -> None:
    for add in ("ADD COLUMN", "ADD", "ADD COLUMN IF NOT EXISTS"):
        for refusing in REFUSING:
            for first, second in ((other, refusing), (refusing, other)):
                sql = f"ALTER TABLE orders {add} {first}, {add} {second}"
                assert isinstance(worst(sql, "postgres"), Contract), sql
                sql = f"ALTER TABLE orders {add} ({first}, {second})"
                assert isinstance(worst(sql, "mysql"), Contract), sql
        assert worst(f"ALTER TABLE orders {add} {other}, {add} c int DEFAULT 2", "postgres") is None
        assert worst(f"ALTER TABLE orders {add} ({other}, c int DEFAULT 2)", "mysql") is None


@pytest.mark.parametrize(
    "explained",
    ["DELETE FROM a", "DELETE b FROM a b JOIN c", "WITH d AS (DELETE FROM a) SELECT 1"],
)
def test_what_explain_runs_is_judged_and_what_it_only_explains_is_not(explained: str) -> None:
    for explain in (
        *("EXPLAIN ANALYZE", "explain analyse verbose", "EXPLAIN (ANALYZE, BUFFERS)"),
        *("EXPLAIN (COSTS OFF, ANALYZE true)", "EXPLAIN FORMAT=TREE ANALYZE", "ANALYZE"),
        *("EXPLAIN ANALYZE FORMAT = JSON", "ANALYZE FORMAT=JSON"),
    ):
        sql = f"{explain} {explained}"
        assert isinstance(worst(sql, "mysql"), Contract), sql
        assert not only_asks(sql)
    for explain in ("EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN (COSTS off)", "EXPLAIN QUERY PLAN"):
        assert worst(f"{explain} {explained}", "postgres") is None
        assert only_asks(f"{explain} {explained};")
        assert isinstance(worst(f"{explain} {explained}; DROP TABLE a", "postgres"), Contract)
        assert not only_asks(f"{explain} {explained}; DROP TABLE a")
    assert worst("EXPLAIN ANALYZE SELECT 1", "postgres") is None
    assert only_asks("EXPLAIN ANALYZE SELECT 1")


def test_a_key_that_is_added_is_an_index_or_a_column() -> None:
    assert worst("ALTER TABLE orders ADD KEY i (a)", "mysql") is None
    for sql in (
        "ADD a int KEY",
        "ADD FULLTEXT KEY i (a)",
        "DISABLE KEYS",
        "ADD key int, ADD b int KEY",
    ):
        assert worst(f"ALTER TABLE orders {sql}", "mysql"), sql


@pytest.mark.parametrize(
    "action",
    [
        *("ADD after text", "ADD COLUMN first int, ADD after int", "ADD (after int, first int)"),
        *("ADD INDEX i (first)", "ADD INDEX i (n, first)", "ADD KEY i (after , n)"),
        *("ADD COLUMN IF NOT EXISTS after text", "ADD\n after text", "ADD `first` int"),
        "ADD INDEX first (n)",
    ],
)
def test_a_column_may_be_called_after_or_first(action: str) -> None:
    assert worst(f"ALTER TABLE a {action}", "mysql") is None


@pytest.mark.parametrize(
    "action",
    [
        *("ADD b int FIRST", "ADD b int AFTER c", "ADD b int AFTER `c`", "ADD b int AFTER`c`"),
        *("ADD (b int FIRST)", "ADD b int FIRST, ADD c int", "ADD first int FIRST"),
        *("ADD after int AFTER after", "ADD b int DEFAULT 1 AFTER first", "ADD b int\nAFTER c"),
        *("ADD b enum('x')AFTER c", "ADD b int COMMENT 'x'FIRST", "ADD after int, ADD b int FIRST"),
    ],
)
def test_a_column_that_moves_others_is_not_understood(action: str) -> None:
    assert isinstance(worst(f"ALTER TABLE a {action}", "mysql"), Unclear)


def test_what_only_adds_is_no_contract_and_mostly_understood() -> None:
    additive = [each for each in ALL if {"contract", "unknown"}.isdisjoint(each.phases)]
    found = [(each.sql, each_found) for each in additive if (each_found := worst(*each[1::-1]))]
    assert [sql for sql, each in found if not isinstance(each, Unclear)] == []
    assert len(found) < len(additive) / 20


@pytest.mark.parametrize(
    ("word", "sql"),
    [
        ("drop table x", "drop table x"),
        ("--command=DROP TABLE x", "DROP TABLE x"),
        ("-cDROP TABLE x", "DROP TABLE x"),
        ("-tAcDROP TABLE x", "DROP TABLE x"),
        ("-sNeDROP TABLE x", "DROP TABLE x"),
        ("$DROP TABLE x", "DROP TABLE x"),
        ("-tA DROP TABLE x", ""),
        ("-- why\nDROP TABLE x", "-- why\nDROP TABLE x"),
        (
            "--liquibase\n--changeset a:1\nDROP TABLE x",
            "--liquibase\n--changeset a:1\nDROP TABLE x",
        ),
        ("-- a\n--b=c\nDROP TABLE x", "-- a\n--b=c\nDROP TABLE x"),
        ("USE `shop`;\nDROP TABLE x", "USE `shop`;\nDROP TABLE x"),
        ("-ePRAGMA foreign_keys = OFF; DROP TABLE x", "PRAGMA foreign_keys = OFF; DROP TABLE x"),
        ("\\set ON_ERROR_STOP on\nDROP TABLE x", "\\set ON_ERROR_STOP on\nDROP TABLE x"),
        (".bail on\nDROP TABLE x", ".bail on\nDROP TABLE x"),
        ("EXPLAIN ANALYZE DELETE FROM x", "EXPLAIN ANALYZE DELETE FROM x"),
        ("-cexplain (analyze, buffers) delete from x", "explain (analyze, buffers) delete from x"),
        ("; DROP TABLE x", "; DROP TABLE x"),
        ("SHOW lock_timeout; DROP TABLE x", "SHOW lock_timeout; DROP TABLE x"),
        ("PREPARE p AS DELETE FROM x", "PREPARE p AS DELETE FROM x"),
        ("PREPARE p (int) AS DELETE FROM x", "PREPARE p (int) AS DELETE FROM x"),
        ("EXECUTE IMMEDIATE 'DROP TABLE x'", "EXECUTE IMMEDIATE 'DROP TABLE x'"),
        ("REFRESH MATERIALIZED VIEW x", "REFRESH MATERIALIZED VIEW x"),
        ("COPY x (a) FROM stdin", "COPY x (a) FROM stdin"),
        ("explain the release", ""),
        ("copy a to b.txt", "copy a to b.txt"),
        ("show x && serve", ""),
        ("prepare the release", ""),
        ("execute all", ""),
        (". ./env\ndelete x", ""),
        ("./run\ndelete x", ""),
        ("use strict; print 1", ""),
        ("drop", ""),
        ("set -e; psql", ""),
        ("python -c x", ""),
    ],
)
def test_a_word_of_a_command_is_sql_or_is_not(word: str, sql: str) -> None:
    assert statements_in(word) == sql


# On a push a fifth of the text, in a fifth of the time.
@pytest.mark.parametrize("part", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "text",
    some(
        [
            "/*" * 200_000,
            "alter table " * 50_000,
            "create table " * 50_000,
            " " * 500_000,
            "default(" * 90_000,
            "alter table a add (" * 30_000,
            "alter table a add b int, " * 30_000,
            "alter " + "a after " * 60_000,
            "alter " + "first " * 80_000,
            "use x;" * 90_000,
            "pragma " * 90_000,
            ".a\n\\b\n" * 90_000,
            "explain " * 90_000,
            "explain (" * 90_000,
            "explain()" * 90_000,
            "explain" + " analyze" * 90_000,
            ";" * 100_000 + "explain",
            "prepare a (" * 50_000,
            "show " * 100_000,
        ],
        of=2,
    ),
    ids=lambda text: text[:8],
)
def test_hostile_sql_takes_no_time(text: str, part: int) -> None:
    asked = text if part == 1 else text[: len(text) // part] + text[-len("explain") :]
    began = process_time()
    worst(asked, "postgres")
    statements_in(asked)
    assert process_time() - began < 5 / part
