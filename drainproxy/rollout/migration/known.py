"""The columns that tables have for certain, since statements before have created or written
them."""

from . import tree
from .lexer import Dialect
from .shown import folded, outputs, written
from .tree import Node, kind


class Columns:
    """By table. A column that is not in here may be there as well."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._of: dict[tuple[str, ...], frozenset[str]] = {}
        # Tables whose columns are all there: each was made by a list of columns alone.
        self._whole: set[tuple[str, ...]] = set()

    def of(self, table: Node) -> frozenset[str]:
        """Those of a table."""
        name = tree.key(table, self._dialect)
        return self._of.get(name, frozenset()) if name else frozenset()

    def are_all(self, table: Node) -> bool:
        """Whether `of` tells all columns of a table."""
        return tree.key(table, self._dialect) in self._whole

    def are_one(self, table: Node, other: Node) -> bool:
        """Whether two names surely mean one table, in the same statement."""
        name = tree.key(table, self._dialect)
        return name is not None and name == tree.key(other, self._dialect)

    def remember(self, parsed: Node) -> None:
        """Those that an additive statement has made, or could not run without."""
        if kind(parsed) == "Create":
            self._create(parsed)
        elif kind(parsed) == "Alter":
            added = [each for each in parsed.args["actions"] if kind(each) == "ColumnDef"]
            self._add(parsed.this, frozenset(folded(each.this) for each in added))
        else:
            for table, names in written(parsed):
                self._add(table, names)

    def forget(self) -> None:
        """Tables may have been changed since."""
        self._of.clear()
        self._whole.clear()

    def _create(self, create: Node) -> None:
        made = create.this.this if kind(create.this) == "Schema" else create.this
        name = tree.key(made, self._dialect)
        if name is None:
            return
        # From now on the same name may mean this one, in whichever schema it is.
        self._of = {key: names for key, names in self._of.items() if key[-1] != name[-1]}
        self._whole = {key for key in self._whole if key[-1] != name[-1]}
        if create.args.get("exists"):
            return
        if kind(create.this) == "Schema":
            columns = [
                each.this if kind(each) == "ColumnDef" else each for each in create.this.expressions
            ]
            names = frozenset(map(folded, columns)) - {""}
            if {kind(each) for each in create.this.expressions} <= {"ColumnDef"}:
                self._whole.add(name)
        else:
            names = outputs(create.args.get("expression"))
        self._add(made, names)

    def _add(self, table: Node, names: frozenset[str]) -> None:
        if name := tree.key(table, self._dialect):
            self._of[name] = self._of.get(name, frozenset()) | names
