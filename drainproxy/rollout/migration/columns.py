"""Whether a new column of a table in use is purely additive."""

from . import grammar
from .defaults import constant, fits
from .lexer import Dialect
from .made import Made
from .shown import folded
from .tree import Node, foreign, kind, nodes
from .types import incomparable

# Of every table of PostgreSQL, which refuses another column of that name.
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
# Of MySQL's FIRST and AFTER. A column at the end moves none: code that reads the columns of
# `SELECT *` by their places, as LOAD DATA writes them, finds those that it knows where they were.
_MOVES = (
    "FIRST or AFTER moves the columns behind it: old code that takes those of SELECT * or LOAD DATA"
    " by their places takes others"
)


def column_problem(column: Node, table: Node, made: Made) -> str:
    """Why that of `table` is not; empty if it is."""
    dialect = made.dialect
    if problem := _hides_others(column, table, dialect):
        return problem
    if kind(column.this) not in ("Identifier", "Literal"):
        return f"{column.this.sql()[:40]} is no plain name of a column"
    if column.kind is None:
        return "a column without a type"
    if kind(column.kind) != "DataType":
        return f"the type {column.kind.sql()[:40]} is not understood"
    if column.kind.this.name in grammar.SERIAL_TYPES:
        return "a column that numbers all rows rewrites the table"
    if dialect == "postgres" and (name := incomparable(column.kind, made.incomparable)):
        return f"{name} has no equality: SELECT DISTINCT *, GROUP BY and UNION of old code fail"
    if problem := _default_problem(column, dialect):
        return problem
    defaults = [node for node in nodes(column) if kind(node) == "DefaultColumnConstraint"]
    # What these may hold is known by now.
    known = [each for default in defaults for each in nodes(default)]
    return foreign(column, grammar.COLUMN_NODES, besides=known)


def _default_problem(column: Node, dialect: Dialect) -> str:
    if dialect == "mysql" and _is_filled(column):
        return "TIMESTAMP with neither NULL nor a default: a zero date on some servers"
    for constraint in column.constraints:
        what = constraint.args.get("kind")
        if kind(what) != "DefaultColumnConstraint":
            continue
        default = constant(what.this, column.kind, dialect)
        if problem := default is not None and foreign(default, grammar.CONSTANT_NODES):
            return f"the default is no constant: {problem}"
        if default is not None and not fits(default, column.kind, dialect):
            return "the default does not surely fit the type, which some servers see late"
    return ""


def _hides_others(column: Node, table: Node, dialect: Dialect) -> str:
    """Why old code no longer finds something by its name, or by its place; empty if it does."""
    if dialect == "postgres" and folded(column.this) in _SYSTEM_COLUMNS:
        return f"PostgreSQL refuses a column named {column.name}: each table has one"
    if dialect == "postgres" and folded(column.this) == folded(table.this):
        return "a column named like its table hides the row from queries that read it by that name"
    return _MOVES if column.args.get("position") else ""


def _is_filled(column: Node) -> bool:
    """Without `explicit_defaults_for_timestamp`, as MySQL 5.7 and MariaDB up to 10.9 are."""
    said = [each.args.get("kind") for each in column.constraints]
    return column.kind.this.name in ("TIMESTAMP", "TIMESTAMPTZ") and not any(
        kind(each) in ("NotNullColumnConstraint", "DefaultColumnConstraint") for each in said
    )
