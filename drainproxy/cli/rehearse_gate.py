"""The options of `drainproxy rehearse` about the gate and about what is wrong with a version."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import click

from drainproxy.cli.parsed import DURATION, PERCENT, duration_within
from drainproxy.rehearsal.faults import Faults

Command = TypeVar("Command", bound=Callable[..., Any])

# Between two weights, in seconds: of a strategy without a gate, and with one the least.
HOLD, GATED_HOLD = 5.0, 2.0
# A step's longest wait for a verdict, in seconds.
GATE_TIMEOUT = 90.0

GATE: Final = (
    click.option(
        "--gate",
        is_flag=True,
        help="With --strategy canary: steps of 5 %, each after a pass of the gate; a fail rolls"
        " back.",
    ),
    click.option(
        "--gate-timeout",
        type=duration_within(1, 86400),
        metavar="DURATION",
        help=f"How long one step may wait for a verdict; the default is {GATE_TIMEOUT:g} s.",
    ),
    click.option(
        "--prometheus",
        metavar="PATH",
        help="The Prometheus binary that scrapes the sidecars; the default is the installed one.",
    ),
    click.option(
        "--new-version-fails",
        type=PERCENT,
        default=0.0,
        metavar="PERCENT",
        help="The share of requests that fail in the new version of the built-in app, such as 5%.",
    ),
    click.option(
        "--new-version-slow",
        type=DURATION,
        default=0.0,
        metavar="DURATION",
        help="The delay of each response of the new version, such as 300ms.",
    ),
    click.option(
        "--new-version-drops-websockets",
        is_flag=True,
        help="The new version ends each WebSocket at the first message, without a Close.",
    ),
)

GATE_OPTIONS: Final = (
    "gate",
    "gate_timeout",
    "prometheus",
    "new_version_fails",
    "new_version_slow",
    "new_version_drops_websockets",
)


def gate_options(command: Command) -> Command:
    """All of them."""
    for option in reversed(GATE):
        command = option(command)
    return command


def times(given: Mapping[str, Any]) -> Mapping[str, float]:
    """What was given of them, in seconds, or what is usual with a gate and without."""
    usual = {"hold": GATED_HOLD if given["gate"] else HOLD, "gate_timeout": GATE_TIMEOUT}
    return {name: value if given[name] is None else given[name] for name, value in usual.items()}


def faults(given: Mapping[str, Any], app: tuple[str, ...]) -> Faults:
    """What is wrong with the new version; a usage error if it is somebody else's app."""
    found = Faults(
        given["new_version_fails"],
        given["new_version_slow"],
        given["new_version_drops_websockets"],
    )
    if app and found:
        raise click.UsageError("--new-version-...: these are faults of the built-in app only")
    return found


def judge_gate(given: Mapping[str, Any]) -> Iterator[str]:
    """Where there is nothing that a gate could stop, or look at."""
    if not given["gate"]:
        for option in ("prometheus", "gate_timeout"):
            if given[option] is not None:
                yield f"--{option.replace('_', '-')} is an option of --gate: give both"
        return
    if given["strategy"] != "canary":
        yield "--gate needs --strategy canary: only that goes on by steps"
    if given["proxy"] != "drainproxy":
        yield "--gate looks at what drainproxy counts: it needs --proxy drainproxy"
    if given["http"] == 0:
        yield "--gate needs --http clients: it counts by what they ask for"
    for other in ("serve", "compare"):
        if given[other]:
            yield f"--gate and --{other} do not go together"
