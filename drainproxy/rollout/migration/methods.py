"""What runs user-defined code without a call: operator classes, access methods, storage engines,
collations, and operators that a server leaves to the program that embeds it."""

from typing import Final

from . import grammar
from .lexer import Dialect
from .tree import Node, kind, nodes

# Of SQLite, and none. With another one in the schema, a connection that has not registered it can
# neither write to the index nor compare the column: SELECT DISTINCT *, UNION and ANALYZE fail.
_COLLATIONS: Final = {"", "binary", "nocase", "rtrim"}
# Eponymous virtual tables of SQLite and of its shell ("Virtual Table Mechanism", 2.1.2): a table or
# view of the name comes first, and has no arguments.
_TABLES_OF_MODULES: Final = {
    *("bytecode", "carray", "completion", "dbstat", "fsdir", "fts3tokenize", "generate_series"),
    *(
        "json_each",
        "json_tree",
        "jsonb_each",
        "jsonb_tree",
        "tables_used",
        "wholenumber",
        "zipfile",
    ),
}


def method_problem(parsed: Node, dialect: Dialect) -> str:
    """The first that is not the server's own, in words; empty if there is none."""
    problem = {"postgres": _of_postgres, "mysql": _of_mysql, "sqlite": _of_sqlite}[dialect]
    return next(filter(None, map(problem, nodes(parsed))), "")


def _of_postgres(node: Node) -> str:
    if kind(node) == "IndexParameters":
        using = node.args.get("using")
        name = using.name.lower() if using is not None else ""
        return (
            "" if name in grammar.ACCESS_METHODS else f"the access method {name} is not known here"
        )
    if kind(node) == "Opclass":
        name = node.args["expression"].sql().lower()
        if name not in grammar.OPERATOR_CLASSES:
            return f"the operator class {name} is not known here: it may call anything"
    return ""


def _of_mysql(node: Node) -> str:
    if kind(node) == "EngineProperty" and node.name.lower() not in grammar.LOCAL_ENGINES:
        return f"the storage engine {node.name} may show, write or run something else"
    if kind(node) == "Property" and node.name.lower() not in grammar.TABLE_OPTIONS:
        return f"the option {node.name} is not known here"
    return ""


def _of_sqlite(node: Node) -> str:
    if kind(node) == "RegexpLike":
        return "REGEXP calls a function of the program that uses the database"
    if kind(node) == "Create":
        made = node.this.this if kind(node.this) == "Schema" else node.this
        if kind(made) == "Table" and made.name.lower() in _TABLES_OF_MODULES:
            return (
                f"{made.name} hides SQLite's own: {made.name}(...) of old code is no function then"
            )
    name = _collation(node)
    if name.lower() not in _COLLATIONS:
        return f"the collation {name} is none of SQLite: a program that lacks it cannot compare"
    return ""


def _collation(node: Node) -> str:
    """The collation that it makes a part of the schema; empty if it does not."""
    if kind(node) == "CollateColumnConstraint":
        return str(node.this.name) or "?"
    if kind(node) != "Collate":
        return ""
    statement = node.root()
    is_kept = kind(statement) in ("Create", "Alter") and not statement.args.get("expression")
    # The columns of an index look like the order of a query.
    is_kept = is_kept or kind(node.parent) == "Ordered"
    return (str(node.expression.name) or "?") if is_kept else ""
