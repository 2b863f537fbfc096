"""`drainproxy reports`: the drain reports of sidecars in a cluster."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from drainproxy.cli.admin import EX_CUT, report_lines
from drainproxy.cli.help import Command, examples
from drainproxy.cli.run import EX_UNAVAILABLE
from drainproxy.extras import install_hint

if TYPE_CHECKING:
    from drainproxy.kube.cluster import Cluster
    from drainproxy.kube.endings import Ending, Endings

# Seconds.
_PAUSE = 1.0


@click.command(
    cls=Command,
    epilog=examples(
        "reports --watch --selector app=web      # before the rollout",
        "reports --all-namespaces -o json",
    ),
)
@click.option(
    "--watch", "-w", is_flag=True, help="Keep watching, and print each report when its pod ends."
)
@click.option("--selector", "-l", metavar="LABELS", default="", help="Only pods with these labels.")
@click.option(
    "--namespace", "-n", metavar="NAME", help="The namespace; the default is that of the context."
)
@click.option("--all-namespaces", "-A", is_flag=True, help="The pods of all namespaces.")
@click.option(
    "--context",
    metavar="NAME",
    help="The context of the kubeconfig; the default is the current one.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The format of the reports; json for programs.",
)
def reports(**given: Any) -> None:
    """Print the drain reports of sidecars that have ended, in the cluster of KUBECONFIG.

    A pod, and the report with it, is deleted a second after its containers end: start this with
    --watch before a rollout. It needs permission to list and watch pods. Ctrl-C ends it. The exit
    code is 3 if anything was cut or left unanswered.
    """
    from drainproxy.kube.cluster import Unavailable

    told = _Told(given["output"])
    try:
        asyncio.run(_until_stopped(told, given))
    except ModuleNotFoundError as error:
        raise click.UsageError(f"needs {error.name}: {install_hint('kube')}") from None
    except Unavailable as error:
        click.echo(f"drainproxy: {error}", err=True)
        sys.exit(EX_UNAVAILABLE)
    sys.exit(EX_CUT if told.cut else 0)


class _Told:
    """Prints endings, and knows whether one of them was bad."""

    def __init__(self, form: str) -> None:
        self._form = form
        self.cut = False

    def tell(self, endings: "Iterable[Ending]") -> None:
        for each in endings:
            self.cut |= each.cut
            click.echo(_as_json(each) if self._form == "json" else _as_text(each))
        sys.stdout.flush()


async def _until_stopped(told: _Told, given: dict[str, Any]) -> None:
    """Also if SIGINT was ignored at the start, as for what a shell runs in the background."""
    following = asyncio.create_task(_follow(told, given))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, following.cancel)
    with suppress(asyncio.CancelledError):
        await following


async def _follow(told: _Told, given: dict[str, Any]) -> None:
    from drainproxy.kube.cluster import connected
    from drainproxy.kube.endings import Endings

    async with connected(given["context"]) as cluster:
        namespace = given["namespace"] or cluster.namespace
        path = "/api/v1/pods" if given["all_namespaces"] else f"/api/v1/namespaces/{namespace}/pods"
        endings = Endings()
        version = await _list(cluster, path, given["selector"], endings, told)
        while given["watch"]:
            # No API server is asked more often than this, also not one that ends streams at once.
            pause = asyncio.create_task(asyncio.sleep(_PAUSE))
            version = await _watch(cluster, path, given["selector"], endings, told, version)
            await pause


async def _list(
    cluster: "Cluster", path: str, selector: str, endings: "Endings", told: _Told
) -> str:
    from drainproxy.kube.endings import PodStatus

    listing = await cluster.list(path, PodStatus, selector)
    for _, pod in listing.objects:
        told.tell(endings.of(pod))
    return listing.version


async def _watch(
    cluster: "Cluster", path: str, selector: str, endings: "Endings", told: _Told, version: str
) -> str:
    """Follow until the stream ends; the version from which to go on."""
    from drainproxy.kube.cluster import Gone, Unavailable
    from drainproxy.kube.endings import PodStatus

    try:
        async for change in cluster.watch(path, PodStatus, version, selector):
            version = change.metadata.resource_version or version
            if change.object:
                gone = change.type == "DELETED"
                told.tell((endings.gone if gone else endings.of)(change.object))
        return version
    except Gone:
        return await _list(cluster, path, selector, endings, told)
    except Unavailable as error:
        click.echo(f"drainproxy: {error}: trying again", err=True)
        return version


def _as_json(ending: "Ending") -> str:
    names = ("namespace", "pod", "finished", "exit_code", "report", "message")
    return json.dumps({name.replace("_", "-"): getattr(ending, name) for name in names})


def _as_text(ending: "Ending") -> str:
    where = f"{ending.namespace}/{ending.pod}"
    if ending.report is None:
        left = "".join(letter if letter.isprintable() else " " for letter in ending.message)
        return f"{where}: no report ({left.strip() or f'exit {ending.exit_code}'})"
    try:
        first, *rest = report_lines(ending.report)
    except (KeyError, TypeError, AttributeError, ValueError):
        return f"{where}: {json.dumps(ending.report)}"  # of another version
    return "\n".join([f"{where}: {first}", *rest])
