"""`drainproxy health`: probes a running sidecar, for HEALTHCHECK and scripts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from drainproxy.cli.admin import AdminClient
from drainproxy.cli.admin_address import admin_option
from drainproxy.cli.help import Command, examples
from drainproxy.config.values import Address

PROBES = ("readyz", "livez", "startupz")


@contextmanager
def _unhealthy() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.show()
        raise click.exceptions.Exit(1) from None


class HealthCommand(Command):
    """A command that exits with 0 or 1, whatever is wrong: Docker reserves 2 (HEALTHCHECK)."""

    def make_context(self, *arguments: Any, **given: Any) -> click.Context:
        """Read the options."""
        with _unhealthy():
            return super().make_context(*arguments, **given)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the places that they stand for, and ask."""
        with _unhealthy():
            return super().invoke(ctx)


@click.command(
    cls=HealthCommand,
    epilog=examples(
        "health",
        "health --config /etc/drainproxy/drainproxy.yaml",
        "health --probe livez --admin 127.0.0.1:9180",
        "health --quiet || exit 1         # in a script",
    ),
)
@admin_option
@click.option(
    "--probe",
    type=click.Choice(PROBES),
    default=PROBES[0],
    show_default=True,
    help="readyz: ready for traffic. livez: the process answers. startupz: the listeners are open.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; the exit code is the answer.")
def health(admin: Address, probe: str, quiet: bool) -> None:
    """Probe a running sidecar: exit code 0 if it is healthy, 1 if not.

    Anything but a success is a failure, such as that nothing listens there, or a mistake in these
    options. DRAINPROXY_ADMIN and DRAINPROXY_CONFIG name the admin address, as for the sidecar
    itself.
    """
    try:
        said, well = AdminClient(admin, None).get(f"/{probe}").get("reason", "ok"), True
    except click.ClickException as error:
        said, well = error.format_message(), False
    if not quiet:
        click.echo(said, err=not well)
    sys.exit(0 if well else 1)
