"""`drainproxy gate`: the verdict is the exit code, and what is not said is a hold."""

import json

import pytest
from click.testing import CliRunner, Result

from drainproxy.cli.gate import gate

NOBODY = ("--prometheus", "http://127.0.0.1:1")
BOTH = ("--canary", 'version="2"', "--stable", 'version="1"')


def called(*arguments: str) -> Result:
    return CliRunner().invoke(gate, [*arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--canary-hash", "", "--stable-hash", "abc"),
        ("--canary-hash", "abc"),
        ("--canary", " ", "--stable", 'a="b"'),
    ],
)
def test_a_version_that_was_not_named_is_a_hold(arguments: tuple[str, ...]) -> None:
    done = called("canary", *arguments)
    assert done.exit_code == 3
    assert done.output.startswith("hold: ")
    assert "--canary" in done.output or "--stable" in done.output


def test_without_an_answer_it_is_a_hold_that_says_what_was_asked() -> None:
    done = called("canary", *BOTH, *NOBODY, "-o", "json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["verdict"], said["signals"]) == (3, "hold", [])
    assert 'drainproxy_requests_total{version="2"}[600s]' in said["queries"]


def test_advice_never_fails() -> None:
    assert called("canary", *BOTH, *NOBODY, "--advise").exit_code == 0


def test_a_budget_without_an_answer_is_a_hold() -> None:
    assert called("budget", "--service", "shop", *NOBODY).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("canary", "--canary", "up", "--stable", 'a="b"'), "--canary"),
        (("canary", *BOTH, "--slo", "99.9"), "99.9%"),
        (("canary", *BOTH, "--window", "ten"), "--window"),
        (("canary", *BOTH, "--tolerate", "0.5"), "--tolerate"),
        (("canary", *BOTH, "--header", "nothing"), "Name: value"),
        (("budget", "--service", 'a"b'), "--service"),
        (("budget",), "--service"),
    ],
)
def test_wrong_use_is_exit_code_2_and_names_the_option(
    arguments: tuple[str, ...], named: str
) -> None:
    done = called(*arguments)
    assert done.exit_code == 2
    assert named in done.output
