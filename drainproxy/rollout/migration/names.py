"""The words of a statement, and the names that it calls."""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from .grammar import FUNCTIONS, SYNTAX
from .lexer import Dialect
from .tree import Node, function_names, kind, nodes

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A name as `Statement.bare` has it is a word, or quotes around a blank.
_TOKEN = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*|\" \"|` `|\[ \])|(?P<blank>\s+)|[\s\S]")


def words(bare: str) -> list[str]:
    """The words outside of quotes, in upper case."""
    return [word.upper() for word in _WORD.findall(bare)]


def unexplained(tree: Node, bare: str) -> Collection[str]:
    """The words outside of quotes, behind the first, that name nothing in the tree."""
    names = Counter(
        node.name.upper()
        for node in nodes(tree)
        if kind(node) == "Identifier" and not node.args.get("quoted")
    )
    return Counter(words(bare)[1:]) - names


def called(
    tree: Node,
    bare: str,
    dialect: Dialect,
    definers: Collection[str],
    functions: Collection[str] | None = None,
    syntax: Collection[str] = (),
) -> str:
    """The first name that is called and is not one of `functions` (those of the server).

    After a word of `definers` stands a relation with its columns, and no call; `syntax` are more
    words than usual that are no call in front of a parenthesis.
    """
    if functions is None:
        functions = FUNCTIONS[dialect]
    for node in nodes(tree):
        # MySQL's VALUES(column), of the row that was to be inserted.
        is_call = kind(node) == "Anonymous" and str(node.name).upper() != "VALUES"
        # PARTITION BY HASH (column).
        is_call = is_call and kind(node.parent) != "PartitionedByProperty"
        if is_call and str(node.name).lower() not in functions:
            return str(node.name)
    no_calls = SYNTAX | ({*_relations(tree), *syntax} - function_names(dialect))
    # `count(*) FILTER (WHERE ...)`. Somebody's function of that name is one more.
    filters = sum(kind(node) == "Filter" for node in nodes(tree))
    for before, name, is_apart in _calls(bare):
        if name.upper() == "FILTER" and filters > 0:
            filters -= 1
            continue
        if before in definers or name.upper() in no_calls:
            continue
        # The INSERT of a MERGE.
        if (before, name.upper()) == ("THEN", "INSERT"):
            continue
        # With a blank between them MySQL looks for a function of the user.
        if name.lower() not in functions or (is_apart and dialect == "mysql"):
            return "something with a quoted name" if " " in name else name
    return ""


def _calls(bare: str) -> Iterator[tuple[str, str, bool]]:
    """Each name in front of a parenthesis, qualified as it is, with the word before it, and whether
    there is a blank between the name and the parenthesis."""
    before = name = ""
    is_apart = False
    for match in _TOKEN.finditer(bare):
        text = match[0]
        if match["blank"]:
            is_apart = True
            continue
        if match["name"]:
            before, name = (before, name + text) if name.endswith(".") else (name, text)
        elif text == "." and name:
            name += text
        else:
            if text == "(" and name:
                yield before.upper(), name, is_apart
            before = name = ""
        is_apart = False


def _relations(tree: Node) -> set[str]:
    """The names of tables and aliases, in upper case."""
    return {node.name.upper() for node in nodes(tree) if kind(node) in ("Table", "TableAlias")}
