"""`drainproxy health`: a probe of a sidecar that runs, for HEALTHCHECK and scripts."""

import sys

import click

from drainproxy.cli.admin import Admin
from drainproxy.cli.admin_address import admin_option
from drainproxy.cli.help import examples
from drainproxy.config.values import Address

PROBES = ("readyz", "livez", "startupz")


@click.command(
    epilog=examples(
        "health",
        "health --probe livez --admin 127.0.0.1:9180",
        "health --quiet || exit 1         # in a script",
    )
)
@admin_option
@click.option(
    "--probe",
    type=click.Choice(PROBES),
    default=PROBES[0],
    show_default=True,
    help="readyz: new work should come here. livez: the process can answer. startupz: it listens.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing: the exit code tells.")
def health(admin: Address, probe: str, quiet: bool) -> None:
    """Ask a running sidecar whether it is well: exit code 0 if it is, 1 if not.

    Any other answer than yes is a no, that nothing listens there among them. DRAINPROXY_ADMIN says
    where the sidecar is, as for the sidecar itself.
    """
    try:
        said, well = Admin(admin, None).get(f"/{probe}").get("reason", "ok"), True
    except click.ClickException as error:
        said, well = error.format_message(), False
    if not quiet:
        click.echo(said, err=not well)
    sys.exit(0 if well else 1)
