"""`drainproxy migration lint`: which phase a SQL file belongs to."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from drainproxy.cli.help import Command
from drainproxy.cli.migration_asked import LENIENT, OUTPUT, Mistakes, fail, parse_form
from drainproxy.config.mistakes import did_you_mean
from drainproxy.extras import install_hint

if TYPE_CHECKING:
    from drainproxy.rollout.migration.lexer import Dialect
    from drainproxy.rollout.migration.lint import StatementFinding
    from drainproxy.rollout.migration.sections import Tool

_CODES: Final = {"expand": 0, "migrate": 0, "contract": 1, "unknown": 3}
_DIALECTS: "Final[dict[str, Dialect]]" = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}
_TOOLS: "Final[dict[str, Tool]]" = {
    "plain": "plain",
    "dbmate": "dbmate",
    "goose": "goose",
    "sql-migrate": "sql-migrate",
}


class _Asked:
    """The options as values, and what is wrong with them."""

    def __init__(
        self, ctx: click.Context, files: tuple[str, ...], given: Mapping[str, Any]
    ) -> None:
        # What looks like an option and is none was left over for the files.
        named = [file for file in files if file == "-" or not file.startswith("-")]
        ctx.args = [file for file in files if file not in named]
        self.mistakes = Mistakes(ctx)
        self.dialect = self.mistakes.read(given, "--dialect", lambda text: _one_of(text, _DIALECTS))
        self.tool = self.mistakes.read(given, "--tool", lambda text: _one_of(text, _TOOLS))
        self.form = self.mistakes.read(given, "--output", parse_form)
        self.texts = _texts(named, self.mistakes)


def _judge(given: Mapping[str, Any]) -> Iterator[str]:
    if said := str(_Asked(click.get_current_context(), given["files"], given).mistakes):
        yield said


@click.command(
    cls=Command,
    context_settings=LENIENT,
    read=_judge,
    epilog="""\b
Examples:
  drainproxy migration lint migrations/0042_add_note.sql
  drainproxy migration lint --dialect mysql -o json migrations/*.sql
  drainproxy migration lint --tool dbmate db/migrations/20261129_note.sql
  pgroll status | drainproxy migration lint -
""",
)
@click.argument("files", nargs=-1, metavar="FILE|-...")
@click.option(
    "--dialect",
    metavar="postgres|mysql|sqlite",
    default="postgres",
    show_default=True,
    help="The database server that will run the SQL.",
)
@click.option(
    "--tool",
    metavar="plain|dbmate|goose|sql-migrate",
    default="plain",
    show_default=True,
    help="The migration tool that runs it. All but plain ignore the `down` part of a file.",
)
@OUTPUT
@click.pass_context
def lint(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Classify each statement of SQL files as expand, migrate, contract or unknown.

    expand only adds, migrate moves data, contract removes or tightens; what is not understood for
    certain is unknown, and its phase must be declared. JSON of pgroll (its status, or a migration)
    and of squawk is read too.

    Exits 0 if all is expand or migrate, 1 if anything is contract, 3 if anything is unknown and
    nothing contract, 2 if a file cannot be read.
    """
    asked = _Asked(ctx, files, given)
    asked.mistakes.raise_all()
    dialect, tool, texts, form = asked.dialect, asked.tool, asked.texts, asked.form
    assert dialect
    assert tool
    found = _findings(texts, dialect, tool)
    click.echo(_as_json(found) if form == "json" else _as_text(found))
    from drainproxy.rollout.migration.lint import worst

    sys.exit(_CODES[worst(found)])


def _one_of(text: str, known: Mapping[str, Any]) -> Any:
    if text.lower() in known:
        return known[text.lower()]
    near = did_you_mean(text.lower(), known)
    hint = f": did you mean {near}?" if near else ""
    raise ValueError(f"is not one of {', '.join(known)}{hint}")


def _texts(files: Sequence[str], mistakes: Mistakes) -> dict[str, str]:
    """The text of every file; what cannot be read is a mistake."""
    if not files:
        mistakes.add("FILE", "is missing: which files? - is standard input")
    if files.count("-") > 1:
        mistakes.add("-", "is standard input, which can be read once: name it once")
    texts = {}
    for file in dict.fromkeys(files):
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            texts[file] = data.decode()
        except (OSError, ValueError) as error:
            mistakes.add(file, getattr(error, "strerror", None) or "it is not UTF-8")
    return texts


def _findings(
    texts: Mapping[str, str], dialect: "Dialect", tool: "Tool"
) -> "list[StatementFinding]":
    from drainproxy.rollout.migration.lint import lint as lint_text

    try:
        return [
            finding
            for file, text in texts.items()
            for finding in lint_text(file, text, dialect, tool)
        ]
    except ImportError as error:
        fail(f"needs {error.name}: {install_hint('migrations')}")


def _as_json(found: "Sequence[StatementFinding]") -> str:
    import msgspec

    return msgspec.json.encode(found).decode()


def _as_text(found: "Sequence[StatementFinding]") -> str:
    from drainproxy.rollout.migration.lint import worst

    lines = []
    for file in dict.fromkeys(finding.file for finding in found):
        own = [finding for finding in found if finding.file == file]
        for finding in own:
            lines.append(f"{file}:{finding.line}: {finding.phase}: {finding.reason}")
            if finding.statement:
                lines.append(f"    {finding.statement}")
        lines.append(f"{file}: {worst(own)}")
    return "\n".join(lines)
