"""`drainproxy inject` and `uninject`: manifests in, manifests with sidecars out."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.all_mistakes import Judge
from drainproxy.cli.help import Command, examples
from drainproxy.cli.manifests import missing_files, read_texts
from drainproxy.cli.options import option
from drainproxy.config import IMAGE_ENVIRONMENT, Mistake, Setting
from drainproxy.kube.annotations import ANNOTATABLE

if TYPE_CHECKING:
    from drainproxy.kube.batch import BatchResult
    from drainproxy.kube.halves import Half

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)


def files_argument(command: Decorated) -> Decorated:
    """Add `[-f] FILE|DIR|URL|-`, as often as wanted."""
    positional = click.argument("paths", nargs=-1, metavar="[FILE|DIR|URL|-]...")
    flag = click.option(
        "-f",
        "--filename",
        "filenames",
        multiple=True,
        metavar="FILE|DIR|URL|-",
        help="The same as the argument.",
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
        help="Print only one half: the Services, or everything else.",
    )(command)


def report_options(command: Decorated) -> Decorated:
    """Add `-o json` and `--dry-run`."""
    output = click.option(
        "-o",
        "--output",
        "style",
        type=click.Choice(["text", "json"]),
        default="text",
        help="The format of the report.",
    )
    dry_run = click.option(
        "--dry-run", is_flag=True, help="Print only the report, to stdout, and no manifests."
    )
    return output(dry_run(command))


def _judge_annotation(row: Setting) -> Judge:
    """Whether what is given of it may be the text of its annotation."""

    def judge(given: Mapping[str, Any]) -> Iterator[str]:
        texts = given[row.field]
        try:
            row.read(texts if isinstance(texts, str) else " ".join(texts or ()))
        except ValueError as error:
            if texts not in (None, ()):
                yield str(Mistake(f"flag {row.flag}", row.name, str(error)))

    return judge


@click.command(
    cls=Command,
    judges=[*map(_judge_annotation, ANNOTATABLE)],
    read=missing_files,
    epilog=examples(
        "inject --image REGISTRY/drainproxy:0.1.0 deployment.yaml | kubectl apply -f -",
        "inject --image REGISTRY/drainproxy:0.1.0 --dry-run manifests/",
        "inject --image REGISTRY/drainproxy:0.1.0 --drain-timeout 60s --raise-grace-period on \\",
        "    --strict shop.yaml > injected.yaml",
    ),
)
@files_argument
@only_option
@report_options
@click.option("--strict", is_flag=True, help="Exit 1 if any workload is not captured.")
@annotation_options
def inject(
    paths: tuple[str, ...],
    filenames: tuple[str, ...],
    only: "Half | None",
    strict: bool,
    **given: Any,
) -> None:
    """Add the sidecar to every workload of these manifests, and send its clients through it.

    YAML and JSON; Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod, Rollout, and
    lists of them. A Service that targets a port number is changed to target the sidecar, and a
    NetworkPolicy to allow its port. Everything else is left as it is. The manifests go to stdout,
    the report to stderr. Each option becomes an annotation of the pods and overrides theirs.

    The environment variable DRAINPROXY_IMAGE names the image for pods that name none.

    Exits with 1 if a manifest is wrong, or if no workload is captured (the manifests are printed
    all the same), and with 2 if an option is wrong or there is no Kubernetes object.
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
    cls=Command,
    read=missing_files,
    epilog=examples("uninject injected.yaml > shop.yaml", "uninject --only services shop.yaml"),
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
    """Remove the sidecar from every workload of these manifests, as if it had never been there.

    Services and NetworkPolicies that were changed for it are restored too. Exits with 1 if anything
    is wrong, and with 2 if there is no Kubernetes object.
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
    """The options as annotations."""
    return {
        row.annotation: texts if isinstance(texts, str) else " ".join(texts)
        for row in ANNOTATABLE
        if (texts := given[row.field]) not in (None, ())
    }


def _print(result: "BatchResult", style: str, dry_run: bool) -> None:
    """The report, and the manifests if they may be applied: half of them must not be."""
    if result.is_empty:
        raise click.UsageError("the input has no Kubernetes object")
    report = result.report.json() if style == "json" else result.report.text()
    # Names of files may be no UTF-8; JSON has the same escapes.
    click.echo(report.encode(errors="backslashreplace"), err=not dry_run)
    if result.report.failed:
        sys.exit(1)
    if not dry_run:
        # Whatever the locale says: byte for byte what was there.
        sys.stdout.buffer.writelines(part.encode() for part in result.parts)
