"""What a report is about, so that it can stand in a ticket: date, command, settings and
versions."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import drainproxy
from drainproxy.config import TABLE, format_duration
from drainproxy.config.kinds import SECRET
from drainproxy.config.table import Setting
from drainproxy.rehearsal.plan import RehearsalPlan

# Whoever forwards, asks, or answers here.
_PACKAGES = ("aiohttp", "uvloop", "websockets", "grpcio")
_HIDDEN = "(hidden)"
_SECRETS = tuple(row.flag for row in TABLE if row.kind is SECRET)
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class About:
    """`date` is local, with its offset; `command` as a shell reads it. `rehearsal` is what was
    asked of it, `settings` what the sidecars had, both by name; secrets are in none of them."""

    date: str
    command: str
    rehearsal: Mapping[str, str]
    settings: Mapping[str, str]
    versions: Mapping[str, str]


def about(plan: RehearsalPlan, arguments: Sequence[str], now: datetime | None = None) -> About:
    """What can be said of it; `arguments` are those of the command line, without the program."""
    return About(
        date=(now or datetime.now().astimezone()).isoformat(sep=" ", timespec="seconds"),
        command=shlex.join(["drainproxy", *_without_secrets(arguments)]),
        rehearsal=_rehearsal(plan),
        settings=_settings(plan) if plan.proxy == "drainproxy" else {},
        versions={**_versions(), **dict(_programs(plan))},
    )


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    hide = False
    for number, argument in enumerate(arguments):
        if argument == "--":
            yield from arguments[number:]
            return
        name, given, _ = argument.partition("=")
        if hide:
            yield _HIDDEN
        else:
            yield f"{name}={_HIDDEN}" if given and name in _SECRETS else argument
        hide = not hide and argument in _SECRETS


def _rehearsal(plan: RehearsalPlan) -> Mapping[str, str]:
    times = {
        "grace-period": plan.grace_period,
        "propagation-delay": plan.propagation_delay,
        "before": plan.before,
        "after": plan.after,
        "hold": plan.hold,
    }
    clients = ", ".join(f"{count} {kind}" for kind, count in plan.clients.items() if count)
    return {
        "app": shlex.join(plan.app) or "the built-in one",
        "clients": clients or "none",
        "replicas": f"{plan.replicas}",
        "strategy": plan.strategy,
        "surge": f"{plan.surge}",
        "unavailable": f"{plan.unavailable}",
        "balancer": plan.balancer,
        **({"prestop-sleep": format_duration(plan.prestop_sleep)} if plan.prestop_sleep else {}),
        **{name: format_duration(seconds) for name, seconds in times.items()},
    }


def _settings(plan: RehearsalPlan) -> Mapping[str, str]:
    """Those that are not the defaults; of one that was given twice the last, or all."""
    rows = {row.flag: row for row in TABLE}
    found: dict[str, str] = {}
    for flag, _, text in (each.partition("=") for each in plan.sidecar_flags):
        row = rows[flag]
        if row.kind is SECRET:
            text = _HIDDEN
        elif _is_default(row, text):
            found.pop(row.name, None)
            continue
        if row.kind.repeatable and row.name in found:
            text = f"{found[row.name]}, {text}"
        found[row.name] = text
    return found


def _is_default(row: Setting, text: str) -> bool:
    with suppress(ValueError):  # what is wrong with it the sidecar says in its own words
        return not row.kind.repeatable and row.read(text) == row.default
    return False


def _versions() -> Mapping[str, str]:
    return {
        "drainproxy": drainproxy.__version__,
        "Python": platform.python_version(),
        platform.system(): platform.release(),
        "CPUs": f"{len(os.sched_getaffinity(0))}",
        **dict(_packages()),
    }


def _packages() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _programs(plan: RehearsalPlan) -> Iterator[tuple[str, str]]:
    """Of those that stand in between and are not ours."""
    if plan.balancer == "haproxy" and (program := _found("haproxy")):
        yield "HAProxy", _first_line(program, "-v")
    if plan.proxy == "envoy":
        from drainproxy.rehearsal.envoy import binary

        yield "Envoy", _first_line(binary(), "--version")


def _found(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
    return next(iter(done.stdout.strip().splitlines()), "unknown")


def arguments() -> Sequence[str]:
    """Those that this process was started with."""
    return sys.argv[1:]
