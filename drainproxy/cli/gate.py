"""`drainproxy gate`: judges by Prometheus whether a rollout may go on."""

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from drainproxy.cli.gate_options import (
    LOOKS,
    SAID,
    SERVER,
    SIDES,
    SOURCE,
    STATE,
    VERSIONS,
    added,
    judge_app,
    judge_credentials,
    judge_listen,
    judge_service,
    judge_versions,
    rollout,
    server,
)
from drainproxy.cli.help import Group
from drainproxy.cli.parsed import Whole
from drainproxy.extras import install_hint

if TYPE_CHECKING:
    from drainproxy.rollout.gate.record import MigrationQuestion, RecordSource
    from drainproxy.rollout.gate.report import GateReport

Look = Callable[[], Awaitable["GateReport"]]


class _GateGroup(Group):
    """Where reading the command line ends by an accident too, there is no verdict but hold."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, OSError):
            raise
        except Exception as error:
            from drainproxy.rollout.gate.report import EXIT_CODES, mistaken

            traceback.print_exc()
            report = mistaken(error)
            _say(report.as_text(), sys.stdout)
            sys.exit(EXIT_CODES[report.verdict])


@click.group(
    cls=_GateGroup,
    epilog="""\b
Examples:
  drainproxy gate canary --namespace shop --canary-hash 6d5f9c --stable-hash 7c4b8d --wait 10m
  drainproxy gate canary --canary 'job="web",version="2"' --stable 'job="web",version="1"'
  drainproxy gate budget --source sloth --service shop
  drainproxy gate migration --app shop --version 7 --namespace prod
""",
)
def gate() -> None:
    """Judge whether a rollout may go on: pass (exit 0), fail (1) or hold (3), with numbers.

    It changes nothing. If Prometheus does not answer, or has no data, or no version is named, the
    verdict is hold, never pass.
    """


@gate.command(
    judges=[*SIDES, judge_credentials],
    epilog="""\b
Example:
  drainproxy gate canary --namespace shop --canary-hash 6d5f9c --stable-hash 7c4b8d \\
      --window 5m --wait 10m -o json
""",
)
@added(*VERSIONS, *SERVER, *LOOKS)
def canary(**given: Any) -> None:
    """Compare the golden signals of a canary with those of the stable version."""
    _look(_at_canary(given), given)


@gate.command(
    judges=[judge_service, judge_credentials],
    epilog="""\b
Example:
  drainproxy gate budget --source pyrra --service shop --prometheus https://prometheus.example
""",
)
@click.option("--service", required=True, help="The service's name in the rules of its objective.")
@added(SOURCE, *SERVER, *LOOKS)
def budget(**given: Any) -> None:
    """Judge whether enough error budget is left for a release."""
    _look(_at_budget(given), given)


@gate.command(
    judges=[judge_app],
    epilog="""\b
Example:
  drainproxy gate migration --app shop --version 7 --namespace prod
""",
)
@click.option("--app", required=True, help="The app: its label app.kubernetes.io/name.")
@click.option("--version", type=Whole(min=0), required=True, help="The schema version of the code.")
@click.option("--namespace", help="The namespace of the ConfigMaps with the record.")
@added(*STATE, *SAID)
def migration(**given: Any) -> None:
    """Judge by the record of migrations whether code for this schema may be deployed."""
    from drainproxy.rollout.gate.combine import combined, judge_migration

    question, record = _question(given), _record(given)

    def look() -> "GateReport":
        answer = record.answers(question, record.load(question), datetime.now(UTC)).deploy
        assert answer is not None  # --version is required
        return combined([], [judge_migration("migration", answer.verdict, answer.reason)])

    _finish(look, given)


@gate.command(
    "all",
    judges=[judge_versions, *SIDES, judge_service, judge_app, judge_credentials],
    epilog="""\b
Example:
  drainproxy gate all --namespace shop --canary-hash 6d5f9c --stable-hash 7c4b8d \\
      --service shop --app shop --version 7 --previous 6 --wait 10m
""",
)
@click.option("--service", help="Also judge the error budget of this service.")
@added(SOURCE)
@click.option("--app", help="Also judge the record of migrations of this app.")
@click.option("--version", type=Whole(min=0), help="The schema version of the canary's code.")
@click.option(
    "--previous",
    type=Whole(min=0),
    help="The schema version of the stable code; a fail is a hold if a rollback to it is refused.",
)
@added(*STATE, *VERSIONS, *SERVER, *LOOKS)
def all_(**given: Any) -> None:
    """Judge the canary, the error budget and the migrations in one verdict."""
    _look(_at_all(given), given)


@gate.command(
    judges=[judge_listen, judge_credentials],
    epilog="""\b
Example:
  drainproxy gate serve --prometheus http://prometheus:9090 --token-file /run/secrets/gate/token
""",
)
@click.option(
    "--listen",
    metavar="[HOST:]PORT",
    default="8080",
    show_default=True,
    help="The address of the server, for plain HTTP; a port alone listens on IPv6 and IPv4.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file of the token that clients must send, as Bearer or as a password; without it"
    " no token is needed.",
)
@added(*STATE, *SERVER)
def serve(listen: str, token_file: Path | None, **given: Any) -> None:
    """Serve verdicts to Argo Rollouts and Flagger over HTTP.

    /gate/argo answers 200 with any verdict; /gate/flagger/confirm answers 200 on a pass,
    /gate/flagger/rollback on a fail, and both else 403. Also /livez, /readyz and /metrics. If a
    request names a service, its error budget is judged too; if an app, its record of migrations.
    """
    from aiohttp import web

    from drainproxy.config.addresses import parse_listen
    from drainproxy.not_http import brief
    from drainproxy.rollout.gate.serve import Gate, Token
    from drainproxy.rollout.unwaited import Loop
    from drainproxy.sidecar import logs

    address = parse_listen(listen)
    if token_file is None:
        click.echo("drainproxy: no --token-file: requests need no token", err=True)
    app = Gate(server(given), Token(token_file), _record(given)).application()
    logs.configure("info", "text")
    brief("aiohttp.server")
    try:
        web.run_app(
            app,
            host=address.host or None,
            port=address.port,
            print=None,
            access_log=None,
            loop=Loop(),
        )
    except OSError as error:
        raise click.ClickException(f"--listen {listen}: {error.strerror or error}") from None


def _at_canary(given: dict[str, Any]) -> Look:
    from msgspec.structs import replace

    from drainproxy.rollout.gate.look import look_at_canary
    from drainproxy.rollout.gate.report import held
    from drainproxy.rollout.gate.request import UnnamedVersionError

    try:
        wanted = rollout(given)
    except UnnamedVersionError as error:
        reason = str(error.args[0])

        async def nobody() -> "GateReport":
            return held(reason)

        given["wait"] = 0.0
        return nobody
    began = time.time() - wanted.window

    def look() -> Awaitable["GateReport"]:
        # Each look counts from the same beginning, so that what was seen stays seen.
        now = time.time()
        return look_at_canary(server(given), replace(wanted, window=now - began), now)

    return look


def _at_budget(given: dict[str, Any]) -> Look:
    from drainproxy.rollout.gate.look import look_at_budget

    source, service = given["source"], given["service"]
    return lambda: look_at_budget(server(given), source, service, time.time())


def _at_all(given: dict[str, Any]) -> Look:
    from drainproxy.rollout.gate.evaluation import together

    looks = [_at_canary(given)]
    if given["service"] is not None:
        looks.append(_at_budget(given))
    record = _record(given)
    question = None if given["app"] is None else _question(given, given["previous"])
    return lambda: together([look() for look in looks], record, question, given["timeout"])


def _record(given: dict[str, Any]) -> "RecordSource":
    from drainproxy.rollout.gate.record import RecordSource

    file = given["state"] and Path(given["state"])
    return RecordSource(file, timedelta(seconds=given["contract_after"]))


def _question(given: dict[str, Any], previous: int | None = None) -> "MigrationQuestion":
    """What the record of migrations is asked; exits with 2 if a library for it is missing."""
    from drainproxy.cli.migration_asked import fail
    from drainproxy.rollout.gate.record import MigrationQuestion
    from drainproxy.rollout.migration.declared import parse_app

    app = parse_app(given["app"])
    if given["state"] is None:
        try:
            import lightkube  # noqa: F401
        except ImportError as error:
            fail(f"needs {error.name}: {install_hint('kube')}")
    return MigrationQuestion(app, given["namespace"], given["version"], previous)


def _look(look: Look, given: dict[str, Any]) -> None:
    from drainproxy.rollout.gate.look import wait_for_verdict
    from drainproxy.rollout.unwaited import Loop

    def seen(report: "GateReport") -> None:
        _say(f"{report.verdict}: {report.reason}", sys.stderr)

    def looked() -> "GateReport":
        with asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(wait_for_verdict(look, given["wait"], given["interval"], seen))

    _finish(looked, given)


def _finish(judge: Callable[[], "GateReport"], given: dict[str, Any]) -> None:
    """Exit with the verdict: an accident is none, least of all a fail, at which a pipeline would
    roll back."""
    from drainproxy.rollout.gate.report import EXIT_CODES, mistaken

    try:
        report = judge()
    except Exception as error:
        traceback.print_exc()
        report = mistaken(error)
    is_json = given["output"] == "json"
    _say(report.as_json().decode() if is_json else report.as_text(), sys.stdout)
    sys.exit(0 if given["advise"] else EXIT_CODES[report.verdict])


def _say(text: str, stream: TextIO) -> None:
    """To whoever listens. That nobody does, or that a disk is full, changes no verdict."""
    try:
        click.echo(text, file=stream)
    except OSError as error:
        # What is left in the buffer would fail again at the end, with an exit code of its own.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        if stream is not sys.stderr:
            _say(f"drainproxy: the verdict cannot be written: {error.strerror}", sys.stderr)
