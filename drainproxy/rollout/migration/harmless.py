"""Statements that are known whole, by their text: what sets up a session, or renews what the server
knows about its tables. Old code reads and writes as before, while they run and after.

Words are matched as `Statement.bare` has them, in upper case, with one blank in the place of what
is quoted; a value that decides is matched in the text itself.
"""

import re
from typing import Final

from .lexer import Dialect, Statement

_NAME: Final = r"""(?:[A-Z_][A-Z0-9_$]*|" "|` `|\[ \])"""
_TABLE: Final = rf"{_NAME}(?: ?\. ?{_NAME})?"
_COLUMNS: Final = rf"(?: ?\( ?{_NAME}(?: ?, ?{_NAME})* ?\))?"
_TABLES: Final = rf"{_TABLE}{_COLUMNS}(?: ?, ?{_TABLE}{_COLUMNS})*"
_SWITCH: Final = "(?:ON|OFF|TRUE|FALSE|0|1)"
_VALUE: Final = "(?:' '|[0-9]+|[A-Z]+)"

# They change nothing by themselves.
_NEUTRAL: Final[dict[Dialect, str]] = {
    "postgres": (
        rf"SAVEPOINT {_NAME}|RELEASE (?:SAVEPOINT )?{_NAME}"
        r"|SET (?:LOCAL |SESSION )?(?:"
        rf"(?:TRANSACTION_TIMEOUT|DEADLOCK_TIMEOUT|MAINTENANCE_WORK_MEM|WORK_MEM"
        rf"|MAX_PARALLEL_MAINTENANCE_WORKERS) ?(?:=|TO) ?{_VALUE}"
        # pg_dump begins with these. Another method of access, and strings that end elsewhere, are
        # others' words.
        rf"|CHECK_FUNCTION_BODIES ?(?:=|TO) ?{_SWITCH}|XMLOPTION ?(?:=|TO) ?(?:CONTENT|DOCUMENT)"
        r"|STANDARD_CONFORMING_STRINGS ?(?:=|TO) ?ON|ROW_SECURITY ?(?:=|TO) ?OFF"
        r"|DEFAULT_TABLE_ACCESS_METHOD ?(?:=|TO) ?HEAP)"
    ),
    "mysql": (
        rf"SAVEPOINT {_NAME}|RELEASE SAVEPOINT {_NAME}"
        r"|SET (?:SESSION )?INNODB_LOCK_WAIT_TIMEOUT ?= ?[0-9]+"
        r"|SET (?:SESSION )?(?:FOREIGN_KEY_CHECKS|UNIQUE_CHECKS) ?= ?(?:1|ON)"
    ),
    "sqlite": (
        rf"SAVEPOINT {_NAME}|RELEASE (?:SAVEPOINT )?{_NAME}"
        rf"|PRAGMA FOREIGN_KEYS ?= ?{_SWITCH}|PRAGMA BUSY_TIMEOUT ?= ?[0-9]+"
    ),
}
# The same, by their text.
_NEUTRAL_TEXT: Final[dict[Dialect, str]] = {
    "postgres": r"SET (?:SESSION )?CLIENT_ENCODING ?(?:=|TO) ?'?UTF-?8'?",
    "mysql": r"SET NAMES '(?:UTF8|UTF8MB4)'",
    "sqlite": r"(?!)",
}
_STATISTICS: Final = "counts what is there for the planner"
# PostgreSQL, ANALYZE and VACUUM: others read and write meanwhile, but for FULL. MySQL and MariaDB,
# ANALYZE TABLE: its histograms and the ANALYZE of a statement are something else. SQLite's VACUUM
# may give rows other ids.
_ADDING: Final[dict[Dialect, tuple[tuple[str, str], ...]]] = {
    "postgres": (
        (rf"ANALYZE(?: VERBOSE| ?\( ?VERBOSE ?\))?(?: {_TABLES})?", _STATISTICS),
        (
            r"VACUUM(?: VERBOSE)?(?: ANALYZE)?"
            rf"(?: ?\( ?(?:ANALYZE|VERBOSE)(?: ?, ?(?:ANALYZE|VERBOSE))* ?\))?(?: {_TABLES})?",
            "takes in what deleted rows have left",
        ),
        (
            r"COMMENT ON (?:(?:TABLE|COLUMN|INDEX|SCHEMA|VIEW|MATERIALIZED VIEW|TYPE|SEQUENCE"
            rf"|EXTENSION) {_TABLE}(?: ?\. ?{_NAME})?|CONSTRAINT {_NAME} ON {_TABLE}"
            rf"|FUNCTION {_TABLE} ?\([\w ,]*\)) IS (?:' '|NULL)",
            "a comment",
        ),
    ),
    "mysql": (
        (
            rf"ANALYZE (?:LOCAL |NO_WRITE_TO_BINLOG )?TABLES? {_TABLE}(?: ?, ?{_TABLE})*",
            _STATISTICS,
        ),
    ),
    "sqlite": ((rf"ANALYZE(?: {_TABLE})?|PRAGMA OPTIMIZE", _STATISTICS),),
}
# Words that are no names there: of `VACUUM FULL`, of `ANALYZE DELETE FROM a`.
_NO_NAMES: Final = re.compile(r"\b(?:FULL|FREEZE|SELECT|INSERT|UPDATE|DELETE|REPLACE|MERGE)\b")


def is_neutral(statement: Statement, dialect: Dialect) -> bool:
    """Whether it changes nothing by itself."""
    return bool(
        re.fullmatch(_NEUTRAL[dialect], _words(statement.bare))
        or re.fullmatch(_NEUTRAL_TEXT[dialect], _words(statement.sql))
    )


def adding(statement: Statement, dialect: Dialect) -> str:
    """What it does that is additive; empty if it is none of these."""
    words = _words(statement.bare)
    if _NO_NAMES.search(words) and not words.startswith("COMMENT "):
        return ""
    found = (reason for form, reason in _ADDING[dialect] if re.fullmatch(form, words))
    return next(found, "")


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().upper()
