"""What a file has surely made so far. Nobody uses that yet: it may be tightened and emptied."""

from collections.abc import Collection

from . import tree
from .grammar import ENGINES, NOT_IN_MYSQL, OWN_ROWS
from .lexer import Dialect
from .tree import Node, kind


class Made:
    """The tables and types that the statements before have created.

    `IF NOT EXISTS` creates nothing surely, and after it a plain CREATE of the same name may fail.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._tables: set[tuple[str, ...]] = set()
        self._types: set[str] = set()
        self._doubtful: set[tuple[str, ...]] = set()

    def remember(self, parsed: Node) -> None:
        """What an additive statement has made."""
        if kind(parsed) != "Create":
            return
        made = parsed.this.this if kind(parsed.this) == "Schema" else parsed.this
        name = tree.key(made, self.dialect)
        what = str(parsed.args.get("kind")).upper()
        if name is None:
            return
        if parsed.args.get("exists"):
            self._doubtful.add(name)
        elif what == "TABLE" and name not in self._doubtful and self._has_own_rows(parsed):
            self._tables.add(name)
        elif what == "TYPE":
            self._types.add(made.sql())

    def forget(self) -> None:
        """A table may have been renamed, replaced, or be looked up elsewhere since."""
        self._tables.clear()
        self._types.clear()

    @property
    def types(self) -> Collection[str]:
        """The types, as they were written."""
        return self._types

    def has(self, table: Node | None) -> bool:
        """Whether it is surely one of the tables."""
        if table is None or kind(table) != "Table":
            return False
        if table.args.get("joins") or tree.unknown_arguments(table):
            return False
        return tree.key(table, self.dialect) in self._tables

    def _has_own_rows(self, create: Node) -> bool:
        """Whatever is deleted there was nowhere else."""
        allowed = OWN_ROWS - (NOT_IN_MYSQL if self.dialect == "mysql" else set())
        found = [node for node in tree.nodes(create) if kind(node).endswith("Property")]
        engines = [node.name.lower() for node in found if kind(node) == "EngineProperty"]
        return {kind(node) for node in found} <= allowed and ENGINES.issuperset(engines)
