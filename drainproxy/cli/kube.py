"""`drainproxy inject` and `uninject`: manifests in, manifests with sidecars out."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.options import option
from drainproxy.config import ConfigError, Mistake
from drainproxy.kube.annotations import ANNOTATABLE

if TYPE_CHECKING:
    from drainproxy.kube.batch import Result

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

_SUFFIXES = {".yaml", ".yml", ".json"}


def files_argument(command: Command) -> Command:
    """Add `[-f] FILE|DIR|-`, as often as wanted."""
    positional = click.argument("paths", nargs=-1, metavar="[FILE|DIR|-]...")
    flag = click.option(
        "-f", "--filename", "filenames", multiple=True, metavar="FILE|DIR|-", help="The same."
    )
    return positional(flag(command))


def annotation_options(command: Command) -> Command:
    """Add an option for each annotation that a pod may have."""
    for row in reversed(ANNOTATABLE):
        command = option(row)(command)
    return command


@click.command()
@files_argument
@annotation_options
def inject(paths: tuple[str, ...], filenames: tuple[str, ...], **given: Any) -> None:
    """Put the sidecar into every workload of these manifests.

    YAML and JSON; Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod, Rollout, and
    lists of them. Everything else passes as it is. The manifests go to stdout, what was done to
    stderr. Each option becomes an annotation of the pods, in the place of their own.
    """
    from drainproxy.kube.batch import inject_all
    from drainproxy.kube.plan import Options

    options = Options(given=_annotations(given))
    _finish(inject_all(_texts((*filenames, *paths)), options))


@click.command()
@files_argument
def uninject(paths: tuple[str, ...], filenames: tuple[str, ...]) -> None:
    """Take the sidecar out of every workload of these manifests; they are what they were."""
    from drainproxy.kube.batch import uninject_all

    _finish(uninject_all(_texts((*filenames, *paths))))


def _annotations(given: Mapping[str, Any]) -> dict[str, str]:
    """The options as annotations; exit code 1, naming every mistake, if one is wrong."""
    found, mistakes = {}, []
    for row in ANNOTATABLE:
        texts = given[row.field]
        if texts in (None, ()):
            continue
        found[row.annotation] = text = texts if isinstance(texts, str) else " ".join(texts)
        try:
            row.read(text)
        except ValueError as error:
            mistakes.append(Mistake(f"flag {row.flag}", row.name, str(error)))
    if mistakes:
        raise click.ClickException(str(ConfigError(mistakes)))
    return found


def _texts(paths: tuple[str, ...]) -> dict[str, str]:
    """The text of every file by its name; standard input, if it is no terminal, without any."""
    if not paths and is_terminal():
        raise click.UsageError("which manifests? Name a FILE, a DIR, or - for standard input")
    texts = {}
    for path in paths or ("-",):
        for name in _files(path):
            texts[name] = _text(name)
    return texts


def is_terminal() -> bool:
    """Whether standard input is a person, who would have to type."""
    return sys.stdin.isatty()


def _files(path: str) -> Iterator[str]:
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        yield path
        return
    found = [str(each) for each in sorted(folder.rglob("*")) if each.suffix in _SUFFIXES]
    if not found:
        raise click.ClickException(f"{path}: holds no file that ends with .yaml, .yml or .json")
    yield from found


def _text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror or error}") from None
    except UnicodeError:
        raise click.ClickException(f"{name}: it is not UTF-8") from None


def _finish(result: "Result") -> None:
    """The report, and the manifests if they may be applied: half of them must not be."""
    for line in result.lines:
        click.echo(str(line), err=True)
    if result.failed:
        sys.exit(1)
    sys.stdout.write(result.text)
