"""Classifies SQL files: every statement that changes something, with its line and phase."""

from collections.abc import Collection, Iterator

from msgspec import Struct

from . import reports
from .judge import StatementJudge
from .judgement import STRENGTH, Answer, PhaseJudgement
from .lexer import Dialect, split
from .sections import Tool, deployed_part, marker_of_another_tool


class StatementFinding(Struct, frozen=True):
    """A statement of a file: where it begins (lines from 1), its phase and why."""

    file: str
    line: int
    phase: Answer
    reason: str
    statement: str = ""


# So much of a statement is shown.
_SHOWN = 200


def lint(
    file: str, text: str, dialect: Dialect = "postgres", tool: Tool = "plain"
) -> list[StatementFinding]:
    """What stands in a file: SQL, or a JSON report of pgroll or squawk. Never empty."""
    if reports.is_json(text):
        found = [
            StatementFinding(each.file or file, each.line, each.phase, each.reason, each.shown)
            for each in reports.read(text, _phase_of_sql)
        ]
    else:
        found = list(_sql(file, text, dialect, tool))
    return found or [
        StatementFinding(file, 1, "unknown", "it holds no statement: is it the right file?")
    ]


def worst(findings: Collection[StatementFinding]) -> Answer:
    """The phase that the strictest of them says."""
    phases = {finding.phase for finding in findings}
    return next(phase for phase in STRENGTH if phase in phases)


def _sql(file: str, text: str, dialect: Dialect, tool: Tool) -> Iterator[StatementFinding]:
    part = deployed_part(text, tool)
    if isinstance(part, str):
        yield StatementFinding(file, 1, "unknown", part)
        return
    lines, sql = part
    marker = marker_of_another_tool(text) if tool == "plain" else None
    judge = StatementJudge(dialect)
    for statement in split(sql, dialect):
        judgement = judge.judge(statement)
        if judgement is None:
            continue
        line = statement.line + lines
        reason = judgement.reason
        if marker and line > marker[1] and not judgement.is_additive:
            reason += f"; with --tool {marker[0]} what stands behind line {marker[1]} is left out"
        yield StatementFinding(file, line, judgement.phase, reason, _shown(statement.sql))


def _phase_of_sql(sql: str) -> PhaseJudgement:
    """The strictest of what stands in a piece of PostgreSQL's SQL."""
    found = lint("", sql) if not reports.is_json(sql) else []
    if not found:
        return PhaseJudgement("unknown", "it is no SQL")
    strictest = worst(found)
    return next(
        PhaseJudgement(each.phase, each.reason) for each in found if each.phase == strictest
    )


def _shown(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
