"""`drainproxy inject` and `uninject`: manifests in, manifests with sidecars out."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.help import Command, examples
from drainproxy.cli.manifests import read_texts
from drainproxy.cli.options import option
from drainproxy.config import IMAGE_ENVIRONMENT, ConfigError, Mistake
from drainproxy.kube.annotations import ANNOTATABLE

if TYPE_CHECKING:
    from drainproxy.kube.batch import Result
    from drainproxy.kube.halves import Half

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)


def files_argument(command: Decorated) -> Decorated:
    """Add `[-f] FILE|DIR|URL|-`, as often as wanted."""
    positional = click.argument("paths", nargs=-1, metavar="[FILE|DIR|URL|-]...")
    flag = click.option(
        "-f", "--filename", "filenames", multiple=True, metavar="FILE|DIR|URL|-", help="The same."
    )
    return positional(flag(command))


def annotation_options(command: Decorated) -> Decorated:
    """Add an option for each annotation that a pod may have."""
    for row in reversed(ANNOTATABLE):
        command = option(row)(command)
    return command


def only_option(command: Decorated) -> Decorated:
    """Add `--only workloads|services`."""
    return click.option(
        "--only",
        type=click.Choice(["workloads", "services"]),
        help="Print that half: the Services, or everything else.",
    )(command)


def report_options(command: Decorated) -> Decorated:
    """Add `-o json` and `--dry-run`."""
    output = click.option(
        *("-o", "--output", "style"),
        type=click.Choice(["text", "json"]),
        default="text",
        help="How the report is written.",
    )
    dry_run = click.option(
        "--dry-run", is_flag=True, help="Print the report, and no manifests, to stdout."
    )
    return output(dry_run(command))


@click.command(
    cls=Command,
    epilog=examples(
        "inject deployment.yaml | kubectl apply -f -",
        "inject --dry-run manifests/",
        "inject --drain-timeout 60s --raise-grace-period on --strict shop.yaml > injected.yaml",
    ),
)
@files_argument
@only_option
@report_options
@click.option("--strict", is_flag=True, help="Exit 1 if anything that makes pods is not captured.")
@annotation_options
def inject(
    paths: tuple[str, ...],
    filenames: tuple[str, ...],
    only: "Half | None",
    strict: bool,
    **given: Any,
) -> None:
    """Put the sidecar into every workload of these manifests, and lead clients to it.

    YAML and JSON; Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod, Rollout, and
    lists of them. A Service that targets a number is changed so that it leads to the sidecar, and a
    NetworkPolicy allows its port. Everything else passes as it is. The manifests go to stdout, what
    was done to stderr. Each option becomes an annotation of the pods, in the place of their own.

    The environment variable DRAINPROXY_IMAGE names the image for pods that say nothing of it.

    Exits with 1 if something is wrong, or if nothing that makes pods is captured (the manifests are
    printed all the same), and with 2 if there is no Kubernetes object.
    """
    from drainproxy.kube.batch import inject_all
    from drainproxy.kube.plan import Options

    style, dry_run = given.pop("style"), given.pop("dry_run")
    options = Options(given=_annotations(given), image=_image())
    result = inject_all(read_texts((*filenames, *paths), "inject"), options, only)
    _print(result, style, dry_run)
    if result.report.captures_nothing or (strict and not result.report.captures_all):
        sys.exit(1)


@click.command(
    epilog=examples("uninject injected.yaml > shop.yaml", "uninject --only services shop.yaml")
)
@files_argument
@only_option
@report_options
def uninject(
    paths: tuple[str, ...],
    filenames: tuple[str, ...],
    only: "Half | None",
    style: str,
    dry_run: bool,
) -> None:
    """Take the sidecar out of every workload of these manifests; they are what they were.

    So are the Services and NetworkPolicies that were changed for it. Exits with 1 if something is
    wrong, and with 2 if there is no Kubernetes object.
    """
    from drainproxy.kube.batch import uninject_all

    _print(uninject_all(read_texts((*filenames, *paths), "uninject"), only), style, dry_run)


def _image() -> str | None:
    """The image that the environment names; exit code 1 if it is none."""
    from drainproxy.kube.annotations import parse_image

    text = os.environ.get(IMAGE_ENVIRONMENT)
    try:
        return parse_image(text) if text else None
    except ValueError as error:
        raise click.ClickException(f"environment {IMAGE_ENVIRONMENT}: {text!r} {error}") from None


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


def _print(result: "Result", style: str, dry_run: bool) -> None:
    """The report, and the manifests if they may be applied: half of them must not be."""
    if result.is_empty:
        raise click.UsageError("the input holds no Kubernetes object")
    report = result.report.json() if style == "json" else result.report.text()
    click.echo(report, err=not dry_run)
    if result.report.failed:
        sys.exit(1)
    if not dry_run:
        sys.stdout.writelines(result.parts)
