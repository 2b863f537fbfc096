"""Foreign keys of new tables to tables from before.

Nobody uses the new table yet, but the old one is in use: its rows can no longer be deleted, nor
their keys changed, once a row of the new table refers to them, and TRUNCATE of it is refused.
"""

from . import tree
from .made import Made
from .tree import Node, kind, nodes


def reference_problem(parsed: Node, made: Made) -> str:
    """The first table from before that a foreign key refers to, in words; empty if there is none.

    `made` has what the statement itself has made.
    """
    for node in nodes(parsed):
        if kind(node) != "Reference":
            continue
        table = node.this.this if kind(node.this) == "Schema" else node.this
        if not made.has(table) and not _is_itself(table, parsed, made):
            return (
                f"a foreign key to {table.sql()[:80]} locks that table, and from then on refuses"
                " that code of the version before deletes rows of it"
            )
    return ""


def _is_itself(table: Node, parsed: Node, made: Made) -> bool:
    if kind(parsed) != "Create":
        return False
    own = parsed.this.this if kind(parsed.this) == "Schema" else parsed.this
    key = tree.key(table, made.dialect)
    return key is not None and key == tree.key(own, made.dialect)
