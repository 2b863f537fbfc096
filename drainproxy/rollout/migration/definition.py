"""What the defaults, checks and generated columns of a new table may call.

Nobody uses the table yet. But rows of the same file may be written to it, and a column that is
added to existing rows computes its default and check at once.
"""

from . import grammar
from .lexer import Dialect
from .names import called
from .tree import Node, kind, nodes


def call_problem(parsed: Node, bare: str, dialect: Dialect) -> str:
    """What it calls that is not known to change nothing; empty if there is nothing."""
    if dialect == "postgres" and any(map(_may_be_a_call, nodes(parsed))):
        return "a name with a dot in an expression may be a function of somebody's own"
    # A type with a length. Those of MySQL are no names that a function can be called by.
    types = {name.upper() for name in grammar.TYPES[dialect]}
    name = called(
        parsed,
        bare,
        dialect,
        grammar.TABLE_DEFINERS,
        grammar.FUNCTIONS[dialect] | (grammar.TYPES["mysql"] if dialect == "mysql" else set()),
        grammar.TABLE_SYNTAX | types,
    )
    return f"{name} is called, which is not known here" if name else ""


def _may_be_a_call(node: Node) -> bool:
    """PostgreSQL reads `row.name` as `name(row)`, if there is no such column."""
    if kind(node) == "Dot":
        return kind(node.parent) not in ("DataType", "Dot")
    return kind(node) == "Column" and bool(node.args.get("table"))
