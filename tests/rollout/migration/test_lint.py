"""What takes away is never called expand or migrate, and what is not understood is unknown."""

import pytest

from drainproxy.rollout.migration.lexer import Dialect
from drainproxy.rollout.migration.lint import StatementFinding, lint, worst
from tests.rollout.migration.corpora import ALL, CONTRACTS, DIALECTS, cases


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_statement_of_the_corpus_has_its_phase(dialect: Dialect) -> None:
    wrong = []
    for case in cases(dialect):
        found = lint("f.sql", case.sql, dialect)
        if worst(found) not in case.phases or not all(each.reason for each in found):
            wrong.append((case.sql, case.phases, [(each.phase, each.reason) for each in found]))
    assert wrong == []


def test_the_corpus_is_as_large_as_it_is_to_be() -> None:
    assert len({(case.dialect, case.sql) for case in ALL}) == len(ALL) > 600
    assert len(CONTRACTS) > 200
    for dialect in DIALECTS:
        assert {phase for case in cases(dialect) for phase in case.phases} == {
            "expand",
            "migrate",
            "contract",
            "unknown",
        }


def test_each_statement_has_its_line_and_its_text() -> None:
    text = (
        "-- a change\n\nBEGIN;\nALTER TABLE orders\n  ADD COLUMN n int;  UPDATE orders SET n = 0;\n"
        "/* the\n   end */\nDROP TABLE 'x';\nCOMMIT;\n\nDO $$\nBEGIN\nEND $$;"
    )
    found = lint("a/b.sql", text)

    assert [(each.file, each.line, each.phase, each.statement) for each in found] == [
        ("a/b.sql", 4, "expand", "ALTER TABLE orders ADD COLUMN n int"),
        ("a/b.sql", 5, "migrate", "UPDATE orders SET n = 0"),
        ("a/b.sql", 8, "contract", "DROP TABLE 'x'"),
        ("a/b.sql", 11, "unknown", "DO $$ BEGIN END $$"),
    ]
    assert worst(found) == "contract"


@pytest.mark.parametrize("text", ["", "\n\n", "-- DROP TABLE x", "/* nothing */", ";;", "\ufeff"])
def test_a_file_without_a_statement_is_unknown(text: str) -> None:
    assert lint("f.sql", text) == [
        StatementFinding("f.sql", 1, "unknown", "it holds no statement: is it the right file?")
    ]


@pytest.mark.parametrize("text", ["BEGIN; COMMIT;", "SET lock_timeout = '1s';"])
def test_a_file_that_changes_nothing_is_unknown(text: str) -> None:
    assert worst(lint("f.sql", text)) == "unknown"


def test_line_ends_of_windows_are_line_ends() -> None:
    found = lint("f.sql", "\ufeffALTER TABLE a\r\nADD COLUMN x int;\r\n-- c\r\nDROP TABLE b\r\n")

    assert [(each.line, each.phase) for each in found] == [(1, "expand"), (4, "contract")]


def test_a_phase_is_the_strictest_of_its_statements() -> None:
    def phase(*phases: str) -> str:
        kinds = {
            "expand": "CREATE TABLE t (x int)",
            "migrate": "UPDATE a SET x = 1",
            "contract": "DROP TABLE b",
            "unknown": "SELECT 1",
        }
        return worst(lint("f.sql", ";".join(kinds[each] for each in phases)))

    assert phase("expand", "migrate") == "migrate"
    assert phase("migrate", "unknown", "expand") == "unknown"
    assert phase("unknown", "contract", "expand") == "contract"


def test_what_cannot_be_read_surely_spoils_all_behind_it() -> None:
    found = lint("f.sql", "CREATE TABLE a (x int);\nSELECT '\\'';\nCREATE TABLE b (x int);")

    assert [each.phase for each in found] == ["expand", "unknown", "unknown"]
    assert "a backslash before a quote" in found[2].reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "UPDATE a SET x = " + "-" * 9 + "1",
        "UPDATE a SET x = " + "NOT " * 5000 + "1",
        "CREATE TABLE a (" + "x int, " * 3000 + "y int)",
        "\x00DROP TABLE a",
        "CREATE TABLE a (x int)\x00; DROP TABLE a",
        "CREATE TABLE a (x int) -- \u2028 DROP TABLE a",
        "CREATE TABLE a (x int) -- \r DROP TABLE a",
        "CREATE TABLE a (x int) -- \u202e DROP TABLE a",
        "CREATE\u00a0TABLE a (x int)",
        "CREATE TABLE a (\u017f int)",
    ],
)
def test_hostile_text_is_unknown_and_no_traceback(sql: str) -> None:
    assert worst(lint("f.sql", sql)) in ("unknown", "contract", "expand")
    if not sql.startswith("CREATE TABLE a (x int, "):
        assert worst(lint("f.sql", sql)) != "expand"


def test_a_comment_that_ends_at_another_line_end_hides_nothing() -> None:
    for end in ("\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"):
        text = f"ALTER TABLE a ADD COLUMN x int; --{end}DROP TABLE b;\n"
        assert worst(lint("f.sql", text)) == "unknown", repr(end)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_file_of_drizzle_is_judged_statement_by_statement(dialect: Dialect) -> None:
    text = (
        "CREATE TABLE users (id int PRIMARY KEY);\n--> statement-breakpoint\n"
        "ALTER TABLE orders ADD COLUMN note varchar(9);--> statement-breakpoint\nDROP TABLE old;"
    )

    assert [(each.line, each.phase) for each in lint("f.sql", text, dialect)] == [
        (1, "expand"),
        (3, "expand"),
        (4, "contract"),
    ]


def test_a_statement_that_drizzle_cuts_is_unknown() -> None:
    cut = "ALTER TABLE a ADD COLUMN x int NOT NULL\n--> statement-breakpoint\nDEFAULT 0;"

    assert worst(lint("f.sql", cut)) == "unknown"


def test_mysql_reads_two_dashes_as_a_comment_only_before_a_blank() -> None:
    text = "UPDATE t SET a = 5--1; DROP TABLE y;\n;"

    assert worst(lint("f.sql", text, "mysql")) == "unknown"
    # For the others it is a comment, and the rest of the line is none of the file.
    assert worst(lint("f.sql", text, "postgres")) == "migrate"
