"""`drainproxy redirect`: redirects connections for the app to the sidecar, where no port can
change.

Run in the pod's network by a container that has NET_ADMIN, before the app starts.
"""

import os
import subprocess
import sys

import click

from drainproxy.cli.help import Group, examples
from drainproxy.cli.parsed import Whole
from drainproxy.cli.run import EX_CONFIG
from drainproxy.config import ConfigError
from drainproxy.config.addresses import parse_listen
from drainproxy.kube.redirect import TABLE, UNINSTALL, pair
from drainproxy.sidecar.namespaces import own_network

# Seconds; a transaction of this size takes milliseconds.
_PATIENCE = 20

_INSTALL = "redirect install --port 8080 --to 9181 --uid 65532 --yes"


@click.group(cls=Group, epilog=examples(_INSTALL, "redirect show", "redirect uninstall"))
def redirect() -> None:
    """Redirect connections for the app to the sidecar, with nftables (needs NET_ADMIN)."""


@redirect.command(epilog=examples(_INSTALL))
@click.option("--port", required=True, metavar="PORT[,PORT]", help="The ports of the app.")
@click.option("--to", required=True, metavar="PORT[,PORT]", help="The sidecar's port for each.")
@click.option(
    "--uid",
    type=Whole(0, 2**32 - 2),
    default=65532,
    show_default=True,
    help="The sidecar's user: its own connections to the app are not redirected.",
)
@click.option(
    "--admin",
    metavar="[HOST:]PORT",
    envvar="DRAINPROXY_ADMIN",
    default="9180",
    show_default=True,
    help="The sidecar's admin address, which is never redirected.",
)
@click.option("--yes", is_flag=True, help="Install as root in the machine's network too.")
def install(port: str, to: str, uid: int, admin: str, yes: bool) -> None:
    """Redirect TCP over IPv4 and IPv6, in place of any redirect installed before.

    It is meant for an init container of a pod. As root in the network of the machine, outside a
    container or in one that shares this network, it would redirect connections of the whole
    machine, so there it needs --yes.
    """
    if not yes and os.geteuid() == 0 and not own_network():
        raise click.UsageError(
            "this is the network of the machine, not of a container,"
            " and the rules would be those of the whole machine: give --yes if that is meant"
        )
    try:
        rules = pair(port, to, uid, _port_of(admin))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(EX_CONFIG)
    _nft("-f", "-", ruleset=rules.ruleset())
    for app, sidecar in rules.ports:
        click.echo(f"port {app} is redirected to {sidecar}, except for user {uid}")


@redirect.command(epilog=examples("redirect uninstall"))
def uninstall() -> None:
    """Remove the redirect completely."""
    _nft("-f", "-", ruleset=UNINSTALL)


@redirect.command(epilog=examples("redirect show"))
def show() -> None:
    """Print the rules that are installed; exit code 1 if there are none."""
    if f"table {TABLE}" not in _nft("list", "tables").splitlines():
        raise click.ClickException("no redirect is installed")
    click.echo(_nft("list", "table", *TABLE.split()), nl=False)


def _port_of(admin: str) -> int:
    try:
        return parse_listen(admin).port
    except ValueError as error:
        raise click.BadParameter(f"{admin!r} {error}", param_hint="'--admin'") from None


def _nft(*arguments: str, ruleset: str = "") -> str:
    """What nft printed; a ClickException that says why if it failed."""
    try:
        done = subprocess.run(
            ["nft", *arguments],
            input=ruleset,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        message = "nft is not installed: on Debian, the package nftables; our image has it"
        raise click.ClickException(message) from None
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"nft has not answered for {_PATIENCE} s") from None
    if done.returncode == 0:
        return done.stdout
    if "not permitted" in done.stderr:
        raise click.ClickException(
            "not permitted: to change rules takes user 0 with the capability NET_ADMIN"
        )
    raise click.ClickException(f"nft refused: {done.stderr.strip()}")
