"""`drainproxy migration lint`: exit codes and what is printed."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.migration import migration
from drainproxy.extras import install_hint

EXPAND = "ALTER TABLE orders ADD COLUMN note text;\n"
CONTRACT = "-- a\nDROP TABLE orders;\n"
UNKNOWN = "SELECT 1;\n"


def run(*arguments: str, stdin: bytes | str = "") -> Result:
    return CliRunner().invoke(migration, ["lint", *arguments], input=stdin)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = {"expand.sql": EXPAND, "contract.sql": CONTRACT, "unknown.sql": UNKNOWN}
    for name, text in (texts | {"migrate.sql": "UPDATE a SET x = 1"}).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.sql").write_bytes(b"\xff\xfeD\x00")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("expand.sql", 0),
        ("expand.sql migrate.sql", 0),
        ("expand.sql contract.sql migrate.sql", 1),
        ("expand.sql unknown.sql", 3),
        ("unknown.sql contract.sql", 1),
        ("expand.sql missing.sql", 2),
        ("contract.sql binary.sql", 2),
        (".", 2),
        ("", 2),
    ],
)
def test_the_exit_code_is_that_of_the_strictest(files: Path, names: str, code: int) -> None:
    assert run(*names.split()).exit_code == code


def test_json_is_a_list_of_statements(files: Path) -> None:
    done = run("-o", "json", "expand.sql", "contract.sql")

    assert json.loads(done.stdout) == [
        {
            "file": "expand.sql",
            "line": 1,
            "phase": "expand",
            "reason": "adds a column",
            "statement": "ALTER TABLE orders ADD COLUMN note text",
        },
        {
            "file": "contract.sql",
            "line": 2,
            "phase": "contract",
            "reason": "drops something that code of the version before may use",
            "statement": "DROP TABLE orders",
        },
    ]


def test_people_read_lines_and_the_phase_of_each_file(files: Path) -> None:
    assert run("expand.sql", "contract.sql").stdout == (
        "expand.sql:1: expand: adds a column\n"
        "    ALTER TABLE orders ADD COLUMN note text\n"
        "expand.sql: expand\n"
        "contract.sql:2: contract: drops something that code of the version before may use\n"
        "    DROP TABLE orders\n"
        "contract.sql: contract\n"
    )


def test_standard_input_is_a_file_called_dash() -> None:
    done = run("-", "-o", "json", stdin=EXPAND)

    assert json.loads(done.stdout)[0]["file"] == "-"
    assert run("-", stdin=b"\xff").exit_code == 2


def test_standard_input_is_read_once(files: Path) -> None:
    done = run("-", "expand.sql", "-", "missing.sql", stdin=CONTRACT)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "-: is standard input, which can be read once" in done.stderr
    assert "missing.sql: No such file" in done.stderr
    # A file may be named twice, and is read once.
    assert run("expand.sql", "expand.sql").stdout == run("expand.sql").stdout


def test_findings_of_squawk_name_the_file_that_squawk_has_read() -> None:
    violation = {"file": "db/7.sql", "line": 2, "rule_name": "ban-drop-column", "message": "m"}
    done = run("-", stdin=json.dumps([violation]))

    assert done.stdout == ("db/7.sql:3: contract: squawk: ban-drop-column: m\ndb/7.sql: contract\n")


def test_the_dialect_is_that_of_the_server(files: Path) -> None:
    text = "ALTER TABLE `orders` ADD COLUMN `note` text"

    assert run("--dialect", "mysql", "-", stdin=text).exit_code == 0
    assert run("--dialect", "MariaDB", "-", stdin=text).exit_code == 0
    assert run("--dialect", "sqlite", "-", stdin=text).exit_code == 0
    assert run("--dialect", "postgresql", "-", stdin=text).exit_code == 3


def test_the_tool_says_which_part_is_run() -> None:
    text = f"-- migrate:up\n{EXPAND}-- migrate:down\n{CONTRACT}"

    assert run("-", stdin=text).exit_code == 1
    assert run("--tool", "dbmate", "-", stdin=text).exit_code == 0


def test_all_mistakes_are_said_at_once(files: Path) -> None:
    done = run("--dialct", "x", "--dialect", "oracle", "--tool", "goos", "-o", "xml", "a.sql", ".")

    assert done.exit_code == 2
    assert done.stdout == ""
    for line in (
        "--dialct: is not known: did you mean --dialect?",
        "--dialect: 'oracle' is not one of postgres, postgresql, mysql, mariadb, sqlite",
        "--tool: 'goos' is not one of plain, dbmate, goose, sql-migrate: did you mean goose?",
        "--output: 'xml' is not one of human, json",
        "a.sql: No such file or directory",
        ".: Is a directory",
    ):
        assert line in done.stderr


def test_what_is_missing_is_named(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    done = run("expand.sql")

    assert done.exit_code == 2
    assert done.stderr == f"needs sqlglot: {install_hint('migrations')}\n"
