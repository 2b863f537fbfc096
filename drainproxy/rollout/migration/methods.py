"""What runs user-defined code without a call: operator classes, access methods, storage engines,
collations, and operators that a server leaves to the program that embeds it."""

from typing import Final

from . import grammar
from .lexer import Dialect
from .tree import Node, kind, nodes

# Of SQLite. A connection that has not registered another one cannot write to the index.
_COLLATIONS: Final = {"binary", "nocase", "rtrim"}


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
    if kind(node) == "Collate" and kind(node.parent) == "Ordered":
        name = str(node.expression.name)
        return "" if name.lower() in _COLLATIONS else f"the collation {name} is not known here"
    return ""
