"""The commands: arguments in, exit codes out. Each is imported only when it is called."""

import signal
import sys

from drainproxy.cli import held_signals

# Before all else, for the imports below take most of the time in which a signal would be lost.
held_signals.hold(sys.argv)

from collections import UserDict  # noqa: E402
from importlib import import_module  # noqa: E402
from typing import Any, Final  # noqa: E402

import click  # noqa: E402

from drainproxy import __version__  # noqa: E402
from drainproxy.cli.help import Group, examples  # noqa: E402

# Command -> where it lives, under the heading above it.
_SECTIONS = {
    "The sidecar": {
        "run": "drainproxy.cli.run:run",
        "settings": "drainproxy.cli.settings:settings",
        "health": "drainproxy.cli.health:health",
        "status": "drainproxy.cli.admin:status",
        "drain": "drainproxy.cli.admin:drain",
        "undrain": "drainproxy.cli.admin:undrain",
        "rebalance": "drainproxy.cli.admin:rebalance",
    },
    "Kubernetes": {
        "inject": "drainproxy.cli.kube:inject",
        "uninject": "drainproxy.cli.kube:uninject",
        "webhook": "drainproxy.cli.webhook:webhook",
        "redirect": "drainproxy.cli.redirect:redirect",
        "reports": "drainproxy.cli.reports:reports",
    },
    "A release": {
        "rehearse": "drainproxy.cli.rehearse:rehearse",
        "check": "drainproxy.cli.check:check",
        "migration": "drainproxy.cli.migration:migration",
        "smoke": "drainproxy.cli.smoke:smoke",
        "gate": "drainproxy.cli.gate:gate",
    },
}
# As a shell has it.
_INTERRUPTED: Final = 128 + signal.SIGINT
_COMMANDS = {name: where for section in _SECTIONS.values() for name, where in section.items()}


class Imported(UserDict[str, Any]):
    """Name -> command, which is imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, _, attribute = super().__getitem__(name).partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class Commands(Group):
    """The group of all commands."""

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self.commands = Imported(_COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:
        """Interrupted, it exits as whoever SIGINT ends. click would exit with 1, which is a verdict
        of many commands: a pipeline would roll back where somebody has stopped to wait."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their sections."""
        return list(_COMMANDS)

    def section_of(self, name: str) -> str:
        """What the command is about."""
        return next(section for section, names in _SECTIONS.items() if name in names)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "run --forward 8080=9000 -- python3 -m http.server -b 127.0.0.1 9000",
        "inject --image REGISTRY/drainproxy:0.1.0 deployment.yaml | kubectl apply -f -",
        "rehearse --compare --html report.html",
        "COMMAND -h",
    ),
)
@click.version_option(__version__, prog_name="drainproxy")
def main() -> None:
    """A sidecar that makes deployments invisible to the clients of the app behind it."""
