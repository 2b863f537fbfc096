"""The types that a statement names: those that the server itself has, and those of somebody else.

A domain may carry NOT NULL and CHECK, and a cast to it may call anything. sqlglot reads the types
of all servers in all dialects, with quotes or without: it knows `datetime` and `"int"`, where in
PostgreSQL only somebody's domain can have such a name. So it is the text that counts.
"""

from collections.abc import Collection

from . import grammar
from .lexer import Dialect
from .tree import Node, kind, nodes


def type_problem(parsed: Node, sql: str, dialect: Dialect, own: Collection[str]) -> str:
    """The first type that is neither the server's nor one of `own`; empty if there is none."""
    for node in nodes(parsed):
        name = _foreign_name(node) if kind(node) == "DataType" else ""
        if name and name.lower() not in grammar.TYPES[dialect] and name not in own:
            return _unknown(name)
    for word in _foreign_words(parsed, sql, dialect):
        if dialect == "mysql" and word.upper() == "LONG":
            return "LONG is MEDIUMTEXT in MySQL, which has no default, and no integer: write that"
        return _unknown(word)
    return ""


def incomparable(parsed: Node, own: Collection[str]) -> str:
    """The first type in it of which PostgreSQL cannot tell whether two values are equal.

    `own` are such types of the same file: an array or a row of them is one too.
    """
    for node in nodes(parsed):
        if kind(node) != "DataType":
            continue
        is_own = node.this.name == "USERDEFINED"
        name = str(node.args["kind"].sql() if is_own else node.this.name.lower())
        if name.lower() in grammar.WITHOUT_EQUALITY or name in own:
            return name
    return ""


def _foreign_name(data_type: Node) -> str:
    """A name that sqlglot does not know, or takes for what the server does not have."""
    if data_type.this.name == "USERDEFINED":
        name = data_type.args.get("kind")
        return name if isinstance(name, str) else name.sql() if name is not None else "?"
    word = data_type.this.name.lower()
    # CREATE TYPE ... AS ENUM.
    is_made = kind(data_type.parent) == "Create" and word == "enum"
    return word if word in grammar.TYPE_SYNTAX - {"array"} and not is_made else ""


def _foreign_words(parsed: Node, sql: str, dialect: Dialect) -> Collection[str]:
    """What sqlglot has read as a type by its text, and the server would look up somewhere else."""
    from sqlglot.dialects.dialect import Dialect as Language

    language = Language.get_or_raise(dialect)
    names = {node.meta.get("start") for node in nodes(parsed) if kind(node) == "Identifier"}
    foreign = []
    for token in language.tokenize(sql):
        if token.start in names:
            continue
        if token.token_type.name == "IDENTIFIER":
            foreign.append(sql[token.start : token.end + 1])
        elif token.token_type in language.parser_class.TYPE_TOKENS:
            word = " ".join(token.text.lower().split())
            if word not in grammar.TYPES[dialect] and word not in grammar.TYPE_SYNTAX:
                foreign.append(token.text)
    return foreign


def _unknown(name: str) -> str:
    return f"the type {name} is not known here: a domain may carry constraints"
