"""`drainproxy check`: manifests in, the checklist out."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from drainproxy.cli.help import Command

if TYPE_CHECKING:
    from drainproxy.rollout.check.report import CheckReport
    from drainproxy.rollout.check.rule import CheckRule, Level

_FORMS = ("human", "json", "sarif", "junit", "github")

_EPILOG = """\b
Examples:
  drainproxy check deploy/                          every manifest under a directory
  helm template charts/web | drainproxy check -     what a chart renders
  kubectl kustomize overlays/prod | drainproxy check --strict -
  drainproxy check -o sarif deploy/ > check.sarif   for code scanning
  drainproxy check --skip spread-missing,budget-missing deploy/
  drainproxy check --explain grace-covers-drain

\b
Exit codes: 0 nothing that counts, 1 errors (--strict: or warnings), 2 input that cannot be read.
An object excepts itself with the annotations drainproxy.io/ignore: "ID,ID" and
drainproxy.io/ignore-reason."""


def _judge(given: Mapping[str, Any]) -> Iterator[str]:
    from drainproxy.rollout.check.rules import BY_ID

    if given["explain"] and given["explain"] not in BY_ID:
        yield f"--explain: {_no_rule(given['explain'])}"


def _judge_rules(given: Mapping[str, Any]) -> Iterator[str]:
    unknown = [*_unknown("--only", given["only"]), *_unknown("--skip", given["skip"])]
    yield from unknown
    if not unknown and not _chosen(given["only"], given["skip"]):
        yield "--only and --skip leave no rule: nothing would be checked"


def _judge_files(given: Mapping[str, Any]) -> Iterator[str]:
    """Those that are named; nobody has to type one to be told of an option."""
    from drainproxy.cli.check_input import read_all
    from drainproxy.cli.manifests import is_terminal

    if not given["explain"] and not given["listed"]:
        paths = (*given["filenames"], *given["paths"])
        typed = {"-"} if is_terminal() else set[str]()
        yield from map(_printable, read_all(each for each in paths if each not in typed).mistakes)


def _paths(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The manifests that are named, or standard input, if no person would have to type it."""
    paths: tuple[str, ...] = (*given["filenames"], *given["paths"])
    if not paths and sys.stdin.isatty():
        raise click.UsageError("which manifests? Name a FILE, a DIR, or - for standard input")
    return paths or ("-",)


@click.command(cls=Command, judges=(_judge, _judge_rules), read=_judge_files, epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[FILE|DIR|-]...")
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="FILE|DIR|-",
    help="The same as the argument.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(_FORMS),
    default="human",
    show_default=True,
    help="human, json for programs, sarif for code scanning, junit for CI servers, github for"
    " workflows.",
)
@click.option("--strict", is_flag=True, help="Warnings fail too: --fail-on warning.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="The lowest level of a finding that makes the exit code 1.  [default: error]",
)
@click.option("--only", multiple=True, metavar="ID[,ID]", help="Apply only these rules.")
@click.option("--skip", multiple=True, metavar="ID[,ID]", help="Apply all rules except these.")
@click.option("--list", "listed", is_flag=True, help="Print the rules and exit (-o json too).")
@click.option("--explain", metavar="ID", help="Print what a rule checks and why, and exit.")
def check(form: str, **given: Any) -> None:
    """Check manifests against the release checklist.

    All manifests are checked together: workloads with their Services, disruption budgets,
    autoscalers, analyses, Helm tests and hooks. YAML and JSON, several documents, Lists, rendered
    charts. With -o human findings stand under the checklist; else the checklist goes to stderr.
    """
    if given["explain"]:
        from drainproxy.rollout.check.catalogue import explain

        click.echo(explain(given["explain"]), nl=False)
    elif given["listed"]:
        click.echo(_listed(form), nl=False)
    else:
        _check(form, given)


def _check(form: str, given: dict[str, Any]) -> None:
    from drainproxy.cli.check_input import read_all
    from drainproxy.manifests.values import without_collector
    from drainproxy.rollout.check.relations import take_stock
    from drainproxy.rollout.check.report import check as applied

    paths = _paths(given)
    with without_collector():
        found = read_all(paths)
        _stop(found.mistakes)
        for note in found.notes:
            click.echo(_printable(note), err=True)
        report = applied(take_stock(found.objects), _chosen(given["only"], given["skip"]))
    level = _level(given["strict"], given["fail_on"])
    _print(report, form, level or "error")
    if level and report.fails(level):
        sys.exit(1)


def _print(report: "CheckReport", form: str, level: "Level") -> None:
    from drainproxy.rollout.check.output import human, junit, machine, sarif

    if form == "human":
        click.echo(human.human(report, _paint()), nl=False)
        return
    texts: dict[str, Callable[[CheckReport], str]] = {
        "json": machine.as_json,
        "github": machine.github,
        "sarif": sarif.sarif,
        "junit": lambda found: junit.junit(found, level),
    }
    click.echo(texts[form](report), nl=False)
    click.echo(human.checklist(report), err=True, nl=False)


def _paint() -> Any:
    """Colours where a person sees them: https://no-color.org is respected."""
    from drainproxy.rollout.check.output.human import plain

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    return lambda text, colour: click.style(text, fg=colour)


def _level(strict: bool, fail_on: str | None) -> "Level | None":
    """From which level on the exit code is 1; None if never."""
    from drainproxy.rollout.check.rule import LEVELS

    if fail_on == "never":
        return None
    asked = (fail_on or "error", "warning" if strict else "error")
    return next(each for each in reversed(LEVELS) if each in asked)


def _chosen(only: tuple[str, ...], skip: tuple[str, ...]) -> "list[CheckRule]":
    from drainproxy.rollout.check.rules import RULES

    wanted, unwanted = set(_ids(only)), set(_ids(skip))
    return [each for each in RULES if (not wanted or each.id in wanted) and each.id not in unwanted]


def _ids(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (each.strip() for each in text.split(",") if each.strip())


def _unknown(option: str, texts: tuple[str, ...]) -> Iterator[str]:
    from drainproxy.rollout.check.rules import BY_ID

    for each in _ids(texts):
        if each not in BY_ID:
            yield f"{option}: {_no_rule(each)}"


def _no_rule(id: str) -> str:
    from drainproxy.config.mistakes import did_you_mean
    from drainproxy.rollout.check.rules import BY_ID

    near = did_you_mean(id, BY_ID)
    hint = f"did you mean {near}?" if near else "`drainproxy check --list` has them all"
    return f"there is no rule {id!r}: {hint}"


def _listed(form: str) -> str:
    from drainproxy.rollout.check.catalogue import listing, listing_json

    return listing_json() if form == "json" else listing()


def _stop(mistakes: list[str]) -> None:
    """Say all mistakes and exit with 2, if there is one."""
    for each in mistakes:
        click.echo(f"Error: {_printable(each)}", err=True)
    if mistakes:
        sys.exit(2)


def _printable(text: str) -> str:
    """Names of files come from anybody: no control character reaches a terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
