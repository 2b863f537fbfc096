"""`drainproxy run`: the sidecar itself."""

import asyncio
import gc
import logging
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import click

from drainproxy.cli.options import setting_options, sources
from drainproxy.config import ConfigError, Settings

# sysexits.h: the command was used wrongly; something it needs cannot be had.
EX_CONFIG = 78
EX_UNAVAILABLE = 69

# Beside the two of each connection: listeners, admin, log, and the loop's own.
_OTHER_FILES = 64


@click.command(context_settings={"ignore_unknown_options": False})
@setting_options
@click.argument("app", nargs=-1, metavar="[-- APP ARGS...]")
def run(app: tuple[str, ...], **given: Any) -> None:
    """Stand in front of an app: forward, know what is in flight, drain on SIGTERM.

    With `-- APP ARGS...` the app is started too, gets its SIGTERM after the drain, and its exit
    code becomes ours.
    """
    from drainproxy.sidecar import logs, reload
    from drainproxy.sidecar.supervisor import Sidecar

    try:
        origin = sources(given)
        settings = origin.load(reload.read(origin.annotations_file()))
        token = _admin_token(settings)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(EX_CONFIG)
    logs.configure(settings.log_level, settings.log_format)
    _raise_file_limit(settings.max_connections)
    sys.exit(_run(lambda: Sidecar(origin, settings, token, app)))


def _run(sidecar: Any) -> int:
    import uvloop

    async def life() -> int:
        running = sidecar()
        # What has been imported stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        code: int = await running.run()
        # Nobody handles signals any more: one that comes now must not change the exit code.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
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
    from drainproxy.config import Mistake

    path = settings.admin_token_file
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError([Mistake("the file", "admin-token-file", f"{path!r}: {why}")]) from None
    if not token:
        raise ConfigError([Mistake("the file", "admin-token-file", f"{path!r} is empty")])
    return token


def _raise_file_limit(connections: int) -> None:
    """Take as many file descriptors as the system grants, and say so if they are too few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = 2 * connections + _OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        log = logging.getLogger("drainproxy")
        log.warning("max-connections needs %d file descriptors, the system grants %d", needed, hard)
