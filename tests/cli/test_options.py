"""The options of a command that runs a sidecar."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from drainproxy.cli.options import setting_options, sources
from drainproxy.config import TABLE, ConfigError


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@setting_options
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Show what the sources make."""
    origin, mistakes = sources(given, context.args)
    if mistakes:
        raise ConfigError(mistakes)
    settings = origin.load()
    click.echo(f"{settings.drain_delay} {len(settings.forward)} {settings.admin_token}")


def run(*arguments: str, **environ: str) -> str:
    result = CliRunner().invoke(command, arguments, env=environ)
    return result.output if result.exception is None else str(result.exception)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in TABLE:
        monkeypatch.delenv(row.environment, raising=False)
    monkeypatch.delenv("DRAINPROXY_CONFIG", raising=False)


def test_every_setting_is_an_option() -> None:
    options = {name for option in command.params for name in option.opts}

    assert options == {"--config", *(row.flag for row in TABLE)}


def test_help_tells_meaning_and_default_of_what_can_be_set_now() -> None:
    text = " ".join(run("--help").split())

    assert "--drain-delay DURATION How long a drain waits" in text
    assert "[default: 5s]" in text
    assert "--tls-cert" not in text


def test_options_are_the_flags_and_what_is_not_given_is_no_flag() -> None:
    assert run("--forward", "8080=9000", "--forward", "1=2") == "5.0 2 None\n"
    assert run("--forward", "8080=9000", "--drain-delay", "7s") == "7.0 1 None\n"


def test_a_flag_beats_the_environment_and_that_the_file(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("forward: 8080=9000\ndrain-delay: 1s\nadmin-token: abc\n")
    environ = {"DRAINPROXY_DRAIN_DELAY": "2s"}

    assert run("--config", str(file)) == "1.0 1 abc\n"
    assert run("--config", str(file), **environ) == "2.0 1 abc\n"
    assert run("--config", str(file), "--drain-delay", "3s", **environ) == "3.0 1 abc\n"


def test_the_environment_may_say_where_the_file_is(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("forward: 8080=9000")

    assert run(DRAINPROXY_CONFIG=str(file)) == "5.0 1 None\n"


def test_an_empty_value_is_a_mistake_and_not_left_out() -> None:
    assert "flag --admin-token" in run("--forward", "8080=9000", "--admin-token", "")


def test_what_comes_later_has_an_option_that_says_so() -> None:
    assert "flag --tls-cert: not yet" in run("--forward", "8080=9000", "--tls-cert", "x")


def test_an_unknown_option_is_refused_with_what_was_meant() -> None:
    for arguments in (["--drain-dely", "5s"], ["--drain-dely=5s"], ["--drain-dely"]):
        assert "flag --drain-dely: is not a setting: did you mean --drain-delay?" in run(*arguments)


def test_an_argument_that_belongs_to_nothing_is_named() -> None:
    assert "argument 'app': is no setting" in run("--forward", "8080=9000", "app")


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"\xe9")

    assert "No such file" in run("--config", str(tmp_path / "none.yaml"))
    assert "it is not UTF-8" in run("--config", str(tmp_path / "latin.yaml"))
