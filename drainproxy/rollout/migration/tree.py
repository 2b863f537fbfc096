"""The syntax tree of a statement by sqlglot, and queries on it (needs sqlglot, of the extra
`migrations`)."""

import logging
from collections.abc import Collection, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from .grammar import ARGUMENTS, SYSTEM_PREFIXES, SYSTEM_SCHEMAS
from .lexer import Dialect

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

# sqlglot's classes are compared by name: they are imported where they are needed, not here.
Node = Any


def parse(sql: str, dialect: Dialect) -> Node | str:
    """The tree of one statement, or why there is none."""
    import sqlglot

    # It says there, and on stderr, what we say ourselves.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        trees = sqlglot.parse(sql, read=dialect, error_level=sqlglot.ErrorLevel.IMMEDIATE)
    except RecursionError:
        return "it is nested too deeply"
    except Exception as error:  # a parser raises more than its own errors on hostile text
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"sqlglot does not understand it: {first[:120]}"
    if len(trees) != 1 or trees[0] is None:
        return "sqlglot sees another number of statements in it"
    if kind(trees[0]) == "Command":
        return "sqlglot does not understand it"
    return trees[0]


def kind(node: Node) -> str:
    """The name of the class of a node."""
    return type(node).__name__


def nodes(tree: Node) -> Sequence[Node]:
    """The node itself and all below it, breadth first."""
    from sqlglot import exp

    # A statement is walked some ten times, and sqlglot's walk is three generators deep.
    found, kind_of_node = [tree], exp.Expr
    for node in found:
        for value in node.args.values():
            if isinstance(value, list):
                found += [each for each in value if isinstance(each, kind_of_node)]
            elif isinstance(value, kind_of_node):
                found.append(value)
    return found


def is_function(node: Node) -> bool:
    """A call, or one of the operators that sqlglot counts among them."""
    from sqlglot import exp

    return isinstance(node, exp.Func)


def foreign(
    tree: Node, allowed: Collection[str], functions: bool = False, besides: Collection[Node] = ()
) -> str:
    """The first node of a class that is not allowed, in words; calls are, with `functions`."""
    known = {id(each) for each in besides}
    for node in nodes(tree):
        if kind(node) in allowed or id(node) in known:
            continue
        if not (functions and is_function(node)):
            return f"{kind(node)} is in no list of what only adds"
    return ""


def function_names(dialect: Dialect) -> set[str]:
    """The names, in upper case, that sqlglot reads as functions of its own."""
    from sqlglot.dialects.dialect import Dialect as Language

    return set(Language.get_or_raise(dialect).parser_class.FUNCTIONS)


def dots(sql: str, dialect: Dialect) -> int:
    """How many dots stand between names."""
    from sqlglot.dialects.dialect import Dialect as Language

    tokens = Language.get_or_raise(dialect).tokenize(sql)
    return sum(token.token_type.name == "DOT" for token in tokens)


def unknown_arguments(node: Node) -> list[str]:
    """What is set of a node and not in the list of its class."""
    known = ARGUMENTS.get(kind(node))
    if known is None:
        return []
    return [name for name, value in node.args.items() if value and name not in known]


def key(table: Node, dialect: Dialect) -> tuple[str, ...] | None:
    """What tells a table from others: its name and schema as the server folds them.

    None if it is no plain table.
    """
    parts = [table.args.get(name) for name in ("catalog", "db", "this")]
    if kind(table) != "Table" or any(part and kind(part) != "Identifier" for part in parts):
        return None
    return tuple(_folded(part, dialect) if part else "" for part in parts)


def _folded(identifier: Node, dialect: Dialect) -> str:
    name = str(identifier.name)
    if dialect == "sqlite" or (dialect == "postgres" and not identifier.args.get("quoted")):
        # SQLite folds these letters and no others.
        return name.translate(_LOWER)
    return name


def is_of_the_system(table: Node) -> bool:
    """A table in which the server keeps its schema, or one that only this session sees."""
    schema, name = table.text("db").lower(), table.name.lower()
    return (
        schema in SYSTEM_SCHEMAS
        or schema.startswith(SYSTEM_PREFIXES)
        or name.startswith(SYSTEM_PREFIXES)
    )
