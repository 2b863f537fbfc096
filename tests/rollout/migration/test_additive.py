"""What adds, and does something else besides, is not called expand."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import lint, worst


def phase(sql: str, dialect: Dialect = "postgres") -> str:
    return worst(lint("f.sql", sql, dialect))


@pytest.mark.parametrize(
    ("lock", "expected"),
    [("NONE", "expand"), ("default", "expand"), ("SHARED", "unknown"), ("exclusive", "unknown")],
)
def test_an_alter_that_keeps_old_code_waiting_is_unknown(lock: str, expected: str) -> None:
    # MySQL, "Online DDL Operations": SHARED permits queries alone, EXCLUSIVE nothing.
    for action in ("ADD COLUMN n int", "ADD INDEX i (n)"):
        assert phase(f"ALTER TABLE orders {action}, LOCK={lock}", "mysql") == expected
        assert phase(f"ALTER TABLE orders LOCK = {lock}, {action}", "mysql") == expected


@pytest.mark.parametrize("made", ["TABLE t", "MATERIALIZED VIEW t", "VIEW t"])
@pytest.mark.parametrize(
    "lock", ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE", "UPDATE SKIP LOCKED"]
)
def test_rows_that_are_copied_are_not_locked(made: str, lock: str) -> None:
    # PostgreSQL, "Explicit Locking": whoever writes such a row waits for the end of the copy.
    query = "SELECT id FROM orders"
    assert phase(f"CREATE {made} AS {query}") == "expand"
    assert phase(f"CREATE {made} AS {query} FOR {lock}") == "unknown"
    common = f"WITH o AS ({query} FOR {lock}) SELECT id FROM o"  # noqa: S608
    assert phase(f"CREATE {made} AS {common}") == "unknown"


def test_an_index_says_whether_writes_wait_for_it() -> None:
    def reason(sql: str) -> str:
        return lint("f.sql", sql)[-1].reason

    assert "writes wait" in reason("CREATE INDEX i ON orders (n)")
    assert "writes wait" in reason("CREATE TABLE t (n int); CREATE INDEX i ON orders (n)")
    assert "wait" not in reason("CREATE INDEX CONCURRENTLY i ON orders (n)")
    assert "wait" not in reason("CREATE TABLE orders (n int); CREATE INDEX i ON orders (n)")


@pytest.mark.parametrize(
    "index",
    [
        "(coalesce(orders))",
        "((orders))",
        "((orders IS NULL))",
        "(n) WHERE orders = orders",
        "(n, (ORDERS))",
        '((coalesce("orders", NULL)))',
    ],
)
def test_an_index_of_whole_rows_is_unknown(index: str) -> None:
    # PostgreSQL 15 makes it, and from the second row on: could not identify a comparison function
    # for type json.
    assert phase(f"CREATE INDEX i ON orders {index}") == "unknown"
    assert phase(f"CREATE INDEX i ON shop.orders {index}") == "unknown"
    assert phase(f"CREATE INDEX i ON invoices {index}") == "expand"
    assert phase("CREATE INDEX i ON orders (orders) INCLUDE (n)") == "expand"


@pytest.mark.parametrize(
    "name", ["upper", "Upper", '"upper"', "app.upper", "scale", "count", "left"]
)
def test_an_enumeration_with_the_name_of_a_function_is_unknown(name: str) -> None:
    # PostgreSQL 15 then reads upper(v), of a varchar or a constant, as v::upper and refuses it.
    assert phase(f"CREATE TYPE {name} AS ENUM ('a')") == "unknown"
    assert phase(f"CREATE TYPE {name} AS (a int)") == "expand"
    assert phase("CREATE TYPE \"Upper\" AS ENUM ('a')") == "expand"
