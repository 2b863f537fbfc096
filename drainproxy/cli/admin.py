"""`drainproxy drain`, `undrain`, `status` and `rebalance`: control a running sidecar."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple

import click

from drainproxy.cli.admin_address import admin_options
from drainproxy.cli.help import Command, examples
from drainproxy.cli.parsed import DURATION, Number
from drainproxy.config.kinds import format_duration
from drainproxy.config.values import Address

Body = dict[str, Any]

# `drain --wait`: something was cut, or left unanswered.
EX_CUT = 3

# In seconds; for the end of a drain we wait as long as it takes.
_CONNECT_TIMEOUT = 5.0
_ANSWER_TIMEOUT = 10.0

_HINTS = {401: "give --admin-token or DRAINPROXY_ADMIN_TOKEN"}


class AdminClient(NamedTuple):
    """The admin endpoints of a running sidecar, and the token it may ask for.

    Both methods raise ClickException, which says what is wrong, if the answer is not 200.
    """

    address: Address
    token: str | None

    def get(self, path: str) -> Body:
        """Ask, changing nothing."""
        return self._ask("GET", path, _ANSWER_TIMEOUT)

    def post(self, path: str, timeout: float | None = _ANSWER_TIMEOUT) -> Body:
        """Have something done, and answered within `timeout` seconds."""
        return self._ask("POST", path, timeout)

    def _ask(self, method: str, path: str, timeout: float | None) -> Body:
        connection = HTTPConnection(self.address.host, self.address.port, timeout=_CONNECT_TIMEOUT)
        try:
            self._connect(connection)
            connection.sock.settimeout(timeout)
            status, body = self._exchange(connection, method, path)
        finally:
            connection.close()
        if status == 200:
            return body
        hint = f" ({_HINTS[status]})" if status in _HINTS else ""
        raise click.ClickException(f"{body.get('reason', f'HTTP {status}')}{hint}")

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            why = error.strerror or error
            message = f"no sidecar at {self.address}: {why}. Does it run, is --admin right?"
            raise click.ClickException(message) from None

    def _exchange(self, connection: HTTPConnection, method: str, path: str) -> tuple[int, Body]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, _json_object(answer.read())
        except TimeoutError:
            problem = "did not answer in time"
        except (OSError, HTTPException) as error:
            problem = f"went away before it answered: {error}"
        except ValueError:
            problem = "is no drainproxy: its answer cannot be read"
        raise click.ClickException(f"{self.address} {problem}")


def _json_object(text: bytes) -> Body:
    body = json.loads(text)
    # Each of our answers says where the sidecar stands or why it refuses.
    if not isinstance(body, dict) or not body.keys() & {"phase", "reason", "running"}:
        raise ValueError("not an answer of ours")
    return body


@click.command(
    cls=Command,
    epilog=examples("drain", "drain --wait", "drain --admin 10.1.2.3:9180 --admin-token TOKEN"),
)
@admin_options
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until it is drained; exit code 3 if anything was cut or left unanswered.",
)
def drain(admin: Address, admin_token: str | None, wait: bool) -> None:
    """Drain a running sidecar: clients get their responses, and are told to reconnect elsewhere."""
    sidecar = AdminClient(admin, admin_token)
    if not wait:
        body = sidecar.post("/drain")
        click.echo("\n".join(_draining(body)))
        return
    report = sidecar.post("/drain?wait=1", timeout=None)
    click.echo("\n".join(report_lines(report)))
    sys.exit(0 if report["verdict"] == "clean" else EX_CUT)


@click.command(cls=Command, epilog=examples("undrain"))
@admin_options
def undrain(admin: Address, admin_token: str | None) -> None:
    """Cancel a drain: the sidecar serves again, on the same ports."""
    body = AdminClient(admin, admin_token).post("/undrain")
    click.echo(body["phase"])


@click.command(
    cls=Command, epilog=examples("status", "status --watch", "status --json | jq .in_flight")
)
@admin_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--watch", is_flag=True, help="Keep showing the status, until drained or Ctrl-C.")
def status(admin: Address, admin_token: str | None, as_json: bool, watch: bool) -> None:
    """Show the phase of a running sidecar, what is in flight, and what blocks a drain.

    Exits with 0 while it is serving, and with 1 while it is not, or if there is no sidecar.
    """
    if watch and as_json:
        raise click.UsageError("--watch shows text: leave --json out, or ask again and again")
    sidecar = AdminClient(admin, admin_token)
    if watch:
        from drainproxy.cli.watch import follow

        body = follow(lambda: sidecar.get("/status"))
    else:
        body = sidecar.get("/status")
    # What clients have asked for is in it: that must not command the terminal.
    lines = [json.dumps(body, indent=2)] if as_json else map(_printable, _status(body))
    click.echo("\n".join(lines))
    sys.exit(0 if body["phase"] == "serving" else 1)


def _judge_share(given: Mapping[str, Any]) -> None:
    before, after = given["before"], given["after"]
    if given["percent"] is None:
        _following(before, after)
    elif before is not None or after is not None:
        raise click.UsageError("give --percent, or --from and --to")


@click.command(
    cls=Command,
    judges=[_judge_share],
    epilog=examples(
        "rebalance --percent 20 --over 1m",
        "rebalance --from 25 --to 50 --over 2m    # in each pod of the stable version",
    ),
)
@admin_options
@click.option(
    "--percent",
    type=Number(0, 100, min_open=True),
    help="The percentage of clients that are asked.",
)
@click.option(
    "--from", "before", type=Number(0, 100), help="The canary's weight before the step, in percent."
)
@click.option(
    "--to",
    "after",
    type=Number(0, 100),
    help="Its weight after the step; with --from, in place of --percent.",
)
@click.option(
    "--over",
    type=DURATION,
    default="30s",
    show_default=True,
    help="The time over which the requests to reconnect are spread evenly.",
)
def rebalance(
    admin: Address,
    admin_token: str | None,
    percent: float | None,
    before: float | None,
    after: float | None,
    over: float,
) -> None:
    """Ask a share of the clients to reconnect, the oldest first, at a steady rate.

    With --from and --to it computes the share for a canary: run against the stable pods, it makes
    existing connections follow the canary's new weight, as new connections do by themselves.
    """
    if percent is None:
        percent = _following(before, after)
        click.echo(f"{percent:.3g} % of the connections are asked to reconnect")
    body = AdminClient(admin, admin_token).post(
        f"/rebalance?percent={percent:g}&over={format_duration(over)}"
    )
    if not body["started"]:
        click.echo("a rebalance is already running:")
    left = f", {body['seconds_left']:.1f} s left" if body["running"] else ""
    asked = body["told"] + body["gone"]
    click.echo(f"{asked} of {body['connections']} connections are done{left}")


def _following(before: float | None, after: float | None) -> float:
    """In percent; a usage error if the weight does not rise."""
    if before is None or after is None:
        raise click.UsageError("give --percent, or --from and --to")
    if before == after:
        raise click.UsageError(f"--from and --to are both {before:g}: nobody has to move")
    if before > after:
        back = f"--from {100 - before:g} --to {100 - after:g}"
        raise click.UsageError(
            f"--from {before:g} --to {after:g}: the weight must rise; when it falls, ask the pods"
            f" of the canary, with {back}"
        )
    return 100 * share_that_follows(before / 100, after / 100)


def share_that_follows(before: float, after: float) -> float:
    """Of the connections on stable, those that must come again when the canary's weight rises from
    `before` to `after` (0 to 1). They are (1 - before) of all and land on the canary with a chance
    of `after`: so s (1 - before) after = after - before.
    """
    return min((after - before) / (after * (1 - before)), 1.0)


def _draining(body: Body) -> Iterator[str]:
    left = body["deadline"]
    yield body["phase"] + ("" if left is None else f", drained in {left:.1f} s at the latest")


def _status(body: Body) -> Iterator[str]:
    why = f" ({body['why']})" if body["why"] else ""
    left = "" if body["deadline"] is None else f", {body['deadline']:.1f} s left"
    yield f"drainproxy {body['version']}: {body['phase']} for {body['since']:.1f} s{why}{left}"
    yield ""
    kinds = [
        (kind, str(count), str(body["in_flight"].get(kind, 0)))
        for kind, count in body["connections"].items()
    ]
    yield from _table([("", "connections", "in flight"), *kinds])
    if body["blocking"]:
        yield from ("", "longest in flight:")
        yield from _table(
            [
                (each["path"], each["kind"], each["peer"], f"{each['age']:.1f} s")
                for each in body["blocking"]
            ]
        )
    yield from _missing(body)
    yield from _bypassed(body)
    yield from (f"mistake: {mistake}" for mistake in body["config_mistakes"])
    if body["report"]:
        yield ""
        yield from report_lines(body["report"])


def _missing(body: Body) -> Iterator[str]:
    if body.get("not_ready"):
        yield f"not ready: {body['not_ready']}"
    for each in body.get("missing", ()):
        if not each["counts"]:
            yield f"not up, not needed for readiness: {each['problem']}"
        elif each["problem"] != body["not_ready"]:
            yield f"not up: {each['problem']}"


def _bypassed(body: Body) -> Iterator[str]:
    for each in body.get("bypassed", ()):
        yield (
            f"bypassed: {each['connections']} connections to port {each['port']} of the app bypass"
            f" the sidecar, from {', '.join(each['from'])}: they should go to {each['instead']}"
        )


def report_lines(report: Body) -> Iterator[str]:
    """The report of a drain, for people."""
    yield f"drained in {report['seconds']:.1f} s ({report['why']}): {report['verdict']}"
    ended = {kind: ways for kind, ways in report["ended"].items() if any(ways.values())}
    if ended:
        ways = list(next(iter(ended.values())))
        rows = [(kind, *map(str, counts.values())) for kind, counts in ended.items()]
        yield from _table([("", *(way.replace("_", " ") for way in ways)), *rows])


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])
