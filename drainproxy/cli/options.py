"""The options of a command that runs a sidecar, made from the table of settings."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.help import Option
from drainproxy.config import (
    CONFIG_ENVIRONMENT,
    SECTIONS,
    TABLE,
    ConfigFile,
    Mistake,
    Setting,
    Sources,
)
from drainproxy.config.kinds import PATH

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)


def setting_options(command: Command) -> Command:
    """Add `--config FILE` and one option per setting.

    Every value arrives as the text that was given, or `None`: judging it is the table's affair.
    """
    for row in reversed(TABLE):
        command = option(row)(command)
    return click.option(
        "--config",
        metavar="FILE",
        envvar=CONFIG_ENVIRONMENT,
        help="A YAML file of settings; annotations, environment and flags override it.",
    )(command)


def option(row: Setting) -> Callable[[Command], Command]:
    """The option of one row of the table."""
    return click.option(
        row.flag,
        row.field,
        metavar=row.kind.metavar,
        multiple=row.kind.repeatable,
        default=None,
        hidden=bool(row.later),
        cls=Option,
        shell_complete=_completion(row),
        section=SECTIONS.get(row.name, "Annotations of the pods"),
        help=row.description + (f"  [default: {row.default_text}]" if row.default_text else ""),
    )


def _completion(row: Setting) -> Callable[..., list["CompletionItem"]]:
    """What a shell may offer for a value: the words of a setting that has words, or files."""
    words = row.kind.metavar.split("|") if "|" in row.kind.metavar else ()

    def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list["CompletionItem"]:
        from click.shell_completion import CompletionItem  # no command needs it, but a shell

        if row.kind is PATH:
            return [CompletionItem(begun, type="file")]
        return [CompletionItem(word) for word in words if word.startswith(begun)]

    return complete


def sources(given: Mapping[str, Any], unknown: Sequence[str] = ()) -> tuple[Sources, list[Mistake]]:
    """The sources behind a command's options (its flags, the environment, the file), and what is
    wrong before any value is looked at.

    `unknown` are the arguments that no option took: the table of settings knows what was meant.
    """
    rows = {row.field: row.name for row in TABLE}
    flags = {
        rows[field]: text
        for field, text in given.items()
        if field in rows and text not in (None, ())
    }
    strange, mistakes = _unknown_flags(unknown)
    file = None
    if (path := given.get("config")) is not None:
        try:
            file = ConfigFile(path, Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeError) as error:
            mistakes.append(Mistake("flag --config", "config", unreadable(path, error)))
    return Sources(flags=flags | strange, environ=dict(os.environ), file=file), mistakes


def judge_settings(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with values of settings that go to a sidecar later, each for itself: a judge of
    a command line. What does not go together depends on where the sidecar will run."""
    for row in TABLE:
        text = given.get(row.field)
        texts = text if row.kind.repeatable else [text]
        for each in texts or ():
            try:
                if each is not None:
                    row.read(each)
            except ValueError as error:
                yield f"{row.flag}: {error}"


def unreadable(path: str, error: OSError | UnicodeError) -> str:
    """Why a file that a setting names cannot be read."""
    return f"{path!r}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"


def _unknown_flags(arguments: Sequence[str]) -> tuple[dict[str, str], list[Mistake]]:
    """Flags that no option took, each with what follows as its value; and what belongs to none."""
    flags: dict[str, str] = {}
    mistakes = []
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name, _, flags[name] = argument[2:].partition("=")
        elif name:
            flags[name], name = argument, ""
        else:
            problem = "is no setting: write the app's command after --"
            mistakes.append(Mistake(f"argument {argument!r}", argument, problem))
    return flags, mistakes
