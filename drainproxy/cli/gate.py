"""`drainproxy gate`: whether a rollout may go on, by what Prometheus has seen of it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.parsed import DURATION, PERCENT, Parsed

if TYPE_CHECKING:
    from drainproxy.rollout.gate.prometheus import Server
    from drainproxy.rollout.gate.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])
Look = Callable[[], Awaitable["Report"]]

# As `asked` has it, whose imports wait for the command that needs them.
_HASH_LABEL = "rollouts_pod_template_hash"


def _header(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{text!r}: write 'Name: value'")
        found.append((name.strip(), value.strip()))
    return found


def server_options(*, looks: bool = True) -> Callable[[Command], Command]:
    """Where Prometheus is; with `looks`, how often it is asked and how the verdict is said."""

    def add(command: Command) -> Command:
        for option in reversed([*_SERVER, *(_LOOKS if looks else ())]):
            command = option(command)
        return command

    return add


_SERVER = (
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
        "--header",
        "headers",
        metavar="'NAME: VALUE'",
        multiple=True,
        callback=_header,
        help="Sent with each question, such as X-Scope-OrgID; repeatable.",
    ),
    click.option("--bearer-file", metavar="FILE", help="A token; read anew each time."),
    click.option("--user", help="For basic authentication."),
    click.option("--password-file", metavar="FILE", help="Of that user."),
    click.option("--ca-file", metavar="FILE", help="The CA of the server's certificate."),
    click.option("--cert-file", metavar="FILE", help="A client certificate."),
    click.option("--key-file", metavar="FILE", help="Its key."),
    click.option(
        "--timeout",
        type=DURATION,
        default="8s",
        show_default=True,
        help="For all questions of one look together.",
    ),
)
_LOOKS = (
    click.option(
        "--wait", type=DURATION, default=0.0, help="Look until it passes or fails, so long."
    ),
    click.option(
        "--interval", type=DURATION, default="30s", show_default=True, help="Between two looks."
    ),
    click.option("--advise", is_flag=True, help="Say the verdict and exit 0 whatever it is."),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["human", "json"]),
        default="human",
        show_default=True,
    ),
)


def _objective(text: str) -> float:
    from drainproxy.rollout.gate.asked import objective

    return objective(text)


OBJECTIVE = Parsed("RATIO", _objective)


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
    type=OBJECTIVE,
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
@server_options()
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
    from drainproxy.rollout.gate.asked import matchers

    try:
        return matchers(f"--{name}", text or "", hash_ or "", label, namespace)
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
@server_options()
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


@gate.command(
    epilog="""\b
Example:
  drainproxy gate serve --prometheus http://prometheus:9090 --token-file /run/secrets/gate/token
"""
)
@click.option("--listen", metavar="[HOST:]PORT", default="8080", show_default=True)
@click.option("--token-file", metavar="FILE", type=click.Path(path_type=Path),
              help="What callers have to bear; without it everyone may ask.")  # fmt: skip
@server_options(looks=False)
def serve(listen: str, token_file: Path | None, **given: Any) -> None:
    """Answer Argo Rollouts and Flagger over HTTP.

    /gate/argo says the verdict, always with status 200; /gate/flagger/confirm answers 200 if it
    passes and /gate/flagger/rollback if it fails, else 403. /livez, /readyz, /metrics.
    """
    from aiohttp import web

    from drainproxy.config.addresses import parse_listen
    from drainproxy.rollout.gate.serve import Gate, Token

    try:
        address = parse_listen(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from None
    gate = Gate(_server(given), Token(token_file))
    if token_file is None:
        click.echo("drainproxy: no --token-file: everyone who reaches it may ask", err=True)
    try:
        web.run_app(
            gate.application(), host=address.host or None, port=address.port, print=None,
            handle_signals=True, access_log=None,
        )  # fmt: skip
    except OSError as error:
        raise click.ClickException(f"--listen {listen}: {error.strerror or error}") from None
