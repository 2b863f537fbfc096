"""Names with a dot: PostgreSQL reads `o.wipe` as `wipe(o)`, if the row `o` has no such column.

A function of somebody's own may do anything. So such a name is a column only if the text shows it:
in a subquery, a common table expression, an alias with columns, a table of this file, or in what
the same statement writes, which PostgreSQL looks up before it runs anything.

A table from before shows nothing. Where rows are moved, and in a view, which runs nothing when it
is made, its names are taken for columns all the same: nearly every backfill joins such tables. What
is called expand and computes at once gets no such trust.
"""

from collections.abc import Collection, Iterator

from msgspec import Struct

from .made import Made
from .shown import alias_columns, folded, outputs, target, written
from .tree import Node, dots, kind, nodes

# Nothing outside of them sees the rows that they read.
_QUERIES = {"Select", "Insert", "Update", "Merge", "Delete", "Create"}


class _Source(Struct, frozen=True):
    """What a name in front of a dot may be, with the columns that it surely has; None trusts it."""

    name: str
    columns: frozenset[str] | None
    seen_in: Node


def row_problem(parsed: Node, sql: str, made: Made) -> str:
    """The first name with a dot that may be a call, in words; empty if there is none."""
    if made.dialect != "postgres":
        return ""
    sources = [*_sources(parsed, made)]
    explained = 0
    for node in nodes(parsed):
        if kind(node) in ("Column", "Table"):
            explained += sum(bool(node.args.get(part)) for part in ("table", "db", "catalog"))
        if kind(node) == "Column" and node.args.get("table") and not _is_shown(node, sources):
            return f"{node.sql()} calls a function if it is no column, and none is shown here"
    return "" if dots(sql, made.dialect) == explained else "a dot in it is not understood"


def _is_shown(column: Node, sources: Collection[_Source]) -> bool:
    if kind(column.this) == "Star":
        return True
    name, around = folded(column.args["table"]), [*_around(column)]
    found = [
        each.columns
        for each in sources
        if each.name == name and any(each.seen_in is query for query in around)
    ]
    return bool(found) and all(
        columns is None or folded(column.this) in columns for columns in found
    )


def _sources(parsed: Node, made: Made) -> Iterator[_Source]:
    """All rows that have a name, in whichever part of the statement."""
    here = [*written(parsed)]
    targets = [table for table, _ in here]
    trusting = _computes_nothing_new(parsed)

    def of_table(table: Node) -> frozenset[str] | None:
        if trusting and kind(table.this) == "Identifier" and not made.columns.are_all(table):
            return None
        columns = made.columns.of(table)
        for other, names in here:
            columns |= names if made.columns.are_one(table, other) else frozenset()
        return columns

    for node in nodes(parsed):
        if kind(node) == "CTE":
            continue
        if kind(node) == "Table":
            given = alias_columns(node) or _of_common_table(node, targets)
            columns = of_table(node) if given is None else given
            yield _Source(_name(node), columns, next(_around(node), node))
        elif kind(node.args.get("alias")) == "TableAlias":
            columns = alias_columns(node) or outputs(node)
            yield _Source(_name(node), columns, next(_around(node), node))
        elif kind(node) == "OnConflict":
            yield _Source("excluded", of_table(target(node.parent)), node.parent)


def _computes_nothing_new(parsed: Node) -> bool:
    """It moves rows, or is a view that is computed when somebody reads it."""
    if kind(parsed) == "Create":
        properties = {kind(node) for node in nodes(parsed)}
        is_view = str(parsed.args.get("kind")).upper() == "VIEW"
        return is_view and "MaterializedProperty" not in properties
    return kind(parsed) in ("Insert", "Update", "Merge", "Delete")


def _around(node: Node) -> Iterator[Node]:
    """The queries that it stands in, the innermost first."""
    while node := node.parent:
        if kind(node) in _QUERIES and kind(node.parent) != "When":
            yield node


def _name(source: Node) -> str:
    alias = source.args.get("alias")
    if kind(alias) == "TableAlias" and alias.this is not None:
        return folded(alias.this)
    # A function names its rows.
    return folded(source.this) or str(source.this.sql("postgres")).partition("(")[0].lower()


def _of_common_table(table: Node, targets: Collection[Node]) -> frozenset[str] | None:
    """The columns of the common table expression that a name means; None if it means none."""
    if table.args.get("db") or any(table is each for each in targets):
        return None
    for common in _visible(table):
        if folded(common.args["alias"].this) == folded(table.this):
            return alias_columns(common) or outputs(common.this)
    return None


def _visible(node: Node) -> Iterator[Node]:
    """The common table expressions that a name may mean there, the nearest first."""
    while parent := node.parent:
        if kind(node) == "CTE":
            # Itself and those behind it only in WITH RECURSIVE.
            end = None if parent.args.get("recursive") else node.index
            yield from parent.expressions[:end]
        elif (common := parent.args.get("with_")) is not None and common is not node:
            yield from common.expressions
        node = parent
