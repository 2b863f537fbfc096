"""`drainproxy rehearse`: a rollout on your own machine."""

import asyncio
import importlib
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drainproxy.cli.help import examples
from drainproxy.cli.options import judge_settings, option
from drainproxy.cli.parsed import DURATION, Whole
from drainproxy.cli.rehearse_gate import (
    GATE_OPTIONS,
    GATED_HOLD,
    HOLD,
    faults,
    gate_options,
    judge_gate,
    times,
)
from drainproxy.cli.run import RunCommand
from drainproxy.cli.written import WRITTEN, write
from drainproxy.config import TABLE
from drainproxy.extras import install_hint
from drainproxy.rehearsal.plan import (
    BALANCERS,
    CLIENTS,
    KILL,
    PROXIES,
    RESTART,
    STRATEGIES,
    RehearsalPlan,
)

if TYPE_CHECKING:
    from rich.console import Console

    from drainproxy.rehearsal.about import About
    from drainproxy.rehearsal.rehearsal import Rehearsal
    from drainproxy.rehearsal.result import RehearsalResult

# Something failed; the rehearsal could not take place; the gate came to no verdict; as shells say
# it, 128 and the signal.
FAILED, IMPOSSIBLE, HELD, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143

# Seconds: half of it is the kubelet's delay, a third the age, and sidecars look once a second.
LEAST_DELAY = 6.0
# What a rehearsal decides by itself.
_ITS_OWN = {"forward", "admin", "report-file", "annotations-file"}


_CLIENT_NAMES = {
    "http": "HTTP clients",
    "websocket": "WebSocket clients",
    "sse": "SSE clients",
    "grpc": "gRPC clients",
}
# Only the built-in app is known to answer these.
_NOT_FOR_EVERY_APP = CLIENTS.keys() - {"http"}

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)


def _sidecar_options(command: Command) -> Command:
    """The sidecars' settings, by the names that they have everywhere."""
    for row in reversed(TABLE):
        if row.name not in _ITS_OWN:
            command = option(row)(command)
    return command


def _client_options(command: Command) -> Command:
    for kind, count in reversed(CLIENTS.items()):
        command = click.option(
            f"--{kind}",
            type=Whole(0, 2000),
            default=None,
            help=f"The number of {_CLIENT_NAMES[kind]}; the default is {count}"
            + (", and 0 for an app of yours." if kind in _NOT_FOR_EVERY_APP else "."),
        )(command)
    return command


def _duration(name: str, default: str | None, help_text: str) -> Callable[[Command], Command]:
    return click.option(
        name,
        type=DURATION,
        default=default,
        show_default=True,
        metavar="DURATION",
        help=help_text,
    )


def _judge_pods(given: Mapping[str, Any]) -> Iterator[str]:
    if given["surge"] + given["unavailable"] == 0 and given["strategy"] == "rolling":
        yield "--surge and --unavailable cannot both be 0: nothing could change"


def _judge_strategy(given: Mapping[str, Any]) -> Iterator[str]:
    """Where what is in place of a rollout does not go together with all else."""
    instead = _instead(given)
    if len(instead) > 1:
        yield f"--{RESTART} and --{KILL} are two rehearsals: give one"
    elif instead and (given["strategy"] != "rolling" or given["serve"]):
        yield f"--{instead[0]} is no rollout: leave --strategy and --serve out"
    elif instead and given["proxy"] == "envoy":
        yield f"--{instead[0]}: Envoy cannot cancel a drain"


def _judge_paths(given: Mapping[str, Any]) -> Iterator[str]:
    for path in ("path", "websocket_path", "events_path"):
        if not given[path].startswith("/"):
            yield f"--{path.replace('_', '-')}: a path begins with /: {given[path]!r} does not"


def _judge_ages(given: Mapping[str, Any]) -> Iterator[str]:
    """Where nothing has an age of its own, or somebody else has set it."""
    delay = given["scale_down_delay"]
    if not delay:
        return
    if given["strategy"] != "canary" or given["proxy"] != "drainproxy":
        yield "--scale-down-delay needs --strategy canary and --proxy drainproxy"
    if delay < LEAST_DELAY:
        yield f"--scale-down-delay: it is {LEAST_DELAY:g}s at least"
    for row in TABLE:
        if row.name.startswith("max-connection-age") and given[row.field] is not None:
            yield f"--scale-down-delay sets the ages: leave --{row.name} out"


@click.command(
    cls=RunCommand,
    judges=[_judge_pods, judge_gate, _judge_strategy, _judge_paths, _judge_ages, judge_settings],
    options_metavar="[OPTIONS] [-- APP ARGS...]",
    sections={
        "The rollout": (
            "replicas",
            "strategy",
            "restart_app",
            "kill_app",
            "surge",
            "unavailable",
            "grace_period",
            "prestop_sleep",
            "propagation_delay",
            "before",
            "after",
            "hold",
            "scale_down_delay",
            "rollout_every",
        ),
        "The gate, and what it may find": GATE_OPTIONS,
        "Clients": (*CLIENTS, "path", "websocket_path", "events_path"),
        "What is in between": ("proxy", "balancer", "http_port", "grpc_port"),
    },
    epilog=examples(
        "rehearse --compare --html report.html",
        "rehearse -- python3 -m http.server --bind 127.0.0.1 {port}",
        "rehearse --strategy canary --max-connection-age 10s",
        "rehearse --strategy canary --gate --new-version-fails 5%",
    ),
)
@click.option(
    "--replicas",
    type=Whole(1, 20),
    default=3,
    show_default=True,
    help="The number of replicas of the app.",
)
@_client_options
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="rolling",
    show_default=True,
    help="How the new version replaces the old one.",
)
@click.option(
    "--surge",
    type=Whole(0, 20),
    default=1,
    show_default=True,
    help="maxSurge of a rolling update: replicas above --replicas.",
)
@click.option(
    "--unavailable",
    type=Whole(0, 20),
    default=0,
    show_default=True,
    help="maxUnavailable of a rolling update: replicas below --replicas.",
)
@click.option(
    "--restart-app",
    is_flag=True,
    help="In place of a rollout: restart the app of each replica, as after a failed liveness"
    " probe.",
)
@click.option(
    "--kill-app",
    is_flag=True,
    help="In place of a rollout: kill the app of each replica, as when out of memory, and start it"
    " again.",
)
@_duration("--grace-period", "30s", "terminationGracePeriodSeconds of the pods.")
@_duration(
    "--propagation-delay",
    "2s",
    "The time from the deletion of a replica until the balancer stops sending to it.",
)
@_duration("--before", "5s", "How long the load runs before the rollout.")
@_duration("--after", "10s", "How long the load runs after the rollout.")
@_duration(
    "--hold",
    None,
    f"The pause between the steps of blue-green and canary: {HOLD:g} s, with --gate at least"
    f" {GATED_HOLD:g} s.",
)
@_duration(
    "--scale-down-delay",
    "0s",
    "scaleDownDelaySeconds of a canary: after the promotion the connections to old replicas end"
    " at max-connection-age within this time, as in deploy/rollouts/argo/canary.yaml; with 0"
    " `drainproxy rebalance` moves them at each step.",
)
@click.option(
    "--path",
    default="/",
    show_default=True,
    help="The path that HTTP clients GET from an app of yours.",
)
@click.option(
    "--websocket-path",
    default="/ws",
    show_default=True,
    help="The path at which WebSocket clients connect; they send a text message each second, and"
    " count it as lost unless a message comes back.",
)
@click.option(
    "--events-path",
    default="/events",
    show_default=True,
    help="The path from which SSE clients GET an event stream (text/event-stream).",
)
@click.option(
    "--proxy",
    type=click.Choice(PROXIES),
    default="drainproxy",
    show_default=True,
    help="The proxy in front of each replica.",
)
@click.option(
    "--http-port",
    type=Whole(0, 65535),
    default=0,
    help="The balancer's port for HTTP; the default is a free port.",
)
@click.option(
    "--grpc-port",
    type=Whole(0, 65535),
    default=0,
    help="The balancer's port for gRPC; the default is a free port.",
)
@_duration(
    "--prestop-sleep",
    "0s",
    "The length of the sleep in the preStop hook of an app without a proxy; with --compare such an"
    " app is a third rehearsal, beside those with drainproxy and with neither.",
)
@click.option(
    "--balancer",
    type=click.Choice(BALANCERS),
    default="kube-proxy",
    show_default=True,
    help="The balancer in front of the replicas.",
)
@click.option(
    "--serve", is_flag=True, help="Start no clients; serve clients of yours until Ctrl-C."
)
@_duration("--rollout-every", "0s", "With --serve: the time between rollouts; 0 is never.")
@click.option(
    "--compare",
    is_flag=True,
    help="At the same time run the same rehearsal without a proxy, and print both.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the results as JSON on stdout, everything else on stderr.",
)
@click.option("--html", metavar="FILE", type=WRITTEN, help="Write the results as an HTML page.")
@gate_options
@_sidecar_options
@click.pass_context
def rehearse(ctx: click.Context, /, **given: Any) -> None:
    """Roll out a new version under load on this machine, and count what is lost.

    With `-- APP ARGS...` it runs your app, which gets its port as `{port}` or $PORT and its version
    as `{version}` or $VERSION; without, a built-in app with responses of every kind. Exits 0 if
    nothing was lost, 1 if anything was or the gate stopped it, 2 if the rehearsal could not run, 3
    if the gate came to no verdict.
    """
    plan = _plan(given, ctx.obj or ())
    sys.exit(_rehearse(plan, given))


def _plan(given: Mapping[str, Any], app: tuple[str, ...]) -> RehearsalPlan:
    strategy = _strategy(given)
    settings = [
        f"--{row.name}={text}"
        for row in TABLE
        if row.name not in _ITS_OWN
        for text in _texts(given[row.field])
    ]
    clients = {
        kind: given[kind] if given[kind] is not None else (0 if app and kind != "http" else count)
        for kind, count in CLIENTS.items()
    }
    if app and clients["grpc"]:
        raise click.UsageError("--grpc: its calls are those of the built-in app only")
    values = {**given, **times(given)}
    same = {field.name for field in fields(RehearsalPlan)} & values.keys()
    return RehearsalPlan(
        app=app,
        clients=clients,
        settings=tuple(settings),
        faults=faults(given, app),
        **{**{name: values[name] for name in same}, "strategy": strategy},
    )


def _strategy(given: Mapping[str, Any]) -> str:
    """Also what is in place of a rollout."""
    return str(next(iter(_instead(given)), given["strategy"]))


def _instead(given: Mapping[str, Any]) -> Sequence[str]:
    return [name for name in (RESTART, KILL) if given[name.replace("-", "_")]]


def _texts(value: Any) -> Sequence[str]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _rehearse(plan: RehearsalPlan, given: Mapping[str, Any]) -> int:
    try:
        import uvloop
        from rich.console import Console

        from drainproxy.rehearsal.about import about, arguments
        from drainproxy.rehearsal.processes import StartFailed
        from drainproxy.rehearsal.rehearsal import Rehearsal

        if given["html"]:
            # What is missing is said before the rollout, not behind it.
            importlib.import_module("jinja2")
    except ImportError as error:
        raise click.UsageError(f"needs {error.name}: {install_hint('rehearsal')}") from None
    console = Console(stderr=given["as_json"])
    rehearsals = [Rehearsal(each) for each in (plan.compared if given["compare"] else [plan])]
    try:
        said = about(plan, arguments())
        every = given["rollout_every"]
        working = _serve(rehearsals[0], every) if given["serve"] else _all(rehearsals)
        results = uvloop.run(_shown(working, rehearsals, console))
    except StartFailed as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return IMPOSSIBLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except asyncio.CancelledError:
        return TERMINATED
    return _say(results, said, console, given)


async def _shown(
    working: Coroutine[Any, Any, "list[RehearsalResult]"],
    rehearsals: "Sequence[Rehearsal]",
    console: "Console",
) -> "list[RehearsalResult]":
    """Show it while it works. SIGTERM and a closed terminal take everything down as Ctrl-C does."""
    from drainproxy.rehearsal.live import show

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    showing = asyncio.ensure_future(show(rehearsals, console))
    try:
        return await working
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _all(rehearsals: "Sequence[Rehearsal]") -> "list[RehearsalResult]":
    """Side by side; the first that fails takes the others down, each with all of its processes."""
    from drainproxy.rehearsal.processes import StartFailed, first

    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(rehearsal.run()) for rehearsal in rehearsals]
    except* StartFailed as group:
        raise first(group) from None
    return [task.result() for task in running]


async def _serve(rehearsal: "Rehearsal", every: float) -> "list[RehearsalResult]":
    """Until a signal: here that is the end that is meant."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return [await rehearsal.serve(every, stop)]


def _say(
    results: "Sequence[RehearsalResult]",
    about: "About",
    console: "Console",
    given: Mapping[str, Any],
) -> int:
    from drainproxy.rehearsal import result, table

    console.print(table.render(results))
    problems = results[0].problems()
    console.print(
        table.verdict(results),
        style="red" if problems else "green",
        highlight=False,
        soft_wrap=True,
    )
    unwritten = ""
    if given["html"]:
        from drainproxy.rehearsal.page import page

        if unwritten := write(given["html"], page(results, about)):
            click.echo(unwritten, err=True)
    if given["as_json"]:
        click.echo(result.as_json(results, about), nl=False)
    if results[0].gate and results[0].gate.verdict == "hold":
        return HELD
    if problems:
        return FAILED
    return IMPOSSIBLE if unwritten else 0
