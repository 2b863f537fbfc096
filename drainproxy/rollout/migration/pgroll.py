"""pgroll's JSON: its status, and its migrations as they are when they are complete.

pgroll reads keys in any letter case, as Go does, and writes most texts into its SQL as they are. So
a key that is not spelt as in its schema is none to overlook, and a text that becomes SQL is judged
as such, or is one of the words that are known.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from .fragments import fragment_problem, quoted
from .grammar import ACCESS_METHODS, OPERATOR_CLASSES
from .judgement import Answer, PhaseJudgement, contract, expand, unknown

# Says the phase of a piece of SQL.
SqlPhase = Callable[[str], PhaseJudgement]
# Of the tables that operations before have created.
_Names = set[str]
_Operation = Callable[[Mapping[str, Any], SqlPhase, _Names], PhaseJudgement]

_STATUS: Final[dict[str, tuple[Answer, str]]] = {
    "In progress": ("expand", "pgroll has started it: the schema before is still there"),
    "Complete": ("contract", "pgroll has completed it: the schema before is gone"),
    "No migrations": ("unknown", "pgroll has applied no migration: there is nothing to judge"),
}
# As pgroll prints it, and as its manual shows it.
_STATUS_KEYS: Final = ("schema", "version", "status"), ("Schema", "Version", "Status")

_MIGRATION: Final = {"name", "operations", "version_schema"}
_TABLE: Final = {"name", "columns", "constraints", "comment"}
_INDEX: Final = {"name", "table", "columns", "unique", "method", "predicate", "storage_parameters"}
_FIELD: Final = {"collate", "nulls", "opclass", "sort"}
_COLUMN: Final = {"name", "type", "nullable", "default", "comment"}
_STRICT: Final = ("check", "unique", "references", "pk", "generated")
_CHECK: Final = {"name", "constraint", "no_inherit"}
_REFERENCES: Final = {
    *("name", "table", "column", "columns", "match_type", "on_delete", "on_update"),
    *("on_delete_set_columns", "deferrable", "initially_deferred"),
}
_CONSTRAINT: Final = {
    *("name", "columns", "type", "deferrable", "initially_deferred", "nulls_not_distinct"),
    *("no_inherit", "check", "references", "index_parameters"),
}
# What stands in the SQL as it is written here.
_WORDS: Final = {
    "match_type": {"SIMPLE", "FULL"},
    "on_delete": {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"},
    "on_update": {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"},
    "sort": {"ASC", "DESC"},
    "nulls": {"FIRST", "LAST"},
    "user_specified_values": {"ALWAYS", "BY DEFAULT"},
}
_COLLATION = re.compile(r'[A-Za-z0-9_.-]+|"[A-Za-z0-9_. -]+"')


def is_of_pgroll(report: Any) -> bool:
    """Whether it is a status or a migration."""
    if not isinstance(report, dict):
        return False
    return _is_status(report) or isinstance(report.get("operations"), list)


def judgements(report: Mapping[str, Any], sql: SqlPhase) -> Iterator[tuple[str, PhaseJudgement]]:
    """What is judged, and its phase: the status, or each operation."""
    if _is_status(report):
        yield _status(report)
        return
    if strange := _strange(report, _MIGRATION):
        yield "", unknown(f"a migration of pgroll with {strange}")
    made: _Names = set()
    for operation in report["operations"]:
        yield _operation(operation, sql, made)


def _is_status(report: Mapping[str, Any]) -> bool:
    return any(
        set(report) <= set(keys) and keys[0] in report and keys[2] in report
        for keys in _STATUS_KEYS
    )


def _status(report: Mapping[str, Any]) -> tuple[str, PhaseJudgement]:
    schema, version, status = (
        str(next((report[key] for key in names if key in report), ""))
        for names in zip(*_STATUS_KEYS, strict=True)
    )
    answer = _STATUS.get(status, ("unknown", f"pgroll's status {status[:80]!r} is not known"))
    return f"{schema} {version}".strip(), PhaseJudgement(*answer)


def _operation(operation: Any, sql: SqlPhase, made: _Names) -> tuple[str, PhaseJudgement]:
    if not isinstance(operation, dict) or len(operation) != 1:
        return "", unknown("an operation of pgroll has one name")
    ((name, body),) = operation.items()
    shown = str(name)[:80]
    if not isinstance(body, dict):
        return shown, unknown("an operation of pgroll is a mapping")
    if name in _CONTRACTING:
        return shown, contract("takes away or tightens when pgroll completes it")
    if name not in _OPERATIONS:
        return shown, unknown("an operation of pgroll that is not known")
    known, judge = _OPERATIONS[name]
    if strange := _strange(body, known):
        return shown, unknown(f"an operation of pgroll with {strange}")
    return shown, judge(body, sql, made)


def _strange(mapping: Any, known: Collection[str]) -> str:
    """The first key that is not known, or a word that is none, in words."""
    if not isinstance(mapping, dict):
        return "something else than a mapping"
    for key, value in mapping.items():
        if key not in known:
            return f"the key {str(key)[:40]!r}, which pgroll may read in any letter case"
        if value and str(value) not in _WORDS.get(key, {str(value)}):
            return f"{str(value)[:40]!r} as {key}"
    return ""


def _create_table(body: Mapping[str, Any], sql: SqlPhase, made: _Names) -> PhaseJudgement:
    """Its defaults and checks may call something, which a `sql` behind it would run."""
    columns = body.get("columns") or []
    constraints = body.get("constraints") or []
    if not isinstance(columns, list) or not isinstance(constraints, list):
        return unknown("a new table without a list of columns")
    parts = [*map(_new_column, columns), *map(_new_constraint, constraints)]
    if None in parts:
        return unknown("a new table with more in it than is known")
    columns_and_checks = ", ".join(part for part in parts if part)
    written = sql(f"CREATE TABLE {_named(body)} ({columns_and_checks})")
    if written.phase != "expand":
        return written
    texts = [text for each in (*columns, *constraints) for text in _texts(each)]
    if problem := _problem(texts):
        return unknown(problem)
    made.add(str(body.get("name")))
    for each in (*columns, *constraints):
        table = str((each.get("references") or {}).get("table"))
        if each.get("references") and table not in made:
            return unknown(
                f"a foreign key to {table[:80]}, a table from before: it refuses that code of the"
                " version before deletes rows there"
            )
    return expand("a new table")


def _new_column(column: Any) -> str | None:
    """Its SQL; None if it is not understood."""
    if _strange(column, {*_COLUMN, *_STRICT}) or not isinstance(column.get("type"), str):
        return None
    default = column.get("default")
    check, generated = column.get("check") or {}, column.get("generated") or {}
    references = column.get("references") or {}
    if _strange(check, _CHECK) or _strange(references, _REFERENCES):
        return None
    if (identity := _generated(generated)) is None:
        return None
    return " ".join(
        [
            f"{_named(column)} {column['type']}",
            f"DEFAULT ({default})" if default is not None else "",
            f"CHECK ({check['constraint']})" if check.get("constraint") else "",
            identity,
        ]
    )


def _named(part: Mapping[str, Any], key: str = "name") -> str:
    """The name of it as an identifier; without one pgroll refuses it, and any stands for it."""
    return quoted(str(part.get(key) or "unnamed"))


def _texts(part: Mapping[str, Any]) -> Iterator[Any]:
    """What of a column or a constraint that is understood becomes SQL as it is written."""
    yield part.get("type")
    yield part.get("default")
    check, generated = part.get("check"), part.get("generated") or {}
    yield check.get("constraint") if isinstance(check, dict) else check
    yield generated.get("expression")
    identity = generated.get("identity")
    yield identity.get("sequence_options") if isinstance(identity, dict) else identity


def _problem(texts: Iterable[Any]) -> str:
    """Why one of them may say something else as a part of pgroll's SQL; empty if none does."""
    return next(filter(None, (fragment_problem(str(each)) for each in texts if each)), "")


def _generated(generated: Any) -> str | None:
    """The SQL of a generated column, empty if it is none; None if it is not understood."""
    identity = generated.get("identity") if isinstance(generated, dict) else None
    if _strange(generated, {"expression", "identity"}):
        return None
    if generated.get("expression"):
        return f"GENERATED ALWAYS AS ({generated['expression']}) STORED"
    if identity is None:
        return ""
    if _strange(identity, {"sequence_options", "user_specified_values"}):
        return None
    options = identity.get("sequence_options")
    return f"GENERATED ALWAYS AS IDENTITY{f' ({options})' if options else ''}"


def _new_constraint(constraint: Any) -> str | None:
    """Its SQL, empty if it holds none; None if it is not understood."""
    if _strange(constraint, _CONSTRAINT):
        return None
    if _strange(constraint.get("references") or {}, _REFERENCES):
        return None
    # The others, a tablespace and parameters, become SQL.
    if _strange(constraint.get("index_parameters") or {}, {"include_columns"}):
        return None
    match constraint.get("type"):
        case "unique" | "primary_key":
            return ""
        case "foreign_key" if constraint.get("references"):
            return ""
        case "check" if constraint.get("check") and isinstance(constraint["check"], str):
            return f"CHECK ({constraint['check']})"
    return None


def _create_index(body: Mapping[str, Any], sql: SqlPhase, _: _Names) -> PhaseJudgement:
    if body.get("unique"):
        return contract("a unique index refuses rows of the version before")
    if body.get("predicate") or body.get("storage_parameters"):
        return unknown("an index with a predicate or parameters: lint its SQL")
    columns = body.get("columns")
    fields: list[Any] = [None]
    if isinstance(columns, dict):
        # As versions before 0.11 have it.
        fields = [{"column": name, **field} for name, field in _fields(columns)]
    elif isinstance(columns, list):
        fields = [{"column": each} if isinstance(each, str) else each for each in columns]
    if not all(map(_is_plain_field, fields)):
        return unknown("an index with more in it than is known: lint its SQL")
    if str(body.get("method") or "").lower() not in ACCESS_METHODS:
        return unknown("an index with an access method that is not known here")
    names = ", ".join(_named(each, "column") for each in fields)
    # Which is how pgroll makes it.
    return sql(f"CREATE INDEX CONCURRENTLY {_named(body)} ON {_named(body, 'table')} ({names})")


def _fields(columns: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """By the names of the columns; what is no field becomes one that is not known."""
    for name, field in columns.items():
        yield name, {"?": field} if _strange(field, _FIELD) else field


def _is_plain_field(field: Any) -> bool:
    """A column of an index; its operator class may call anything, if it is nobody knows whose."""
    if _strange(field, {"column", *_FIELD}) or not isinstance(field.get("column"), str):
        return False
    opclass, collation = field.get("opclass") or {}, field.get("collate") or ""
    if _strange(opclass, {"name"}) or not isinstance(collation, str):
        return False
    if collation and not _COLLATION.fullmatch(collation):
        return False
    return not opclass or str(opclass.get("name")) in OPERATOR_CLASSES


def _add_column(body: Mapping[str, Any], sql: SqlPhase, _: _Names) -> PhaseJudgement:
    column = body.get("column")
    if not isinstance(column, dict) or not isinstance(column.get("type"), str):
        return unknown("a column without a type")
    if strict := [key for key in _STRICT if column.get(key)]:
        return contract(f"a new column with {', '.join(strict)}")
    if strange := _strange(column, {*_COLUMN, *_STRICT}):
        return unknown(f"a column with {strange}")
    table = _named(body, "table")
    required = "" if column.get("nullable") else " NOT NULL"
    default = f" DEFAULT {column['default']}" if column.get("default") is not None else ""
    plain = f"ALTER TABLE {table} ADD COLUMN {_named(column)} {column['type']}"
    # The type alone as well: what follows may be a part of what it begins.
    added, alone = sql(f"{plain}{required}{default}"), sql(plain)
    if added.phase != "expand" or alone.phase != "expand":
        return alone if added.phase == "expand" else added
    if problem := _problem([column["type"], column.get("default"), body.get("up")]):
        return unknown(problem)
    if not body.get("up"):
        return added
    # A trigger runs it for each row that code of the version before writes: it must never fail, as
    # an index must not.
    if required or column["type"].strip().lower() != "text":
        return unknown("`up` runs for each row that the version before writes, and may fail")
    filled = sql(f"CREATE INDEX i ON {table} (({body['up']}))")
    return (
        added if filled.phase == "expand" else unknown(f"`up` is not understood: {filled.reason}")
    )


def _sql(body: Mapping[str, Any], sql: SqlPhase, _: _Names) -> PhaseJudgement:
    if not isinstance(body.get("up"), str):
        return unknown("a `sql` operation without `up`")
    return sql(body["up"])


_OPERATIONS: Final[dict[str, tuple[Collection[str], _Operation]]] = {
    "create_table": (_TABLE, _create_table),
    "create_index": (_INDEX, _create_index),
    "add_column": ({"table", "column", "up"}, _add_column),
    "sql": ({"up", "down", "onComplete"}, _sql),
}
_CONTRACTING: Final = {
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
}
