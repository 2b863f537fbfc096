"""How help looks: options and commands in sections, whole summaries, examples that run. And how
mistakes look: all at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from drainproxy.cli.all_mistakes import Judge, RefusedLine, judged

# A summary is the first sentence, however long it is: it is wrapped, never cut. As `short_help`
# it is not cut by others either: click-man cuts what it has to take from the help itself.
_WHOLE = 1_000

Records = list[tuple[str, str]]


class Option(click.Option):
    """An option that stands under a heading of its own in help; without one, under Options."""

    def __init__(self, *arguments: Any, section: str = "", **given: Any) -> None:
        super().__init__(*arguments, **given)
        self.section = section


class Command(click.Command):
    """A command with so many options that help divides them: by the section of each `Option`, or by
    `sections`, heading -> names of parameters."""

    def __init__(
        self,
        *arguments: Any,
        sections: Mapping[str, Sequence[str]] | None = None,
        judges: Sequence[Judge] = (),
        read: Judge | None = None,
        **given: Any,
    ) -> None:
        """`judges` say what is wrong with values that click lets pass. `read` says what is wrong
        with the files that are named; it is asked only if anything else is wrong, for else the
        command reads them itself, once."""
        super().__init__(*arguments, **given)
        self._sections = {
            name: heading for heading, names in (sections or {}).items() for name in names
        }
        self._judges = tuple(judges)
        self._read = () if read is None else (read,)
        self.short_help = self.get_short_help_str(_WHOLE)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Whoever has two mistakes in a line is told both."""
        line = [*args]
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError:
            refused = RefusedLine(self, ctx, line)
            mistakes = [*refused.said, *judged(self._judges + self._read, refused.given)]
            raise click.UsageError("\n".join(mistakes), ctx) from None
        if not ctx.resilient_parsing and (mistakes := [*judged(self._judges, ctx.params)]):
            raise click.UsageError("\n".join([*mistakes, *judged(self._read, ctx.params)]), ctx)
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by section, those of the command itself first."""
        sections: dict[str, Records] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                sections.setdefault(self._section_of(param), []).append(record)
        _write(formatter, sections)

    def _section_of(self, param: click.Parameter) -> str:
        named = self._sections.get(param.name or "")
        return named or getattr(param, "section", "") or "Options"


class Group(click.Group):
    """A group whose list of commands is read whole, and may have sections too."""

    command_class = Command

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self.short_help = self.get_short_help_str(_WHOLE)

    def section_of(self, name: str) -> str:
        """The heading above a command."""
        return "Commands"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with its summary."""
        sections: dict[str, Records] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                record = (name, command.get_short_help_str())
                sections.setdefault(self.section_of(name), []).append(record)
        _write(formatter, sections)


def examples(*lines: str) -> str:
    """The end of a command's help: these lines, as they are typed after `drainproxy`; one that
    begins with a blank continues the line before."""
    whole = [line if line.startswith(" ") else f"drainproxy {line}" for line in lines]
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in whole)])


def _write(formatter: click.HelpFormatter, sections: dict[str, Records]) -> None:
    for name, records in sections.items():
        if records:
            with formatter.section(name):
                formatter.write_dl(records)
