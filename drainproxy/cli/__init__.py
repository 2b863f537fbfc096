"""The commands: arguments in, exit codes out. Each is imported only when it is called."""

from importlib import import_module

import click

from drainproxy import __version__

# Command -> where it lives.
_COMMANDS = {
    "run": "drainproxy.cli.run:run",
    "drain": "drainproxy.cli.admin:drain",
    "undrain": "drainproxy.cli.admin:undrain",
    "status": "drainproxy.cli.admin:status",
    "rebalance": "drainproxy.cli.admin:rebalance",
    "inject": "drainproxy.cli.kube:inject",
    "uninject": "drainproxy.cli.kube:uninject",
    "webhook": "drainproxy.cli.webhook:webhook",
    "reports": "drainproxy.cli.reports:reports",
    "redirect": "drainproxy.cli.redirect:redirect",
    "check": "drainproxy.cli.check:check",
    "migration": "drainproxy.cli.migration:migration",
    "smoke": "drainproxy.cli.smoke:smoke",
    "rehearse": "drainproxy.cli.rehearse:rehearse",
    "gate": "drainproxy.cli.gate:gate",
    "settings": "drainproxy.cli.settings:settings",
}


class Commands(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a process's life."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None if there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="drainproxy")
def main() -> None:
    """A sidecar that makes deployments invisible to the clients of the app behind it."""
