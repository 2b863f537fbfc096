"""Help of every command: short enough to find one's way, and true."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from drainproxy.cli import main
from drainproxy.cli.help import Command
from drainproxy.config import SECTIONS, TABLE
from tests.conftest import ROOT
from tests.kube.tls import Authority

# More options than this are divided, so that nobody reads all of them for one.
MOST_IN_ONE_SECTION = 20

MANIFESTS = ROOT / "deploy" / "examples"


class Named(NamedTuple):
    """A command, and how it is called."""

    path: tuple[str, ...]
    command: click.Command


def walk(command: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[Named]:
    yield Named(path, command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from walk(found, (*path, name))


EVERY = [pytest.param(each, id=" ".join(each.path) or "drainproxy") for each in walk()]


def text_of(named: Named, option: str = "--help") -> str:
    # Another test that has called it without the whole has made it remember another option.
    named.command._help_option = None
    result = CliRunner().invoke(main, [*named.path, option], terminal_width=80)
    assert result.exit_code == 0
    return result.output


def examples(text: str) -> Iterator[list[str]]:
    """The arguments of each example, with what shells put around it taken away."""
    whole = text.replace("\\\n", " ")
    for line in whole.splitlines():
        if line.startswith("    drainproxy ") and "COMMAND" not in line:
            words = shlex.split(line, comments=True)
            yield list(takewhile(lambda word: not re.match(r"[|&<>]", word), words[1:]))


@pytest.mark.parametrize("named", EVERY)
def test_h_is_help(named: Named) -> None:
    assert text_of(named, "-h") == text_of(named)


@pytest.mark.parametrize("named", EVERY)
def test_the_summary_of_a_man_page_is_whole(named: Named) -> None:
    # click-man asks for the one or, since 0.6, the other.
    for summary in (named.command.get_short_help_str(), named.command.short_help):
        assert summary
        assert not summary.endswith("...")


@pytest.mark.parametrize("named", EVERY)
def test_each_option_says_what_it_does(named: Named) -> None:
    params = named.command.get_params(click.Context(named.command))
    options = [each for each in params if isinstance(each, click.Option)]

    assert options
    assert [each.opts for each in options if not each.help] == []


@pytest.mark.parametrize("named", EVERY)
def test_each_command_has_examples_that_can_be_typed(named: Named) -> None:
    text = text_of(named)
    found = list(examples(text))

    assert found or named.path == (), text
    for arguments in found:
        parse(main, arguments)


@pytest.mark.parametrize("path", [(), ("inject",), ("uninject",)])
def test_examples_about_manifests_do_as_they_say(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anything in the environment, and with no more than the files that they name."""
    monkeypatch.chdir(tmp_path)
    for file in ("deployment.yaml", "shop.yaml", "manifests/web.yaml"):
        Path(file).parent.mkdir(exist_ok=True)
        shutil.copy(MANIFESTS / "http.yaml", file)
    shutil.copy(MANIFESTS / "injected" / "http.yaml", "injected.yaml")
    found = [each for each in examples(text_of(walked(path))) if each[0].endswith("inject")]

    assert found
    for arguments in found:
        done = CliRunner(env={"DRAINPROXY_IMAGE": None}).invoke(main, arguments)
        assert done.exit_code == 0, (arguments, done.output)


def test_examples_of_the_webhook_name_all_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("drainproxy.cli.webhook._run", lambda *given: started.append(given))
    monkeypatch.chdir(tmp_path)
    Authority().pair(tmp_path)
    found = list(examples(text_of(walked(("webhook",)))))
    for arguments in found:
        done = CliRunner(env={"DRAINPROXY_WEBHOOK_IMAGE": None}).invoke(main, arguments)
        assert done.exit_code == 0, (arguments, done.output)

    assert len(started) == len(found)


def walked(path: tuple[str, ...]) -> Named:
    return next(each for each in walk() if each.path == path)


def parse(command: click.Command, arguments: list[str]) -> None:
    """As far as a command can be read without being done."""
    context = command.make_context("drainproxy", list(arguments), resilient_parsing=False)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        parse(found, rest)


@pytest.mark.parametrize("named", EVERY)
def test_no_summary_is_cut(named: Named) -> None:
    if isinstance(named.command, click.Group):
        context = click.Context(named.command)
        text = " ".join(text_of(named).split())
        for name in named.command.list_commands(context):
            found = named.command.get_command(context, name)
            assert found is not None
            assert f"{name} {found.get_short_help_str(1000)}" in text


@pytest.mark.parametrize("named", EVERY)
def test_many_options_stand_in_sections(named: Named) -> None:
    _, _, behind = text_of(named).partition("\nOptions:\n")
    options = behind.partition("\n\n")[0].count("\n  -")

    assert options <= MOST_IN_ONE_SECTION


def test_settings_stand_under_what_they_are_about() -> None:
    text = text_of(Named(("run",), main))

    assert "\nDrain:\n  --drain-delay" in text
    assert "\nAdmin port:\n  --admin" in text
    assert SECTIONS.keys() == {row.name for row in TABLE}
    assert "" not in SECTIONS.values()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell: str) -> None:
    environ = {"_DRAINPROXY_COMPLETE": f"{shell}_source"}
    result = CliRunner(env=environ).invoke(main, prog_name="drainproxy")

    assert result.exit_code == 0
    assert "_DRAINPROXY_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("words", "completion"),
    [
        ("drainproxy reb", "rebalance"),
        ("drainproxy run --drain-del", "--drain-delay"),
        ("drainproxy health --probe li", "livez"),
        ("drainproxy run --websocket-drain w", "wait"),
    ],
)
def test_completion_knows_commands_options_and_words(words: str, completion: str) -> None:
    last = len(words.split()) - 1
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(last)}
    environ = {"_DRAINPROXY_COMPLETE": "bash_complete", **asked}
    result = CliRunner(env=environ).invoke(main, prog_name="drainproxy")

    assert f"plain,{completion}" in result.output


def test_completion_leaves_files_to_the_shell() -> None:
    words = "drainproxy run --report-file /de"
    asked = {"COMP_WORDS": words, "COMP_CWORD": "3"}
    environ = {"_DRAINPROXY_COMPLETE": "bash_complete", **asked}

    result = CliRunner(env=environ).invoke(main, prog_name="drainproxy")
    assert result.output == "file,/de\n"


def test_help_of_the_whole_asks_for_nothing_that_takes_long() -> None:
    """A heavy import would be felt at every Tab."""
    code = (
        "import sys; from drainproxy.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('aiohttp', 'grpc', 'ruamel', 'lightkube', 'sqlglot')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_says_all_wrong_values_at_once() -> None:
    plain = {each.path for each in walk() if not isinstance(each.command, Command | click.Group)}
    assert plain == set()
