"""Reads JSON of other tools: pgroll's status and migrations, squawk's violations.

A linter without findings has not proved that a file only adds: its report is contract or unknown.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from .grammar import ACCESS_METHODS, OPERATOR_CLASSES
from .judgement import Answer, Judgement

# Says the phase of a piece of SQL.
SqlPhase = Callable[[str], Judgement]


class Said(Struct, frozen=True):
    """One thing that a report says."""

    line: int
    phase: Answer
    reason: str
    shown: str = ""


_STATUS: Final[dict[str, tuple[Answer, str]]] = {
    "In progress": ("expand", "pgroll has started it: the schema before is still there"),
    "Complete": ("contract", "pgroll has completed it: the schema before is gone"),
    "No migrations": ("unknown", "pgroll has applied no migration: there is nothing to judge"),
}

# Rules of squawk that forbid a contract; the others speak of locks and taste.
_SQUAWK: Final = frozenset(
    {
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "adding-serial-primary-key-field",
        "ban-drop-column",
        "ban-alter-domain-with-add-constraint",
        "ban-drop-database",
        "ban-drop-not-null",
        "ban-drop-table",
        "ban-truncate-cascade",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "renaming-column",
        "renaming-table",
        "require-concurrent-index-deletion",
        "require-concurrent-partition-detach",
    }
)


def is_json(text: str) -> bool:
    """SQL begins with neither."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read(text: str, sql: SqlPhase) -> Iterator[Said]:
    """What a report says; that it is not understood, if it is none that is known."""
    try:
        report = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        yield Said(1, "unknown", f"it begins like JSON and is none: {error}")
        return
    if isinstance(report, dict) and {"Schema", "Status"} <= report.keys():
        yield _status(report)
    elif isinstance(report, dict) and isinstance(report.get("operations"), list):
        for operation in report["operations"]:
            yield _operation(operation, sql)
    elif isinstance(report, list):
        yield from _violations(report)
    else:
        yield Said(1, "unknown", "it is JSON, but neither of pgroll nor of squawk")


def _status(report: Mapping[str, Any]) -> Said:
    phase, reason = _STATUS.get(
        str(report["Status"]), ("unknown", f"pgroll's status {report['Status']!r} is not known")
    )
    return Said(1, phase, reason, f"{report['Schema']} {report.get('Version', '')}".strip())


# pgroll.


def _operation(operation: Any, sql: SqlPhase) -> Said:
    """One operation, as it is when the migration is complete."""
    if not isinstance(operation, dict) or len(operation) != 1:
        return Said(1, "unknown", "an operation of pgroll has one name")
    ((name, body),) = operation.items()
    shown = str(name)[:80]
    if not isinstance(body, dict):
        return Said(1, "unknown", "an operation of pgroll is a mapping", shown)
    judgement = _OPERATIONS.get(name, _unknown_operation)(body, sql)
    return Said(1, judgement.phase, judgement.reason, shown)


def _unknown_operation(_: Mapping[str, Any], __: SqlPhase) -> Judgement:
    return Judgement("unknown", "an operation of pgroll that is not known")


def _contracting(_: Mapping[str, Any], __: SqlPhase) -> Judgement:
    return Judgement("contract", "takes away or tightens when pgroll completes it")


def _create_table(body: Mapping[str, Any], sql: SqlPhase) -> Judgement:
    """Its defaults and checks may call something, which a `sql` behind it would run."""
    columns = body.get("columns") or []
    constraints = body.get("constraints") or []
    if not isinstance(columns, list) or not isinstance(constraints, list):
        return Judgement("unknown", "a new table without a list of columns")
    parts = [*map(_new_column, columns), *map(_new_constraint, constraints)]
    if None in parts:
        return Judgement("unknown", "a new table with more in it than is known")
    made = sql(f"CREATE TABLE t ({', '.join(part for part in parts if part)})")
    return Judgement("expand", "a new table") if made.phase == "expand" else made


def _new_column(column: Any) -> str | None:
    """Its SQL; None if it is not understood."""
    known = {"name", "type", "nullable", "default", "comment", "pk", "unique", "references"}
    if not isinstance(column, dict) or not isinstance(column.get("type"), str):
        return None
    if {key for key, value in column.items() if value} - known - {"check", "generated"}:
        return None
    default = column.get("default")
    check, generated = column.get("check") or {}, column.get("generated") or {}
    if not isinstance(check, dict) or not isinstance(generated, dict):
        return None
    # The name counts for nothing here: another keeps the quoting out.
    return " ".join(
        [
            f"c {column['type']}",
            f"DEFAULT ({default})" if default is not None else "",
            f"CHECK ({check['constraint']})" if check.get("constraint") else "",
            f"GENERATED ALWAYS AS ({generated['expression']}) STORED"
            if generated.get("expression")
            else "",
        ]
    )


def _new_constraint(constraint: Any) -> str | None:
    """Its SQL, empty if it holds none; None if it is not understood."""
    if not isinstance(constraint, dict):
        return None
    match constraint.get("type"):
        case "unique" | "primary_key" | "foreign_key":
            return ""
        case "check" if constraint.get("check"):
            return f"CHECK ({constraint['check']})"
    return None


def _create_index(body: Mapping[str, Any], sql: SqlPhase) -> Judgement:
    if body.get("unique"):
        return Judgement("contract", "a unique index refuses rows of the version before")
    if body.get("predicate") or body.get("storage_parameters"):
        return Judgement("unknown", "an index with a predicate or parameters: lint its SQL")
    columns = body.get("columns")
    fields = columns.values() if isinstance(columns, dict) else columns
    if not isinstance(columns, dict | list) or not all(map(_is_plain_field, fields or ())):
        return Judgement("unknown", "an index with more in it than is known: lint its SQL")
    if str(body.get("method") or "").lower() not in ACCESS_METHODS:
        return Judgement("unknown", "an index with an access method that is not known here")
    return Judgement("expand", "a new index")


def _is_plain_field(field: Any) -> bool:
    """A column of an index; its operator class may call anything, if it is nobody knows whose."""
    if isinstance(field, str) or not isinstance(field, dict):
        return isinstance(field, str)
    opclass = field.get("opclass") or {}
    known = isinstance(opclass, dict) and not set(opclass) - {"name"}
    return (
        known
        and not set(field) - {"collate", "nulls", "opclass", "sort"}
        and (not opclass or opclass.get("name") in OPERATOR_CLASSES)
    )


def _add_column(body: Mapping[str, Any], sql: SqlPhase) -> Judgement:
    column = body.get("column")
    if not isinstance(column, dict) or not isinstance(column.get("type"), str):
        return Judgement("unknown", "a column without a type")
    known = {"name", "type", "nullable", "default", "comment"}
    if strict := [
        key for key in ("check", "unique", "references", "pk", "generated") if column.get(key)
    ]:
        return Judgement("contract", f"a new column with {', '.join(strict)}")
    if set(column) - known - {"check", "unique", "references", "pk", "generated"}:
        return Judgement("unknown", "a column with more than is known")
    required = "" if column.get("nullable") else " NOT NULL"
    default = f" DEFAULT {column['default']}" if column.get("default") is not None else ""
    added = sql(f"ALTER TABLE t ADD COLUMN c {column['type']}{required}{default}")
    if added.phase != "expand" or not body.get("up"):
        return added
    # A trigger runs it for each row that code of the version before writes: it must never fail, as
    # an index must not.
    if required or column["type"].strip().lower() != "text":
        return Judgement(
            "unknown", "`up` runs for each row that the version before writes, and may fail"
        )
    filled = sql(f"CREATE INDEX i ON t (({body['up']}))")
    if filled.phase != "expand":
        return Judgement("unknown", f"`up` is not understood: {filled.reason}")
    return added


def _sql(body: Mapping[str, Any], sql: SqlPhase) -> Judgement:
    if not isinstance(body.get("up"), str):
        return Judgement("unknown", "a `sql` operation without `up`")
    return sql(body["up"])


_OPERATIONS: Final[dict[str, Callable[[Mapping[str, Any], SqlPhase], Judgement]]] = {
    "create_table": _create_table,
    "create_index": _create_index,
    "add_column": _add_column,
    "sql": _sql,
    **dict.fromkeys(
        (
            "alter_column",
            "create_constraint",
            "drop_column",
            "drop_constraint",
            "drop_index",
            "drop_multicolumn_constraint",
            "drop_table",
            "rename_column",
            "rename_constraint",
            "rename_table",
            "set_replica_identity",
        ),
        _contracting,
    ),
}


# squawk.


def _violations(report: list[Any]) -> Iterator[Said]:
    found = [each for each in report if isinstance(each, dict) and "rule_name" in each]
    if len(found) != len(report):
        yield Said(1, "unknown", "a list of JSON that is not squawk's")
        return
    for each in found:
        if str(each["rule_name"]) in _SQUAWK:
            yield Said(
                _line(each.get("line")),
                "contract",
                f"squawk: {each['rule_name']}: {' '.join(str(each.get('message', '')).split())}",
                str(each.get("file", "")),
            )
    if not any(str(each["rule_name"]) in _SQUAWK for each in found):
        yield Said(
            1, "unknown", "squawk finds no contract, which does not say expand: lint the SQL"
        )


def _line(line: Any) -> int:
    """squawk counts from 0 in its JSON."""
    return line + 1 if isinstance(line, int) and 0 <= line < 1_000_000_000 else 1
