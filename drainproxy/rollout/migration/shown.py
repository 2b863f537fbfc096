"""The columns that the text of a statement shows: of a query, of an alias, of what it writes.

Names are folded as PostgreSQL does it. Columns that are not shown may exist as well.
"""

from collections.abc import Iterator
from typing import Final

from .tree import Node, kind, nodes

# Bytes of a name that PostgreSQL looks at.
_NAME_LENGTH: Final = 63
# PostgreSQL calls the column by the function.
_NAMED_BY_FUNCTION: Final = {"Avg", "Count", "Max", "Min", "Sum"}
_NOTHING: Final = frozenset[str]()


def folded(identifier: Node) -> str:
    """The name that PostgreSQL looks up; empty if it is no plain name."""
    if kind(identifier) != "Identifier":
        return ""
    name = str(identifier.name)
    name = name if identifier.args.get("quoted") else name.lower()
    return name.encode()[:_NAME_LENGTH].decode(errors="replace")


def alias_columns(source: Node) -> frozenset[str]:
    """Those that an alias gives: `AS s (a, b)`, where there have to be as many."""
    alias = source.args.get("alias")
    columns = alias.args.get("columns") or () if kind(alias) == "TableAlias" else ()
    names = [each.this if kind(each) == "ColumnDef" else each for each in columns]
    return frozenset(filter(None, map(folded, names)))


def outputs(query: Node) -> frozenset[str]:
    """Those that a query gives its columns itself; `*` and most expressions show none."""
    match kind(query):
        case "Union" | "Except" | "Intersect" | "Subquery" | "Lateral":
            return outputs(query.this)
        case "Select":
            written = query.expressions
        case "Insert" | "Update" | "Merge" | "Delete" if query.args.get("returning"):
            written = query.args["returning"].expressions
        case _:
            return _NOTHING
    return frozenset(filter(None, map(_output, written)))


def _output(expression: Node) -> str:
    if kind(expression) == "Alias":
        return folded(expression.args.get("alias"))
    if kind(expression) == "Column":
        return folded(expression.this)
    return kind(expression).lower() if kind(expression) in _NAMED_BY_FUNCTION else ""


def target(statement: Node) -> Node:
    """The table that an INSERT, UPDATE, DELETE or MERGE writes to."""
    return statement.this.this if kind(statement.this) == "Schema" else statement.this


def written(parsed: Node) -> Iterator[tuple[Node, frozenset[str]]]:
    """Each table that a statement writes to, with columns it must have: else nothing is run."""
    for node in nodes(parsed):
        if kind(node) not in ("Insert", "Update", "Merge") or kind(node.parent) == "When":
            continue
        names = set(map(folded, node.this.expressions if kind(node.this) == "Schema" else ()))
        for part in (node, node.args.get("conflict")):
            names |= _assigned(part) if part else set()
        for when in node.args["whens"].expressions if node.args.get("whens") else ():
            names |= _of_when(when.args.get("then"))
        yield target(node), frozenset(names - {""})


def _of_when(then: Node) -> set[str]:
    if kind(then) == "Update":
        return _assigned(then)
    is_list = kind(then) == "Insert" and kind(then.this) == "Tuple"
    return {_plain(each) for each in then.this.expressions} if is_list else set()


def _assigned(part: Node) -> set[str]:
    """The names in front of `=`: SET name = value, (name, name) = (value, value)."""
    if kind(part) == "Insert":
        return set()
    sides = [each.this for each in part.expressions if kind(each) == "EQ"]
    return {
        _plain(each)
        for side in sides
        for each in (side.expressions if kind(side) == "Tuple" else [side])
    }


def _plain(column: Node) -> str:
    is_plain = kind(column) == "Column" and not column.args.get("table")
    return folded(column.this) if is_plain else ""
