"""`drainproxy run`: the sidecar itself."""

import asyncio
import gc
import os
import shlex
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from drainproxy.cli.held_signals import HELD
from drainproxy.cli.help import Command, examples
from drainproxy.cli.options import setting_options, sources, unreadable
from drainproxy.config import ConfigError, Forward, Mistake, Settings, located

# sysexits.h: the command was used wrongly; something it needs cannot be had.
EX_CONFIG = 78
EX_UNAVAILABLE = 69


class RunCommand(Command):
    """Leaves flags that nobody knows to the table of settings, which reports all mistakes at once.

    What stands behind `--` is the app's.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split at `--`; `ctx.obj` is the app's command."""
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = tuple(args[end + 1 :])
        line = [*args]
        try:
            return super().parse_args(ctx, args[:end])
        except click.UsageError:
            app = self._behind(ctx, line) if end == len(line) else []
            if not app:
                raise
        said = f"{app[0]!r} is no option: write the app's command after --, as in:"
        mistakes = [f"{said} -- {shlex.join(app)}"]
        try:
            super().parse_args(ctx, line[: -len(app)])
        except click.UsageError as error:
            mistakes.insert(0, error.message)
        raise click.UsageError("\n".join(mistakes), ctx)

    def _behind(self, ctx: click.Context, line: list[str]) -> list[str]:
        """What follows the options: those of an app that stands there would be taken for ours."""
        ctx.allow_interspersed_args = False
        try:
            return self.make_parser(ctx).parse_args([*line])[1]
        except click.UsageError:
            return []


@click.command(
    cls=RunCommand,
    options_metavar="[OPTIONS] [-- APP ARGS...]",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog=examples(
        "run --forward 8080=9000 --drain-timeout 60s",
        "run --forward 8080=9000 -- python3 -m http.server -b 127.0.0.1 9000",
        "run --config drainproxy.yaml --check",
    ),
)
@click.option(
    "--check", is_flag=True, help="Check the settings, print what is wrong with them, and exit."
)
@setting_options
@click.pass_context
def run(ctx: click.Context, /, check: bool, **given: Any) -> None:
    """Run the sidecar: forward to an app, track what is in flight, drain on SIGTERM.

    With `-- APP ARGS...` it starts the app too. After the drain the app's whole process group gets
    SIGTERM, and SIGKILL if it has not ended within 10 s. The exit code is that of the app, or 0 if
    our SIGTERM ended it. SIGHUP reloads --config and the annotations.
    """
    from drainproxy.sidecar import grpc_health, logs, own_addresses, reload, rlimits
    from drainproxy.sidecar.supervisor import Sidecar

    origin, mistakes = sources(given, ctx.args)
    settings = token = None
    forwards: tuple[Forward, ...] = ()
    try:
        pod_ip = os.environ.get("POD_IP")
        addresses = partial(own_addresses.problems, pod_ip=pod_ip)
        annotations = reload.read(origin.annotations_file())
        settings = origin.load(annotations, [addresses, grpc_health.problems])
        forwards = located(settings, pod_ip)
        token = _admin_token(settings)
    except ConfigError as error:
        mistakes += error.mistakes
    if settings is None or mistakes:
        click.echo(str(ConfigError(mistakes)), err=True)
        sys.exit(EX_CONFIG)
    if check:
        click.echo("the settings are right")
        return
    logs.configure(settings.log_level, settings.log_format)
    rlimits.raise_limit()
    sys.exit(_run(lambda: Sidecar(origin, settings, forwards, token, ctx.obj)))


def _run(sidecar: Any) -> int:
    import uvloop

    async def life() -> int:
        running = sidecar()
        # What has been imported stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        code: int = await running.run()
        # Nobody handles signals any more: one that comes now must not change the exit code.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        return code

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(life())
    except OSError as error:
        click.echo(f"drainproxy: {error.strerror or error}", err=True)
        return EX_UNAVAILABLE


def _admin_token(settings: Settings) -> str | None:
    if settings.admin_token_file is None:
        return settings.admin_token
    path = settings.admin_token_file
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError([_token_mistake(unreadable(path, error))]) from None
    if not token:
        raise ConfigError([_token_mistake(f"{path!r} is empty")])
    return token


def _token_mistake(problem: str) -> Mistake:
    return Mistake("the file", "admin-token-file", problem)
