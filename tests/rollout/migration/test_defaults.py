"""A default that a server may refuse later, for the rows of old code, is not called expand."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import lint, worst


def phase(column: str, dialect: Dialect) -> str:
    return worst(lint("f.sql", f"ALTER TABLE orders ADD COLUMN n {column}", dialect))


@pytest.mark.parametrize("data_type", ["date", "datetime", "timestamp"])
def test_a_date_that_a_mode_of_mysql_refuses_is_no_default(data_type: str) -> None:
    # MySQL, "Server SQL Modes": NO_ZERO_DATE, NO_ZERO_IN_DATE, ALLOW_INVALID_DATES.
    for day in ("'2020-02-29'", "('1999-12-31')"):
        assert phase(f"{data_type} NOT NULL DEFAULT {day}", "mysql") == "expand", day
    for day in ("'0000-00-00'", "'2020-00-01'", "'2020-01-00'", "'2021-02-29'", "0", "20200101"):
        assert phase(f"{data_type} NOT NULL DEFAULT {day}", "mysql") == "unknown", day
    # The others know no zero date, and refuse it at once or never.
    assert phase("date DEFAULT '0000-00-00'", "sqlite") == "expand"


def test_a_timestamp_of_mysql_says_what_old_rows_have() -> None:
    # MySQL, "explicit_defaults_for_timestamp".
    assert phase("timestamp", "mysql") == "unknown"
    assert phase("timestamp COMMENT 'x'", "mysql") == "unknown"
    assert phase("timestamp NULL", "mysql") == "expand"
    assert phase("timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP", "mysql") == "expand"
    assert phase("datetime", "mysql") == "expand"
    assert phase("timestamp", "postgres") == "expand"
