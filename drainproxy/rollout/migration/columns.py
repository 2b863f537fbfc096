"""Whether a new column of a table in use is purely additive."""

from . import grammar
from .lexer import Dialect
from .shown import folded
from .tree import Node, foreign, kind

# SQLite takes any default for a column of a STRICT table, and refuses each row that has it.
_STRICT_DEFAULTS = {
    "INT": {"integer"},
    "DOUBLE": {"integer", "number"},
    "TEXT": {"integer", "number", "text"},
    "VARBINARY": set[str](),
}
# MySQL refuses a default of these, or throws it away where its mode is lax: NOT NULL stays alone.
_WITHOUT_DEFAULT = {
    *("TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"),
    *("JSON", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING"),
    *("MULTIPOLYGON", "GEOMETRYCOLLECTION"),
}
# Of every table of PostgreSQL, which refuses another column of that name.
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
_TIMES = {"DATETIME", "TIMESTAMP", "TIMESTAMPTZ"}
# Of an integer that every server keeps as one, in 64 bits.
_MOST_DIGITS = 18


def column_problem(column: Node, table: Node, dialect: Dialect) -> str:
    """Why that of `table` is not; empty if it is."""
    if dialect == "postgres" and folded(column.this) in _SYSTEM_COLUMNS:
        return f"PostgreSQL refuses a column named {column.name}: each table has one"
    if dialect == "postgres" and folded(column.this) == folded(table.this):
        return "a column named like its table hides the row from queries that read it by that name"
    if column.kind is None:
        return "a column without a type"
    if column.kind.this.name in grammar.SERIAL_TYPES:
        return "a column that numbers all rows rewrites the table"
    for constraint in column.constraints:
        what = constraint.args.get("kind")
        if kind(what) != "DefaultColumnConstraint":
            continue
        if problem := foreign(what.this, grammar.CONSTANT_NODES):
            return f"the default is no constant: {problem}"
        if not _fits(what.this, column.kind.this.name, dialect):
            return "the default does not surely fit the type, which some servers see late"
    return foreign(column, grammar.COLUMN_NODES)


def _fits(default: Node, data_type: str, dialect: Dialect) -> bool:
    """Whether a row with the default is taken, where a server does not look before there is one."""
    if kind(default) == "Null":
        return True
    if dialect == "mysql":
        # MariaDB checks that it is valid JSON. A time is a text for other types.
        is_time = kind(default).startswith("Current")
        return data_type not in _WITHOUT_DEFAULT and (not is_time or data_type in _TIMES)
    if dialect == "sqlite" and data_type in _STRICT_DEFAULTS:
        return _form(default) in _STRICT_DEFAULTS[data_type]
    return True


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
