"""Whatever stands around a contract, however it is written: the file is never called additive."""

import re
from collections.abc import Callable
from itertools import chain, cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.migration.lexer import Dialect, split
from drainproxy.rollout.migration.lint import lint, worst
from tests.cases import dear
from tests.rollout.migration.corpora import ALL, CONTRACTS, DIALECTS

_MADE = re.compile(r"(?i)\bCREATE (?:TEMP(?:ORARY)? )?TABLE (?:IF NOT EXISTS )?[`\"\[]?(\w+)")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]")
_SPECIAL = ("--", "#", "/*", "$", "\\", "{", ";")


ADDITIVE = {
    dialect: [
        case.sql
        for case in ALL
        if case.dialect == dialect and {*case.phases} <= {"expand", "migrate"}
    ]
    for dialect in DIALECTS
}
# No table of a contract is made in the same file, which would allow to tighten it.
VICTIMS = {
    dialect: sorted({"orders", "users", *chain(*(_MADE.findall(sql) for sql in ADDITIVE[dialect]))})
    for dialect in DIALECTS
}


def renamed(sql: str, dialect: Dialect) -> str:
    for name in VICTIMS[dialect]:
        sql = re.sub(rf"(?i)(?<!')\b{name}\b(?!')", f"{name}_victim", sql)
    return sql


SINGLE = {
    dialect: [
        renamed(case.sql, dialect)
        for case in CONTRACTS
        if case.dialect == dialect and not any(mark in case.sql for mark in _SPECIAL)
    ]
    for dialect in DIALECTS
}
BLANKS = [" ", "\n", "\t", "\r\n", "  ", " /* x */ ", " /* ; */ ", " -- DROP\n", "/**/ ", "\n--\n"]
NOISE = ["", ";", "\n;\n", "-- CREATE TABLE a (x int);\n", "/* ' */", "BEGIN;", "COMMIT;", "\n\n"]


SPELLINGS: list[Callable[[str], str]] = [str, str.upper, str.lower, str.swapcase]


@st.composite
def spelled(draw: st.DrawFn, sql: str) -> str:
    """The same statement with other blanks, comments and cases outside of quotes."""
    parts, at = [], 0
    for match in [*_QUOTED.finditer(sql), None]:
        code = sql[at : match.start() if match else len(sql)]
        change = draw(st.sampled_from(SPELLINGS))
        pieces = re.split(" ", change(code))
        blanks = [draw(st.sampled_from(BLANKS)) for _ in pieces[1:]]
        parts.append(pieces[0] + "".join(b + p for b, p in zip(blanks, pieces[1:], strict=True)))
        if match:
            parts.append(match[0])
            at = match.end()
    return "".join(parts)


@st.composite
def files(draw: st.DrawFn) -> tuple[Dialect, str]:
    """A contract somewhere among what only adds."""
    dialect = draw(st.sampled_from(DIALECTS))
    contract = draw(st.sampled_from(SINGLE[dialect]).flatmap(spelled))
    before, after = (
        draw(st.lists(st.sampled_from(ADDITIVE[dialect]), max_size=3)) for _ in range(2)
    )
    pieces = [*before, contract, *after]
    # A line comment at the end of a statement ends with the line.
    return dialect, "".join(draw(st.sampled_from(NOISE)) + piece + "\n;" for piece in pieces)


@dear
@given(files())
def test_a_file_with_a_contract_in_it_is_never_additive(file: tuple[Dialect, str]) -> None:
    dialect, text = file

    assert worst(lint("f.sql", text, dialect)) in ("contract", "unknown")


def wrapped(form: str) -> Callable[[str], str]:
    return lambda sql: form.replace("SQL", sql)


# What runs a statement that it carries, in some way or other.
WRAPPERS = [
    "DO $$ BEGIN SQL; END $$",
    "DO $x$ BEGIN SQL; END $x$",
    "CREATE FUNCTION f() RETURNS void AS $$ SQL $$ LANGUAGE sql",
    "CREATE PROCEDURE p() BEGIN SQL; END",
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN SQL; END",
    "CREATE RULE r AS ON INSERT TO a DO ALSO SQL",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SQL",
    "CREATE SCHEMA s SQL",
    "EXPLAIN ANALYZE SQL",
    "PREPARE p AS SQL",
    "WITH d AS (SQL) INSERT INTO a SELECT 1",
    "WITH d AS (SQL) UPDATE a SET x = 1",
    "INSERT INTO a WITH d AS (SQL) SELECT 1",
    "BEGIN NOT ATOMIC SQL; END",
    "/*! SQL */",
    "/*!50000 SQL */; CREATE TABLE a (x int)",
    "/*M!100000 SQL */ CREATE TABLE a (x int)",
    "CREATE TABLE a (x int) /* /* */ ; SQL; /* */ */",
    "CREATE TABLE a (x int); -- \r SQL",
    "CREATE TABLE a (x int); \\if true\nSQL;\n\\endif",
    "{# CREATE #} SQL",
    "{% if x %} SQL {% endif %}",
    "UPDATE a SET x = '\\'; SQL; --'",
    "UPDATE a SET x = 5--\n1; SQL",
    "CREATE TABLE a$$ (x int); SQL; CREATE TABLE b$$ (x int)",
    "CREATE TEMP TABLE victims (x int); SQL",
    "CREATE TABLE IF NOT EXISTS victims (x int); SQL",
    "CREATE TABLE s.victims (x int); SQL",
    'CREATE TABLE "Victims " (x int); SQL',
    "CREATE VIEW victims AS SELECT 1; SQL",
    "CREATE TABLE t (x int); ALTER TABLE t RENAME TO victims; SQL",
    "SET search_path TO s; SQL",
    "DELIMITER //\nSQL//",
    "IF true THEN SQL; END IF",
    "EXECUTE IMMEDIATE 'SQL'",
    "COPY a FROM stdin;\n1\n\\.\nSQL",
    "ALTER TABLE a ADD COLUMN x int, SQL",
    "ALTER TABLE a ADD COLUMN x int SQL",
    "INSERT INTO a VALUES (1) SQL",
    "UPDATE a SET x = (SQL)",
    "CREATE VIEW a AS SQL",
    "CREATE TABLE a AS SQL",
]


@given(st.sampled_from(DIALECTS), st.sampled_from(WRAPPERS), st.data())
def test_a_contract_that_something_else_carries_is_never_additive(
    dialect: Dialect, wrapper: str, data: st.DataObject
) -> None:
    text = wrapped(wrapper)(data.draw(st.sampled_from(SINGLE[dialect])))

    assert worst(lint("f.sql", text, dialect)) in ("contract", "unknown")


def test_a_contract_in_each_wrapper_is_never_additive() -> None:
    wrong = [
        (dialect, wrapper, sql)
        for dialect in DIALECTS
        for wrapper, sql in zip(WRAPPERS, cycle(SINGLE[dialect]), strict=False)
        if worst(lint("f.sql", wrapped(wrapper)(sql), dialect)) not in ("contract", "unknown")
    ]
    assert wrong == []


@pytest.mark.slow
def test_every_contract_in_every_wrapper_is_never_additive() -> None:
    wrong = [
        (dialect, wrapper, sql)
        for dialect in DIALECTS
        for wrapper in WRAPPERS
        for sql in SINGLE[dialect][::3]
        if worst(lint("f.sql", wrapped(wrapper)(sql), dialect)) not in ("contract", "unknown")
    ]
    assert wrong == []


FRAGMENTS = st.sampled_from(
    [
        *"'\"`[]$/*-#;(){}\\:@\n\r !+",
        *("--", "/*", "*/", "/*!", "$$", "$a$", "''", "E'", "{#", "#}", "DROP TABLE t"),
        *("ALTER TABLE a ADD COLUMN x int", "UPDATE a SET x = 'y'", "DELETE FROM t"),
    ]
)


@given(st.sampled_from(DIALECTS), st.lists(FRAGMENTS, max_size=12).map("".join))
def test_any_text_is_judged_without_a_traceback(dialect: Dialect, text: str) -> None:
    assert worst(lint("f.sql", text, dialect))
    for statement in split(text, dialect):
        assert statement.line >= 1
