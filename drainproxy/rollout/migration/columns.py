"""Whether a new column of a table in use is purely additive."""

from . import grammar
from .lexer import Dialect
from .made import Made
from .shown import folded
from .tree import Node, foreign, kind
from .types import incomparable

# SQLite takes any default for a column of a STRICT table, and refuses each row that has it.
_STRICT_DEFAULTS = {
    "INT": {"integer"},
    "DOUBLE": {"integer", "number"},
    "TEXT": {"integer", "number", "text"},
    "VARBINARY": set[str](),
}
# MySQL gives no other type a default: it refuses that, or throws it away where its mode is lax, so
# that NOT NULL stays alone.
_WITH_DEFAULT = {
    *("BIT", "BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "DECIMAL", "DOUBLE"),
    *("UTINYINT", "USMALLINT", "UMEDIUMINT", "UINT", "UBIGINT", "UDECIMAL", "UDOUBLE", "FLOAT"),
    *("CHAR", "NCHAR", "VARCHAR", "NVARCHAR", "BINARY", "VARBINARY", "ENUM", "SET", "UUID"),
    *("DATE", "DATETIME", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "YEAR"),
}
# Characters of four bytes in 65535 bytes: a longer VARCHAR becomes a TEXT where its mode is lax.
_LONGEST = 16_383
# Of every table of PostgreSQL, which refuses another column of that name.
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
# Of MySQL's FIRST and AFTER. A column at the end moves none: code that reads the columns of
# `SELECT *` by their places, as LOAD DATA writes them, finds those that it knows where they were.
_MOVES = (
    "FIRST or AFTER moves the columns behind it: old code that takes those of SELECT * or LOAD DATA"
    " by their places takes others"
)
_TIMES = {"DATETIME", "TIMESTAMP", "TIMESTAMPTZ"}
# Of an integer that every server keeps as one, in 64 bits.
_MOST_DIGITS = 18


def column_problem(column: Node, table: Node, made: Made) -> str:
    """Why that of `table` is not; empty if it is."""
    dialect = made.dialect
    if problem := _hides_others(column, table, dialect):
        return problem
    if kind(column.this) not in ("Identifier", "Literal"):
        return f"{column.this.sql()[:40]} is no plain name of a column"
    if column.kind is None:
        return "a column without a type"
    if column.kind.this.name in grammar.SERIAL_TYPES:
        return "a column that numbers all rows rewrites the table"
    if dialect == "postgres" and (name := incomparable(column.kind, made.incomparable)):
        return f"{name} has no equality: SELECT DISTINCT *, GROUP BY and UNION of old code fail"
    for constraint in column.constraints:
        what = constraint.args.get("kind")
        if kind(what) != "DefaultColumnConstraint":
            continue
        if problem := foreign(what.this, grammar.CONSTANT_NODES):
            return f"the default is no constant: {problem}"
        if not _fits(what.this, column.kind, dialect):
            return "the default does not surely fit the type, which some servers see late"
    return foreign(column, grammar.COLUMN_NODES)


def _hides_others(column: Node, table: Node, dialect: Dialect) -> str:
    """Why old code no longer finds something by its name, or by its place; empty if it does."""
    if dialect == "postgres" and folded(column.this) in _SYSTEM_COLUMNS:
        return f"PostgreSQL refuses a column named {column.name}: each table has one"
    if dialect == "postgres" and folded(column.this) == folded(table.this):
        return "a column named like its table hides the row from queries that read it by that name"
    return _MOVES if column.args.get("position") else ""


def _fits(default: Node, data_type: Node, dialect: Dialect) -> bool:
    """Whether a row with the default is taken, where a server does not look before there is one."""
    name = data_type.this.name
    if kind(default) == "Null":
        return True
    if dialect == "mysql":
        # A time is a text for other types.
        is_time = kind(default).startswith("Current")
        return _takes_default(data_type) and (not is_time or name in _TIMES)
    if dialect == "sqlite" and name in _STRICT_DEFAULTS:
        return _form(default) in _STRICT_DEFAULTS[name]
    return True


def _takes_default(data_type: Node) -> bool:
    """Whether MySQL keeps it."""
    sizes = [str(each.this.this) for each in data_type.expressions if kind(each) == "DataTypeParam"]
    return data_type.this.name in _WITH_DEFAULT and all(
        size.isdecimal() and len(size) <= _MOST_DIGITS and int(size) <= _LONGEST for size in sizes
    )


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
