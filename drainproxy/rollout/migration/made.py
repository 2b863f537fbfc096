"""What a file has created so far. Nobody uses that yet: it may be tightened and emptied."""

from collections.abc import Collection

from . import tree
from .grammar import ENGINES, NOT_IN_MYSQL, OWN_ROWS
from .known import Columns
from .lexer import Dialect
from .shown import folded, written
from .tree import Node, kind
from .types import incomparable


class Made:
    """The tables and types that the statements before have created.

    `IF NOT EXISTS` creates nothing surely, and after it a plain CREATE of the same name may fail.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.columns = Columns(dialect)
        self._copies: set[str] = set()
        self._tables: set[tuple[str, ...]] = set()
        # With whether there is an equality of their values.
        self._types: dict[str, bool] = {}
        self._doubtful: set[tuple[str, ...]] = set()

    def remember(self, parsed: Node) -> None:
        """What an additive statement has made."""
        self.columns.remember(parsed)
        if kind(parsed) != "Create":
            return
        made = parsed.this.this if kind(parsed.this) == "Schema" else parsed.this
        name = tree.key(made, self.dialect)
        what = str(parsed.args.get("kind")).upper()
        if name is None:
            return
        if self._is_copy(parsed, what):
            self._copies.add(folded(made.this))
        if what == "VIEW":
            # In a schema that was made since, it may be what the name of a table means from now on.
            self._tables = {each for each in self._tables if each[-1] != name[-1]}
        if parsed.args.get("exists"):
            self._doubtful.add(name)
        elif what == "TABLE" and name not in self._doubtful and self._has_own_rows(parsed):
            self._tables.add(name)
        elif what == "TYPE":
            self._types[made.sql()] = not incomparable(parsed, self.incomparable)

    def forget(self) -> None:
        """A table may have been renamed, replaced, or be looked up elsewhere since."""
        self.columns.forget()
        self._tables.clear()
        self._types.clear()

    @property
    def types(self) -> Collection[str]:
        """The types, as they were written."""
        return self._types

    @property
    def incomparable(self) -> Collection[str]:
        """Those of them that PostgreSQL cannot compare."""
        return {name for name, has_equality in self._types.items() if not has_equality}

    def has(self, table: Node | None) -> bool:
        """Whether it is surely one of the tables."""
        if table is None or kind(table) != "Table":
            return False
        if table.args.get("joins") or tree.unknown_arguments(table):
            return False
        return tree.key(table, self.dialect) in self._tables

    def writes_to_a_copy(self, parsed: Node) -> bool:
        """A row that is written runs defaults and checks that this file does not show."""
        return any(folded(table.this) in self._copies for table, _ in written(parsed))

    def _is_copy(self, create: Node, what: str) -> bool:
        """PostgreSQL's `LIKE`, or a view or partition through which one may write to such a table.

        MySQL's copies nothing that could call a function of somebody's own.
        """
        if self.dialect != "postgres":
            return False
        kinds = {kind(node) for node in tree.nodes(create)}
        return "LikeProperty" in kinds or (
            (what == "VIEW" or "PartitionedOfProperty" in kinds)
            and any(
                kind(node) == "Table" and folded(node.this) in self._copies
                for node in tree.nodes(create)
            )
        )

    def _has_own_rows(self, create: Node) -> bool:
        """Whatever is deleted there was nowhere else."""
        allowed = OWN_ROWS - (NOT_IN_MYSQL if self.dialect == "mysql" else set())
        found = [node for node in tree.nodes(create) if kind(node).endswith("Property")]
        engines = [node.name.lower() for node in found if kind(node) == "EngineProperty"]
        return {kind(node) for node in found} <= allowed and ENGINES.issuperset(engines)
