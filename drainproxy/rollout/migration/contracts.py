"""Recognises what removes something, or rejects what code of the version before may write."""

from .grammar import (
    CONTRACT_NODES,
    CONTRACT_WORDS,
    TAKEN_NAMES,
    TIGHTENING_COLUMN,
    TIGHTENING_TABLE,
)
from .lexer import Dialect
from .made import Made
from .tree import Node, kind, nodes

_REFUSES = "refuses rows that code of the version before may write"


def contract_reason(parsed: Node, made: Made) -> str:
    """Why a statement is a contract, wherever in it that stands; empty if nothing says so."""
    for node in nodes(parsed):
        if node is parsed and kind(node) == "Delete" and _is_plain(node) and made.has(node.this):
            continue
        if reason := _node_reason(node):
            return reason
    if kind(parsed) == "Create":
        return _create_reason(parsed, made)
    if kind(parsed) == "Alter" and not made.has(parsed.this):
        return _alter_reason(parsed, made.dialect)
    return ""


def _node_reason(node: Node) -> str:
    name = kind(node)
    if name == "When" and "DELETE" in str(node.args.get("then")).upper().split():
        return CONTRACT_NODES["Delete"]
    if name == "Insert" and str(node.args.get("alternative")).upper() == "REPLACE":
        return CONTRACT_WORDS["REPLACE"]
    return CONTRACT_NODES.get(name, "")


def _is_plain(delete: Node) -> bool:
    """It deletes from one table: MySQL takes several."""
    return not delete.args.get("tables")


def _create_reason(create: Node, made: Made) -> str:
    what = str(create.args.get("kind")).upper()
    if create.args.get("replace"):
        return f"replaces a {what.lower()} that code of the version before may use"
    if what == "TRIGGER":
        return "a trigger changes what writes of the version before do"
    if create.args.get("unique") and not made.has(create.this.args.get("table")):
        return f"a unique index {_REFUSES}"
    return ""


def _alter_reason(alter: Node, dialect: Dialect) -> str:
    for action in alter.args.get("actions") or ():
        match kind(action):
            case "ColumnDef":
                reason = _column_reason(action, dialect)
            case "AlterColumn":
                reason = _alter_column_reason(action)
            case "AddConstraint":
                found = [kind(node) for node in nodes(action) if kind(node) in TIGHTENING_TABLE]
                reason = f"{TIGHTENING_TABLE[found[0]]} {_REFUSES}" if found else ""
            case _:
                reason = ""
        if reason:
            return reason
    return ""


def _column_reason(column: Node, dialect: Dialect) -> str:
    if what := TAKEN_NAMES[dialect].get(column.name.lower()):
        return f"a column named {column.name} {what}"
    constraints = [constraint.args.get("kind") for constraint in column.constraints]
    for constraint in constraints:
        if tightens := TIGHTENING_COLUMN.get(kind(constraint)):
            return f"{tightens} on a table that is in use {_REFUSES}"
    if any(map(_is_not_null, constraints)) and not _has_default(constraints):
        return f"NOT NULL without a DEFAULT {_REFUSES}"
    return ""


def _is_not_null(constraint: Node) -> bool:
    return kind(constraint) == "NotNullColumnConstraint" and not constraint.args.get("allow_null")


def _has_default(constraints: list[Node]) -> bool:
    defaults = [each.this for each in constraints if kind(each) == "DefaultColumnConstraint"]
    found = {kind(node) for default in defaults for node in nodes(default)}
    return bool(found) and "Null" not in found


def _alter_column_reason(action: Node) -> str:
    arguments = action.args
    if arguments.get("dtype"):
        return "changes the type of a column"
    if arguments.get("allow_null") is False:
        return f"NOT NULL {_REFUSES}"
    if arguments.get("drop") and not arguments.get("allow_null"):
        return "drops a default that writes of the version before may rely on"
    return ""
