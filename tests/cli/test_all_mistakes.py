"""All that is wrong with a command line is said in one run, with exit code 2."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli import main

SELECTOR = "'x' is no selector: write matchers such as"
LINES: list[tuple[str, list[str]]] = [
    (
        "rehearse --replicas x --http y --sse 1 --path z",
        [
            "Invalid value for '--replicas': 'x' is not a valid whole number.",
            "Invalid value for '--http': 'y' is not a valid whole number.",
            "--path: a path begins with /: 'z' does not",
        ],
    ),
    (
        "check -o foo --only nope --skip single-replca",
        [
            "Invalid value for '-o' / '--output': 'foo' is not one of 'human', 'json',",
            "--only: there is no rule 'nope': `drainproxy check --list` has them all",
            "--skip: there is no rule 'single-replca': did you mean single-replica?",
        ],
    ),
    (
        "check --explan budget-missing -o foo nothing.yaml",
        [
            "No such option '--explan'. Did you mean '--explain'?",
            "Invalid value for '-o' / '--output': 'foo' is not one of",
            "budget-missing: No such file or directory",
            "nothing.yaml: No such file or directory",
        ],
    ),
    (
        "check --explain nope --only nor -o",
        [
            "Option '-o' requires an argument.",
            "--explain: there is no rule 'nope'",
            "--only: there is no rule 'nor'",
        ],
    ),
    (
        "check --strict --strict=1 -o json -zz --explain nope -z -o",
        [
            "Option '--strict' does not take a value.",
            "No such option '-z'.",
            "Option '-o' requires an argument.",
            "--explain: there is no rule 'nope'",
        ],
    ),
    (
        "inject --only foo --capture q --drain-delay 3 --nix=1 --strict=2 nothing.yaml",
        [
            "No such option '--nix'.",
            "Option '--strict' does not take a value.",
            "Invalid value for '--only': 'foo' is not one of 'workloads', 'services'.",
            "flag --capture: 'q' is not one of auto, names, redirect",
            "flag --drain-delay: '3' is not a duration, such as",
            "nothing.yaml: No such file or directory",
        ],
    ),
    (
        "uninject --only foo nothing.yaml",
        ["Invalid value for '--only': 'foo'", "nothing.yaml: No such file or directory"],
    ),
    (
        "gate canary --window ten --canary x --stable x -z",
        [
            "No such option '-z'.",
            "Invalid value for '--window': 'ten' is not a duration, such as",
            f"Invalid value for '--canary': {SELECTOR}",
            f"Invalid value for '--stable': {SELECTOR}",
        ],
    ),
    (
        "gate canary --canary x --stable x",
        [
            f"Invalid value for '--canary': {SELECTOR}",
            f"Invalid value for '--stable': {SELECTOR}",
        ],
    ),
    (
        'gate all --version one --canary x --app a/b --service a"b --slo 99.9',
        [
            "Invalid value for '--version': 'one' is not a valid whole number.",
            "Invalid value for '--slo': '99.9' is no objective: write 99.9% or 0.999",
            f"Invalid value for '--canary': {SELECTOR}",
            "Invalid value for '--service': ",
            "Invalid value for '--app': 'a/b' is not the name of an app",
        ],
    ),
    (
        "gate migration --app a/b",
        ["Missing option '--version'.", "Invalid value for '--app': 'a/b' is not the name of"],
    ),
    (
        "gate serve --timeout 0 --listen x",
        [
            "Invalid value for '--timeout': '0' is not from 100ms to 1h",
            "Invalid value for '--listen': 'x' has no port between",
        ],
    ),
    (
        "smoke nothing.yaml -o foo --retries x --variable 1",
        [
            "Invalid value for '-o' / '--output': 'foo' is not one of 'human', 'json', 'junit'.",
            "flag --retries: 'x' is not a whole number",
            "flag --variable: '1' is not NAME=VALUE",
            "nothing.yaml: No such file or directory",
        ],
    ),
    (
        "migration begin kontract --app a/b --nix -o",
        [
            "Option '-o' requires an argument.",
            "--nix: is not known",
            "--app: 'a/b' is not the name of an app",
            "--version: is missing",
            "PHASE: 'kontract' is not one of expand, migrate, contract: did you mean contract?",
        ],
    ),
    (
        "migration lint --dialect oracle nothing.sql --tool",
        [
            "Option '--tool' requires an argument.",
            "--dialect: 'oracle' is not one of",
            "nothing.sql: No such file or directory",
        ],
    ),
    (
        "rebalance --over x --from 5",
        [
            "Invalid value for '--over': 'x' is not a duration",
            "give --percent, or --from and --to",
        ],
    ),
    (
        "webhook --tls-days x --tls-secret a/b",
        [
            "Invalid value for '--tls-days': 'x' is not a valid whole number.",
            "--tls-secret needs --tls-host and --webhook-configuration",
        ],
    ),
    (
        "rehearse --gate --http 0 --surge 0 --unavailable 0 --nix",
        [
            "No such option '--nix'.",
            "--surge and --unavailable cannot both be 0: nothing could change",
            "--gate needs --strategy canary",
            "--gate needs --http clients",
        ],
    ),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(line: str) -> Result:
    return CliRunner().invoke(main, line.split())


@pytest.mark.parametrize(("line", "said"), LINES, ids=[line for line, _ in LINES])
def test_all_mistakes_of_a_line_are_said_in_one_run(line: str, said: list[str]) -> None:
    done = run(line)

    assert (done.exit_code, done.stdout) == (2, "")
    mistakes = done.stderr.partition("Error: ")[2].splitlines()
    assert [each[: len(start)] for each, start in zip(mistakes, said, strict=True)] == said


def test_one_wrong_value_is_said_as_click_says_it() -> None:
    done = run("check -o xml")
    assert done.exit_code == 2
    assert "Error: Invalid value for '-o' / '--output': 'xml' is not one of" in done.output


def test_what_is_wrong_is_not_said_to_be_missing() -> None:
    """--version is there; nobody can tell what else it asks for."""
    done = run("gate all --app shop --version one")
    assert done.stderr.partition("Error: ")[2].count("\n") == 1
    assert "say what its record is asked for" not in done.stderr


def test_an_argument_too_many_is_no_mistake_where_it_may_be_a_value() -> None:
    assert "unexpected extra arguments (b)" in run("smoke http://a b -o foo").stderr
    assert "unexpected" not in run("smoke http://a --variabel b -o foo").stderr


@pytest.mark.parametrize(
    ("line", "said"), [("check -o foo -", 1), ("smoke - -o foo --retries x --timeout 1s", 2)]
)
def test_nobody_has_to_type_a_file_to_be_told_of_an_option(
    line: str, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drainproxy.cli.manifests.is_terminal", lambda: True)
    read: list[object] = []
    monkeypatch.setattr("drainproxy.cli.smoke._text", read.append)
    monkeypatch.setattr("drainproxy.cli.check_input._file", lambda *_, **__: read.append(_))

    assert run(line).stderr.partition("Error: ")[2].count("\n") == said
    assert read == []


def test_help_is_not_printed_in_place_of_mistakes() -> None:
    done = run("check --nix --help")
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_line_of_endless_mistakes_is_not_read_to_its_end() -> None:
    done = run("check " + " ".join(f"--x{number}" for number in range(3_000)))
    assert done.exit_code == 2
    assert done.stderr.count("No such option") == 20
    assert run("check " + "-x " * 3_000).stderr.count("No such option") == 1
