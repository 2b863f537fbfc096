"""Whether a new column of a table in use takes its own default.

Some servers look only when a row has it: then ALTER TABLE succeeds, and the rows of old code fail.
"""

import re
from datetime import datetime
from typing import Final

from .lexer import Dialect
from .tree import Node, kind

# Of an integer that every server keeps as one, in 64 bits.
_MOST_DIGITS: Final = 18
# SQLite takes any default for a column of a STRICT table, and refuses each row that has it.
_STRICT_DEFAULTS: Final = {
    "INT": {"integer"},
    "DOUBLE": {"integer", "number"},
    "TEXT": {"integer", "number", "text"},
    "VARBINARY": set[str](),
}
# MySQL gives no other type a default: it refuses that, or throws it away where its mode is lax, so
# that NOT NULL stays alone.
_WITH_DEFAULT: Final = {
    *("BIT", "BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "DECIMAL", "DOUBLE"),
    *("UTINYINT", "USMALLINT", "UMEDIUMINT", "UINT", "UBIGINT", "UDECIMAL", "UDOUBLE", "FLOAT"),
    *("CHAR", "NCHAR", "VARCHAR", "NVARCHAR", "BINARY", "VARBINARY", "ENUM", "SET", "UUID"),
    *("DATE", "DATETIME", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "YEAR"),
}
# Characters of four bytes in 65535 bytes: a longer VARCHAR becomes a TEXT where its mode is lax.
_LONGEST: Final = 16_383
_TIMES: Final = {"DATETIME", "TIMESTAMP", "TIMESTAMPTZ"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?")


def fits(default: Node, data_type: Node, dialect: Dialect) -> bool:
    """Whether a row with the default is surely taken."""
    if kind(default) == "Null":
        return True
    if dialect == "mysql":
        return _takes_default(data_type) and _is_of_mysql(default, data_type.this.name)
    name = data_type.this.name
    if dialect == "sqlite" and name in _STRICT_DEFAULTS:
        return _form(default) in _STRICT_DEFAULTS[name]
    return True


def _is_of_mysql(default: Node, name: str) -> bool:
    # A time is a text for other types.
    if kind(default).startswith("Current"):
        return name in _TIMES
    return name not in {"DATE", *_TIMES} or _is_date(default)


def _is_date(default: Node) -> bool:
    """A day of the calendar.

    A mode of the session decides whether `0000-00-00` is one, and MariaDB asks it again for each
    row that leaves the column out (NO_ZERO_DATE, NO_ZERO_IN_DATE).
    """
    while kind(default) in ("Cast", "Paren"):
        default = default.this
    if kind(default) != "Literal" or not _DATE.fullmatch(text := str(default.this)):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _takes_default(data_type: Node) -> bool:
    """Whether MySQL keeps it."""
    return data_type.this.name in _WITH_DEFAULT and all(
        0 <= size <= _LONGEST for size in sizes(data_type)
    )


def sizes(data_type: Node) -> list[int]:
    """The numbers behind a type, -1 for what is none."""
    texts = [str(each.this.this) for each in data_type.expressions if kind(each) == "DataTypeParam"]
    return [int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else -1 for text in texts]


def _form(default: Node) -> str:
    while kind(default) in ("Neg", "Paren"):
        default = default.this
    if kind(default) == "Boolean":
        return "integer"
    if kind(default) != "Literal":
        return "other"
    if default.args.get("is_string"):
        return "text"
    text = str(default.this)
    return "integer" if text.isdigit() and len(text) <= _MOST_DIGITS else "number"
