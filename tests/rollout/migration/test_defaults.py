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


# PostgreSQL 15 takes each of them for a partitioned table without partitions, and then refuses the
# rows of the first partition: "value too long", "out of range", "numeric field overflow".
TOO_LARGE = [
    "varchar(2) DEFAULT 'abc'",
    "varchar(2) NOT NULL DEFAULT ('abc')",
    "varchar(2) DEFAULT 'abc'::text",
    "varchar(2) DEFAULT 'abc'::varchar",
    "varchar(2)[] DEFAULT '{abc}'",
    "varchar(2)[] DEFAULT ARRAY['abc']",
    "varchar(1) DEFAULT -5",
    "varchar(10) DEFAULT CURRENT_TIMESTAMP",
    "character varying(2) DEFAULT 'abc'",
    "char DEFAULT 'ab'",
    "char(2) DEFAULT 'abc'",
    "bit(2) DEFAULT B'111'",
    "bit DEFAULT B'10'",
    "varbit(2) DEFAULT B'111'",
    "numeric(2) DEFAULT 1000",
    "numeric(4, 2) DEFAULT '100.5'",
    "numeric(2, 0) DEFAULT 99.9",
    "numeric(2) DEFAULT -1e3",
    "smallint DEFAULT 100000",
    "int DEFAULT 99999999999",
    "int DEFAULT (-2147483649)",
    "smallint[] DEFAULT ARRAY[1, 100000]",
    "bigint DEFAULT 9999999999999999999",
    "int DEFAULT 1e30",
    "real DEFAULT 1e300",
    "smallint DEFAULT 100000::int",
    "int DEFAULT 'x'::text::int",
    "smallint DEFAULT '70000'::bigint",
    "smallint DEFAULT -70000::int",
    "int DEFAULT '1e300'::double precision",
    "bigint DEFAULT '9999999999999999999'::numeric",
    "real DEFAULT '1e300'::double precision",
    "money DEFAULT 99999999999999999",
    "money DEFAULT '1e30'::numeric",
    "varchar(3) DEFAULT true",
    "varchar(3) DEFAULT '1'::interval",
    "varchar(7) DEFAULT '1.2.3.4'::inet",
    "varchar(1) DEFAULT 't'::boolean",
    "varchar(3) DEFAULT ARRAY['abc']",
    "varchar(2)[][] DEFAULT '{{abc}}'",
    "smallint[] DEFAULT '{70000}'::int[]",
    "smallint[] DEFAULT ARRAY['70000'::int]::bigint[]",
    "int[] DEFAULT ARRAY[ARRAY[1], NULL]",
    "jsonb DEFAULT '\"\\u0000\"'::json",
    "macaddr DEFAULT '01:02:03:04:05:06:07:08'::macaddr8",
]
FITTING = [
    "varchar(3) DEFAULT 'abc'",
    "varchar(255) NOT NULL DEFAULT ''::character varying",
    "varchar(255) DEFAULT NULL::varchar",
    "varchar(2)[] DEFAULT '{}'",
    "varchar(2)[] NOT NULL DEFAULT '{}'::varchar(2)[]",
    "varchar(2)[] DEFAULT ARRAY['ab', NULL]",
    "varchar(2) DEFAULT 5",
    "varchar DEFAULT CURRENT_TIMESTAMP",
    "char DEFAULT 'a'",
    "bit(3) DEFAULT B'101'",
    "numeric(10, 2) NOT NULL DEFAULT 0.00",
    "numeric(10, 2) DEFAULT -12345678.90",
    "numeric(3) DEFAULT '007'",
    "numeric DEFAULT 1e30",
    "smallint DEFAULT -32767",
    "int NOT NULL DEFAULT (0)",
    "bigint DEFAULT 100000000000",
    "int[] DEFAULT ARRAY[1, 2]",
    "int[] DEFAULT '{1,2}'",
    "real DEFAULT 1.5",
    "smallint DEFAULT '1'",
    "boolean DEFAULT true",
    "text DEFAULT 1",
    "jsonb DEFAULT '{}'::jsonb",
    "timestamptz DEFAULT now()",
    "varchar(10) DEFAULT 'new'::text",
    "text DEFAULT '1 day'::interval",
    "bigint DEFAULT '0'::int",
    "bigint DEFAULT -1::bigint",
    "numeric(5, 2) DEFAULT '1.50'::numeric",
    "numeric DEFAULT 0::double precision",
    "money DEFAULT 0.00",
    "text[] NOT NULL DEFAULT '{}'::varchar[]",
    "text[] DEFAULT ARRAY[]::text[]",
    "int[] DEFAULT ARRAY[1, 2]::int[]",
    "int[][] DEFAULT '{{1,2},{3,4}}'",
    "interval DEFAULT '1 day'::interval",
]


@pytest.mark.parametrize("column", TOO_LARGE)
def test_a_default_that_postgres_refuses_when_a_row_comes_is_unknown(column: str) -> None:
    assert phase(column, "postgres") == "unknown"


@pytest.mark.parametrize("column", FITTING)
def test_a_default_that_fits_its_type_is_expand(column: str) -> None:
    assert phase(column, "postgres") == "expand"
