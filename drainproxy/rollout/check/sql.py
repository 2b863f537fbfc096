"""Finds contracts in SQL without a grammar: fast, and only what `migration lint` is sure of. What
is neither plainly a contract nor plainly additive is unclear."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from drainproxy.rollout.migration.grammar import TAKEN_NAMES
from drainproxy.rollout.migration.lexer import Dialect, split

# An option with its value in the same word, alone or as the last of several letters. A comment
# begins with `-` too, and may hold the rest.
_OPTION: Final = re.compile(r"\A(?:--?[A-Za-z][\w-]*=|-[A-Za-z]{0,8}?[ce](?=\s*[A-Za-z/]))")
# As long as migrations are that stand in a manifest (the API server's limit of a ConfigMap).
_LONGEST: Final = 1 << 20

# What may stand before the first statement that says that a text is SQL: comments, commands of psql
# and sqlite3, and which database is meant, or how.
_BEFORE: Final = (
    r"(?:[\s;]|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/|\\[^\n]*\n|\.[a-z]+\b[^\n]*\n"
    r"|(?:use|pragma)\s[^;]*;)*"
)
# With ANALYZE it runs the statement that it explains; MariaDB has that without EXPLAIN.
_EXPLAINED: Final = (
    r"(?:explain\b(?:\s*\([^()]*\)|\s+(?:analy[sz]e|verbose|extended|query\s+plan)\b"
    r"|\s+format\s*=\s*\w+)*|analyze\b(?:\s+format\s*=\s*\w+)?)"
    r"\s*(?=\b(?:select|insert|update|delete|merge|replace|with|values|table|create|execute"
    r"|declare)\b)"
)
_EXPLAINS: Final = re.compile(r"\s*" + _EXPLAINED, re.IGNORECASE)
_RUNS_IT: Final = re.compile(r"\banaly[sz]e\b", re.IGNORECASE)
# A script may begin with `set -e`, `truncate -s 0 FILE`, or with update-ca-certificates. Words that
# are less plainly SQL are so with what follows.
_HEAD: Final = re.compile(
    _BEFORE + r"(?!(?:set|truncate)\s+[-+])(?:(?:drop|truncate|delete|rename|alter|create|insert"
    r"|update|merge|with|replace|do|call|grant|revoke|comment|select|begin|start|commit|set|lock"
    rf"|analyze|vacuum)\b(?!-(?!-)|[.=:]|/(?!\*))|{_EXPLAINED}|show\s+[\w ]+;"
    r"|prepare\s+\w+\s*(?:\([^()]*\)\s*)?(?:as|from)\s|execute\s+immediate\s"
    r"|refresh\s+materialized\s|reindex\s+(?:table|index|schema|database|system)\s"
    r"|reassign\s+owned\s|load\s+data\s|copy\s+\S+\s*(?:\([^()]*\)\s*)?(?:from|to)\s)",
    re.IGNORECASE,
)
# Nothing that they take away, or tighten, is there for the version before any more.
_CONTRACT: Final = re.compile(
    r"^\s*(?:drop\s+\w+|truncate(?:\s+table)?\s*\S|rename\s+\w+"
    r"|create\s+unique\s+(?:\w+\s+)?index\b|delete\b)|\bdelete\s+from\b"
    r"|\bthen\s+delete\b",
    re.IGNORECASE,
)
_ALTER: Final = re.compile(r"^\s*alter\s+(?!default\b)\w+(?:\s+\w+)?", re.IGNORECASE)
_TIGHTENS: Final = re.compile(
    r"\bdrop(?:\s*[\"`\[]|\s+(?!not\s|expression\b|identity\b)\w+)|\brename\b|\bset\s+not\s+null\b"
    r"|\balter\s*(?:column\b\s*)?(?:\b\w+\s|\" \"|` `)\s*(?:set\s+data\s+)?type\b"
    r"|\bmodify\b|\bchange\b"
    r"|\bset\s+schema\b|\bunique\b|\bprimary\s+key\b|\bforeign\s+key\b"
    r"|\bcheck\b|\bexclude\b|\badd\s+constraint\b"
    r"|\b(?:enable|force)\s+row\s+level\s+security\b",
    re.IGNORECASE,
)
# What these do depends on other tables, on the rows that are there, or on the server.
_DOUBTFUL: Final = re.compile(
    # A key that is added is an index, or a column of that name.
    r"^\s*alter\b.*(?:(?<!add\s)(?<!column\s)(?<!exists\s)(?<![(])\bkey"
    r"|\b(?:references|serial|convert|owner|validate|identity|expression))\b"
    r"|\bor\s+replace\b|\breplace\s+into\b"
    # MySQL moves other columns for a new one, which code may read by their places. Behind these the
    # word is the name of a column.
    r"|^\s*alter\b.*(?:(?<=[)\"'`])|(?<!\badd)(?<!\bcolumn)(?<!\bexists)(?<![(,\s])\s+)"
    r"(?:first\s*(?:[,;)]|$)|after\s*(?:\s\S|`))",
    re.IGNORECASE | re.DOTALL,
)
_MUST_BE_FILLED: Final = re.compile(r"(?<!\bdrop )\bnot\s+null\b", re.IGNORECASE)
_FILLED: Final = re.compile(r"\b(?:default|generated|auto_increment|serial)\b", re.IGNORECASE)
_BY_NULL: Final = re.compile(r"\bdefault[\s(+-]*(?:cast\s*\(\s*)?null\b", re.IGNORECASE)
_NEW_COLUMN: Final = re.compile(
    r"\badd\s*(?:column\b\s*)?(?:if\s+not\s+exists\b\s*)?(?:\(\s*)?[\"`\[']?(\w+)", re.IGNORECASE
)
_LIST: Final = re.compile(r"\badd\s*(?:column\s*)?(?:if\s+not\s+exists\s*)?\Z", re.IGNORECASE)
# So many characters `ADD COLUMN IF NOT EXISTS` takes, with some blanks.
_LONGEST_ADD: Final = 60
_ADDITIVE: Final = re.compile(
    r"^\s*(?:create\s+(?!or\s+replace\b)(?:(?:global\s+|local\s+)?temp(?:orary)?\s+|unlogged\s+)?"
    r"(?:table|database|index|view|materialized\s+view|type|schema|sequence|extension|role|user|domain"
    r"|collation|statistics)\b"
    r"|alter\s+table\b[^;]*?\b(?:add|alter\s+(?:column\s+)?\S+\s+(?:set|drop)|validate)\b"
    r"|alter\s+type\b.*\badd\s+value\b|insert\b|update\b|merge\b|select\b|comment\s+on\b|grant\b"
    r"|begin\b|start\s+transaction\b|commit\b|end\b|set\b|reset\b|lock\b|analyze\b|vacuum\b"
    r"|explain\b|show\b|use\b|pragma\b|with\b)",
    re.IGNORECASE | re.DOTALL,
)
_MADE: Final = re.compile(
    r"\s*create\s+(?:temp(?:orary)?\s+|unlogged\s+)?table\s+(?:(if\s+not\s+exists)\s+)?([^\s(]+)",
    re.IGNORECASE,
)
_CHANGED: Final = re.compile(
    r"\s*(?:alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?|create\s+unique\s+index\b.*?\bon\s+"
    r"(?:only\s+)?|delete\s+from\s+(?:only\s+)?|truncate\s+(?:table\s+)?(?:only\s+)?"
    r"|drop\s+table\s+(?:if\s+exists\s+)?)([^\s(;,]+)\s*(,?)",
    re.IGNORECASE | re.DOTALL,
)


# A database that is waited for is asked something.
_ASKS: Final = re.compile(r"\s*(?:select|show)\b[^;]*+;?\s*+", re.IGNORECASE)


class Contract(Struct, frozen=True):
    """What a statement takes away, in its own words."""

    words: str


class Unclear(Struct, frozen=True):
    """A statement that nobody here understands, by its beginning."""

    words: str


def statements_in(word: str) -> str:
    """The SQL that a word of a command is, or an option in it; empty if it is none."""
    # What is left of bash's $'...'.
    text = _OPTION.sub("", word, count=1).removeprefix("$")
    return text if _HEAD.match(text) and re.search(r"\s", text.strip()) else ""


def worst(text: str, dialect: Dialect) -> Contract | Unclear | None:
    """The first contract of a text, else the first statement that is not understood."""
    found = [*_judged(text[:_LONGEST], dialect)]
    if len(text) > _LONGEST:
        found.append(Unclear("what is longer than a manifest"))
    contracts = [each for each in found if isinstance(each, Contract)]
    return next(iter(contracts or found), None)


def _judged(text: str, dialect: Dialect) -> Iterator[Contract | Unclear]:
    made: set[str] = set()
    for statement in split(text, dialect):
        if match := _MADE.match(statement.sql):
            if not match[1]:
                made.add(_name(match[2]))
        elif (changed := _CHANGED.match(statement.sql)) and _is_new(changed, made):
            continue
        if not statement.unsure and _only_explains(statement.bare):
            continue
        bare = _EXPLAINS.sub("", statement.bare, count=1)
        if words := _contract(bare) or _hides(statement.sql, dialect):
            yield Contract(" ".join(words.split()))
        elif statement.unsure or not _is_additive(bare):
            yield Unclear(" ".join(statement.sql.split())[:40])


def _actions(bare: str) -> Iterator[str]:
    """The actions of an ALTER, each of which has a NOT NULL and a DEFAULT of its own; of MySQL's
    `ADD (a int, b int)` the columns."""
    start, are_columns = 0, list[bool]()
    for found in re.finditer("[(),]", bare):
        at = found.start()
        if found[0] == "(":
            are_columns.append(bool(_LIST.search(bare[max(start, at - _LONGEST_ADD) : at])))
        elif found[0] == ")":
            del are_columns[-1:]
        elif all(are_columns):
            yield bare[start:at]
            start = found.end()
    yield bare[start:]


def _is_filled(bare: str) -> bool:
    """Whether rows that the version before writes get a value in a column that must have one."""
    return bool(_FILLED.search(bare)) and not _BY_NULL.search(bare)


def _name(text: str) -> str:
    """A name without its quotes."""
    return re.sub(r"[\"`]", "", text).lower()


def _is_new(changed: re.Match[str], made: set[str]) -> bool:
    """Whether it is about a table of the same file alone: the version before does not know it."""
    return _name(changed[1]) in made and not changed[2]


def only_asks(sql: str) -> bool:
    """Whether a single statement reads, as whoever waits for a database does."""
    return bool(_ASKS.fullmatch(_EXPLAINS.sub("", sql, count=1))) or (
        _only_explains(sql) and ";" not in sql.strip().rstrip(";")
    )


def _only_explains(sql: str) -> bool:
    """Whether it runs nothing of what it explains."""
    explains = _EXPLAINS.match(sql)
    return explains is not None and not _RUNS_IT.search(explains[0])


def _is_additive(bare: str) -> bool:
    return bool(_ADDITIVE.match(bare)) and not _DOUBTFUL.search(bare)


def _hides(sql: str, dialect: Dialect) -> str:
    """A new column whose name means something else to old queries."""
    columns = _NEW_COLUMN.finditer(sql) if _ALTER.match(sql) else ()
    return next((each[0] for each in columns if each[1].lower() in TAKEN_NAMES[dialect]), "")


def _contract(bare: str) -> str:
    if found := _CONTRACT.search(bare):
        return found[0]
    if altered := _ALTER.match(bare):
        if taken := _TIGHTENS.search(bare, altered.end()):
            return f"{altered[0]} ... {taken[0]}"
        if any(_MUST_BE_FILLED.search(each) and not _is_filled(each) for each in _actions(bare)):
            return f"{altered[0]} ... NOT NULL"
    return ""
