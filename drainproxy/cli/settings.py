"""`drainproxy settings`: the table of settings, printed from the code."""

import shutil
import sys
from typing import TYPE_CHECKING

import click

from drainproxy.cli.help import Command, examples

if TYPE_CHECKING:
    from drainproxy.config import SettingRow

# Lines longer than this are hard to read, however wide the terminal is.
_WIDEST = 100


@click.command(
    cls=Command,
    epilog=examples("settings", "settings --format json-schema > drainproxy.schema.json"),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "json-schema"]),
    default=None,
    help="text for people, markdown for pages, json for programs, json-schema for editors: the"
    " schema of a --config file.  [default: text on a terminal, else markdown]",
)
def settings(form: str | None) -> None:
    """Print every setting: name, default, values, environment, annotation and meaning.

    An editor with a YAML language server completes and checks a configuration file that begins
    with `# yaml-language-server: $schema=drainproxy.schema.json`.
    """
    from drainproxy import config

    forms = {
        "text": _text,
        "markdown": config.markdown,
        "json": config.as_json,
        "json-schema": config.as_json_schema,
    }
    click.echo(forms[form or ("text" if _on_a_terminal() else "markdown")](), nl=False)


def _on_a_terminal() -> bool:
    return sys.stdout.isatty()


def _text() -> str:
    """A paragraph for each: a table of seven columns fits no terminal."""
    from drainproxy import config

    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return "\n".join(_paragraph(row, width) for row in config.table())


def _paragraph(row: "SettingRow", width: int) -> str:
    names = ", ".join(filter(None, (f"--{row.name}", row.environment, row.annotation)))
    lines = [
        *([f"Not yet: comes with {row.later}."] if row.later else []),
        row.description,
        f"Values: {row.values}" + (f"; default: {row.default}" if row.default else ""),
        names + ("; may change while it runs" if row.reload else ""),
    ]
    indent = "    "
    wrapped = (click.wrap_text(line, width, indent, indent) for line in lines)
    return "\n".join([row.name, *wrapped, ""])
