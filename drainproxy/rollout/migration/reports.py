"""Reads JSON of other tools: pgroll's status and migrations, squawk's violations.

A linter without findings has not proved that a file only adds: its report is contract or unknown.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from . import pgroll
from .judgement import Answer


class Said(Struct, frozen=True):
    """One thing that a report says."""

    line: int
    phase: Answer
    reason: str
    shown: str = ""
    # Which the report speaks of, if it says so.
    file: str = ""


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


def read(text: str, sql: pgroll.SqlPhase) -> Iterator[Said]:
    """What a report says; that it is not understood, if it is none that is known."""
    try:
        report = json.loads(text.lstrip("\ufeff"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        yield Said(1, "unknown", f"it begins like JSON and is not read as such: {error}")
        return
    if pgroll.is_of_pgroll(report):
        for shown, judgement in pgroll.judgements(report, sql):
            yield Said(1, judgement.phase, judgement.reason, shown)
    elif isinstance(report, list):
        yield from _violations(report)
    else:
        yield Said(1, "unknown", "it is JSON, but neither of pgroll nor of squawk")


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
                file=_file(each.get("file")),
            )
    if not any(str(each["rule_name"]) in _SQUAWK for each in found):
        yield Said(
            1, "unknown", "squawk finds no contract, which does not say expand: lint the SQL"
        )


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two keys that differ in letter case alone, Go takes either for the other."""
    found = dict(pairs)
    if len({key.casefold() for key in found}) < len(pairs):
        raise ValueError("a key stands twice in one object, letter case aside")
    return found


def _file(file: Any) -> str:
    """The file that squawk has read, in one line; empty if it names none."""
    return " ".join(file.split()) if isinstance(file, str) else ""


def _line(line: Any) -> int:
    """squawk counts from 0 in its JSON."""
    return line + 1 if isinstance(line, int) and 0 <= line < 1_000_000_000 else 1
