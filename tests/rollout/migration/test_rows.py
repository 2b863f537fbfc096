"""`o.x` is a column where the text shows it; elsewhere PostgreSQL may call a function `x`."""

import pytest

from drainproxy.rollout.migration.lint import lint, worst

# Every part of a statement in which an expression is computed.
PLACES = [
    "CREATE TABLE x AS SELECT NAME AS y FROM SOURCE",
    "CREATE TABLE x AS SELECT 1 AS y FROM SOURCE WHERE NAME IS NULL",
    "CREATE VIEW x AS SELECT lower(NAME) AS y FROM SOURCE",
    "CREATE MATERIALIZED VIEW x AS SELECT y FROM SOURCE GROUP BY NAME",
    "INSERT INTO b SELECT NAME FROM SOURCE",
    "INSERT INTO b SELECT 1 FROM SOURCE ORDER BY NAME LIMIT 1",
    "INSERT INTO b SELECT max(NAME) FROM SOURCE HAVING count(NAME) > 1",
    "INSERT INTO b SELECT row_number() OVER (PARTITION BY NAME) FROM SOURCE",
    "INSERT INTO b SELECT 1 FROM c JOIN SOURCE ON NAME = 1",
    "INSERT INTO b SELECT l.y FROM SOURCE, LATERAL (SELECT NAME AS y) AS l",
    "INSERT INTO b VALUES ((SELECT NAME FROM SOURCE))",
    "UPDATE b SET y = NAME FROM SOURCE",
    "UPDATE b SET y = 1 FROM SOURCE WHERE NAME = 1",
    "UPDATE b SET y = 1 FROM SOURCE RETURNING NAME",
    "UPDATE b SET y = CASE WHEN NAME::int = 1 THEN 1 END FROM SOURCE",
    "UPDATE b SET y = (SELECT 1 WHERE EXISTS (SELECT 1 WHERE NAME = 1)) FROM SOURCE",
    "WITH c AS (SELECT NAME AS y FROM SOURCE) UPDATE b SET y = c.y FROM c",
    "MERGE INTO b USING SOURCE ON NAME = 1 WHEN MATCHED THEN UPDATE SET y = 1",
    "MERGE INTO b USING SOURCE ON true WHEN MATCHED AND NAME = 1 THEN UPDATE SET y = 1",
    "MERGE INTO b USING SOURCE ON true WHEN NOT MATCHED THEN INSERT (y) VALUES (NAME)",
]
# Those that are asked on a push with all of SHOWN; what shows nothing is asked in all of them.
SOME = [
    pytest.param(place, marks=[pytest.mark.slow] if at % 3 else [])
    for at, place in enumerate(PLACES)
]
SHOWN = [
    ("", "(SELECT x FROM t) AS o"),
    ("", "(SELECT 1 AS x UNION SELECT 2 AS y) AS o"),
    ("", "(VALUES (1)) AS o (x)"),
    ("", "t AS o (x)"),
    ("CREATE TABLE o (x int); ", "o"),
    ("CREATE TABLE o AS SELECT 1 AS x; ", "o"),
    ("ALTER TABLE t ADD COLUMN x int; ", "t AS o"),
    ("INSERT INTO t (x) VALUES (1); ", "t AS o"),
]
# Tables from before, which show nothing.
BEFORE = [
    ("", "t AS o"),
    ("", "o"),
    ("", "s.o"),
    ("CREATE TABLE IF NOT EXISTS o (x int); ", "o"),
    ("CREATE TABLE t (x int); ", "s.t AS o"),
    ("ALTER TABLE t ADD COLUMN x int; CREATE TABLE s.t (y int); ", "t AS o"),
    ("CREATE TABLE o (LIKE t); ", "o"),
]
NOT_SHOWN = [
    ("", "(SELECT * FROM t) AS o"),
    ("", "(SELECT 1 AS y UNION SELECT 2 AS x) AS o"),
    ("", "(SELECT x AS y FROM t) AS o"),
    ("", "(VALUES (1)) AS o"),
    ("", "generate_series(1, 2) AS o"),
    ("CREATE TABLE o (y int); ", "o"),
    ("CREATE TABLE o (x int); SELECT 1; ", "o"),
]


def phase(sql: str) -> str:
    return worst(lint("f.sql", sql))


@pytest.mark.parametrize("place", SOME)
def test_a_name_with_a_dot_that_the_text_shows_is_a_column(place: str) -> None:
    for before, source in SHOWN:
        for name in ("o.x", 'o . "x"', "O.X"):
            sql = before + place.replace("SOURCE", source).replace("NAME", name)
            assert phase(sql) in ("expand", "migrate"), sql


@pytest.mark.parametrize("place", PLACES)
def test_a_name_with_a_dot_that_nothing_shows_is_unknown(place: str) -> None:
    for before, source in NOT_SHOWN:
        sql = before + place.replace("SOURCE", source).replace("NAME", "o.x")
        assert phase(sql) == "unknown", sql


@pytest.mark.parametrize("place", PLACES)
def test_a_table_from_before_is_trusted_where_rows_are_moved_and_in_a_view(place: str) -> None:
    at_once = place.startswith(("CREATE TABLE", "CREATE MATERIALIZED"))
    for before, source in BEFORE:
        sql = before + place.replace("SOURCE", source).replace("NAME", "o.x")
        assert (phase(sql) == "unknown") == at_once, sql


@pytest.mark.parametrize("name", ["o.wipe", 'o."X"', '"O".x', "(o).x", "(o.*).x", "o.y"])
def test_another_name_than_the_one_that_is_shown_is_unknown(name: str) -> None:
    sql = "INSERT INTO b SELECT NAME FROM (SELECT x FROM t) AS o"
    assert phase(sql.replace("NAME", name)) == "unknown"


def test_what_a_statement_writes_it_surely_has() -> None:
    for wrote in (
        "UPDATE t SET x = 1",
        "UPDATE t SET (w, x) = (1, 2)",
        "INSERT INTO t (x) VALUES (1)",
        "INSERT INTO t (w) VALUES (1) ON CONFLICT (w) DO UPDATE SET x = 1",
        "MERGE INTO t USING b ON true WHEN MATCHED THEN UPDATE SET x = 1",
        "MERGE INTO t USING b ON true WHEN NOT MATCHED THEN INSERT (x) VALUES (1)",
    ):
        for column, table, right in (
            ("x", "t", "migrate"),
            ("x", "s.t", "unknown"),
            ("y", "t", "unknown"),
        ):
            read = PLACES[0].replace("NAME", f"o.{column}").replace("SOURCE", f"{table} AS o")
            assert phase(f"{wrote}; {read}") == right, (wrote, read)


def test_a_name_with_a_schema_is_known_only_if_the_table_is() -> None:
    made = "CREATE TABLE s.o (x int); CREATE TABLE b AS SELECT"
    assert phase(f"{made} s.o.x FROM s.o") == "expand"
    assert phase(f"{made} s.o.y FROM s.o") == "unknown"
    assert phase("CREATE TABLE b AS SELECT d.s.o.x FROM d.s.o") == "unknown"


def test_a_common_table_expression_is_seen_where_postgresql_sees_it() -> None:
    assert phase("CREATE TABLE b AS WITH a AS (SELECT 1 AS x) SELECT a.x FROM a") == "expand"
    for query in (
        "WITH a AS (SELECT a.x, 1 AS x FROM a) SELECT 1",
        "WITH b AS (SELECT a.x FROM a), a AS (SELECT 1 AS x) SELECT 1",
        "WITH a AS (SELECT 1 AS x) SELECT a.x FROM s.a",
        "WITH q AS (WITH a AS (SELECT 1 AS x) SELECT * FROM a) SELECT a.x FROM a",
        "WITH a (y) AS (SELECT 1 AS x) SELECT a.x FROM a",
    ):
        assert phase(f"CREATE TABLE c AS {query}") == "unknown", query


def test_names_that_postgresql_cuts_to_the_same_are_the_same() -> None:
    sql = "CREATE TABLE b AS SELECT (SELECT LONGa.x FROM t AS LONGb) FROM (SELECT 1 AS x) AS LONGa"
    assert phase(sql.replace("LONG", "o" * 63)) == "unknown"


@pytest.mark.parametrize("dialect", ["mysql", "sqlite"])
def test_other_servers_call_nothing_without_parentheses(dialect: str) -> None:
    assert worst(lint("f.sql", "INSERT INTO b SELECT o.x FROM t AS o", dialect)) == "migrate"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE x (LIKE t INCLUDING DEFAULTS)",
        "CREATE TABLE x (n int, LIKE t)",
        "CREATE TABLE IF NOT EXISTS s.x (LIKE t INCLUDING ALL)",
        "CREATE TABLE y (LIKE t); CREATE VIEW x AS SELECT * FROM y",
    ],
)
def test_a_row_in_a_table_made_by_like_runs_defaults_that_nothing_shows(made: str) -> None:
    for write in (
        "INSERT INTO x DEFAULT VALUES",
        'INSERT INTO public."x" VALUES (1)',
        "UPDATE x SET n = 1",
        "WITH a AS (INSERT INTO x VALUES (1) RETURNING 1) UPDATE b SET n = 1",
        "MERGE INTO x USING b ON true WHEN NOT MATCHED THEN INSERT DEFAULT VALUES",
    ):
        assert phase(f"{made}; {write}") == "unknown"
    read = "INSERT INTO b SELECT * FROM x"
    assert phase(f"{made}; {read}") == "migrate"
