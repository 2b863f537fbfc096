"""`drainproxy gate`: whether a rollout may go on, by what Prometheus has seen of it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.parsed import DURATION, PERCENT, Parsed

if TYPE_CHECKING:
    from drainproxy.rollout.gate.prometheus import Server
    from drainproxy.rollout.gate.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])
Look = Callable[[], Awaitable["Report"]]

_HASH_LABEL = "rollouts_pod_template_hash"


def _objective(text: str) -> float:
    """`99.9%` or `0.999`."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ValueError(f"{text!r} is no objective: write 99.9% or 0.999")
    return value


def _header(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{text!r}: write 'Name: value'")
        found.append((name.strip(), value.strip()))
    return found


def server_options(command: Command) -> Command:
    """Where Prometheus is, and how often it is asked."""
    options = [
        click.option(
            "--prometheus",
            "url",
            metavar="URL",
            envvar="DRAINPROXY_PROMETHEUS",
            default="http://127.0.0.1:9090",
            show_default=True,
            help="Prometheus, or a Thanos or Mimir with its API.",
        ),
        click.option(
            "--header", "headers", metavar="'NAME: VALUE'", multiple=True, callback=_header,
            help="Sent with each question, such as X-Scope-OrgID; repeatable.",
        ),
        click.option("--bearer-file", metavar="FILE", help="A token; read anew each time."),
        click.option("--user", help="For basic authentication."),
        click.option("--password-file", metavar="FILE", help="Of that user."),
        click.option("--ca-file", metavar="FILE", help="The CA of the server's certificate."),
        click.option("--cert-file", metavar="FILE", help="A client certificate."),
        click.option("--key-file", metavar="FILE", help="Its key."),
        click.option(
            "--timeout", type=DURATION, default="8s", show_default=True,
            help="For all questions of one look together.",
        ),
        click.option(
            "--wait", type=DURATION, default=0.0, help="Look until it passes or fails, so long."
        ),
        click.option(
            "--interval", type=DURATION, default="30s", show_default=True, help="Between two looks."
        ),
        click.option("--advise", is_flag=True, help="Say the verdict and exit 0 whatever it is."),
        click.option(
            "-o", "--output", type=click.Choice(["human", "json"]), default="human",
            show_default=True,
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    epilog="""\b
Examples:
  drainproxy gate canary --namespace shop --canary-hash 6d5f9c --stable-hash 7c4b8d --wait 10m
  drainproxy gate canary --canary 'job="web",version="2"' --stable 'job="web",version="1"'
  drainproxy gate budget --source sloth --service shop
"""
)
def gate() -> None:
    """Whether a rollout may go on: pass (exit 0), fail (1) or hold (3), with numbers.

    Nothing is changed by it. Without an answer of Prometheus, without data and without a version to
    look at, it is a hold and never a pass.
    """


@gate.command(
    epilog="""\b
Example:
  drainproxy gate canary --namespace shop --canary-hash 6d5f9c --stable-hash 7c4b8d \\
      --window 5m --wait 10m -o json
"""
)
@click.option("--canary", metavar="SELECTOR", help="Matchers of PromQL that select its pods.")
@click.option("--stable", metavar="SELECTOR", help="The same for the stable version.")
@click.option("--canary-hash", metavar="HASH", help="Or its pods by their template hash,")
@click.option("--stable-hash", metavar="HASH", help="those of the stable version too,")
@click.option(
    "--hash-label",
    metavar="LABEL",
    default=_HASH_LABEL,
    show_default=True,
    help="which this label holds,",
)
@click.option("--namespace", default="", help="in this namespace.")
@click.option(
    "--window", type=DURATION, default="10m", show_default=True, help="Since the step began."
)
@click.option(
    "--warm-up",
    type=DURATION,
    default="60s",
    show_default=True,
    help="The first time of a pod, which does not count.",
)
@click.option(
    "--slo",
    type=Parsed("RATIO", _objective),
    default="99.9%",
    show_default=True,
    help="The service's objective: at 14.4 times its errors nothing passes.",
)
@click.option(
    "--tolerate",
    type=click.FloatRange(min=1),
    default=2.0,
    show_default=True,
    help="So many times as bad as stable is no reason to stop.",
)
@click.option("--weight", type=PERCENT, help="The canary's share of traffic, for the report.")
@server_options
def canary(
    canary: str | None,
    stable: str | None,
    canary_hash: str | None,
    stable_hash: str | None,
    hash_label: str,
    namespace: str,
    window: float,
    warm_up: float,
    slo: float,
    tolerate: float,
    weight: float | None,
    **given: Any,
) -> None:
    """Compare the golden signals of a canary with those of the stable version."""
    from drainproxy.rollout.gate.judgement import policy_of
    from drainproxy.rollout.gate.look import Rollout, look_at_canary
    from drainproxy.rollout.gate.report import held

    try:
        sides = [
            _matchers(name, text, hash_, hash_label, namespace)
            for name, text, hash_ in (
                ("canary", canary, canary_hash),
                ("stable", stable, stable_hash),
            )
        ]
    except LookupError as error:
        _finish(held(str(error.args[0])), given)
        return
    rollout = Rollout(sides[0], sides[1], window, policy_of(slo, tolerate), warm_up, weight)
    _look(lambda: look_at_canary(_server(given), rollout, time.time()), given)


def _matchers(name: str, text: str | None, hash_: str | None, label: str, namespace: str) -> str:
    """What selects the pods of one version; LookupError if nobody has said which they are."""
    from drainproxy.rollout.gate.queries import hash_selector, selector

    if text is None and not (hash_ or "").strip():
        raise LookupError(f"which pods are {name} was not said: give --{name} or --{name}-hash")
    if text is not None and not text.strip():
        raise LookupError(f"--{name} is empty: it would select every pod there is")
    try:
        return hash_selector(namespace, label, hash_ or "") if text is None else selector(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"--{name}") from None


@gate.command(
    epilog="""\b
Example:
  drainproxy gate budget --source pyrra --service shop --prometheus https://prometheus.example
"""
)
@click.option("--service", required=True, help="Its name in the rules of its objective.")
@click.option(
    "--source",
    type=click.Choice(["drainproxy", "sloth", "pyrra"]),
    default="drainproxy",
    show_default=True,
    help="Whose rules compute the budget.",
)
@server_options
def budget(service: str, source: str, **given: Any) -> None:
    """Whether enough of the error budget is left for a release."""
    from drainproxy.rollout.gate.budget import budget_queries
    from drainproxy.rollout.gate.look import look_at_budget

    try:
        budget_queries(source, service)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--service") from None
    _look(lambda: look_at_budget(_server(given), source, service, time.time()), given)


def _server(given: dict[str, Any]) -> "Server":
    from drainproxy.rollout.gate.prometheus import Server

    names = ("url", "timeout", "bearer_file", "user", "password_file")
    files = ("ca_file", "cert_file", "key_file")
    return Server(
        **{name: given[name] for name in (*names, *files)}, headers=tuple(given["headers"])
    )


def _look(look: Look, given: dict[str, Any]) -> None:
    from drainproxy.rollout.gate.look import wait_for_verdict

    def seen(report: "Report") -> None:
        click.echo(f"{report.verdict}: {report.reason}", err=True)

    _finish(asyncio.run(wait_for_verdict(look, given["wait"], given["interval"], seen)), given)


def _finish(report: "Report", given: dict[str, Any]) -> None:
    from drainproxy.rollout.gate.report import EXIT_CODES

    is_json = given["output"] == "json"
    click.echo(report.as_json().decode() if is_json else report.as_text())
    sys.exit(0 if given["advise"] else EXIT_CODES[report.verdict])
