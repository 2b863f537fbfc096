"""The options of a command that runs a sidecar, read off the table of settings."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from drainproxy.config import (
    CONFIG_ENVIRONMENT,
    TABLE,
    ConfigError,
    ConfigFile,
    Mistake,
    Setting,
    Sources,
)

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)


def setting_options(command: Command) -> Command:
    """Add `--config FILE` and one option per setting.

    Every value arrives as the text that was given, or `None`: judging it is the table's affair.
    """
    for row in reversed(TABLE):
        command = _option(row)(command)
    return click.option(
        "--config",
        metavar="FILE",
        envvar=CONFIG_ENVIRONMENT,
        help="A YAML file of settings; flags, environment and annotations beat it.",
    )(command)


def sources(given: Mapping[str, Any]) -> Sources:
    """The sources behind a command's options: its flags, the environment and the file.

    Raises `ConfigError` if the file cannot be read.
    """
    rows = {row.field: row.name for row in TABLE}
    flags = {
        rows[field]: text
        for field, text in given.items()
        if field in rows and text not in (None, ())
    }
    return Sources(flags=flags, environ=dict(os.environ), file=_config_file(given.get("config")))


def _option(row: Setting) -> Callable[[Command], Command]:
    return click.option(
        row.flag,
        row.field,
        metavar=row.kind.metavar,
        multiple=row.kind.repeatable,
        default=None,
        hidden=bool(row.later),
        help=row.description + (f"  [default: {row.default_text}]" if row.default_text else ""),
    )


def _config_file(path: str | None) -> ConfigFile | None:
    if path is None:
        return None
    try:
        return ConfigFile(path, Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError([Mistake("flag --config", "config", f"{path!r}: {why}")]) from None
