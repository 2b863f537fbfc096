"""`drainproxy migration`: the phases of a database change, and what they allow."""

from typing import Any

import click

from drainproxy.cli.help import Group
from drainproxy.cli.migration_asked import (
    LENIENT,
    MigrationOptions,
    judge_record,
    record_options,
)
from drainproxy.cli.migration_lint import lint


@click.group(
    cls=Group,
    epilog="""\b
A change, step by step:
  drainproxy migration begin expand --version 7 --app shop --namespace prod && psql -f expand.sql
  drainproxy migration may-deploy --version 7 --app shop --namespace prod && helm upgrade ...
  drainproxy migration deployed --version 7 --app shop --namespace prod
  drainproxy migration begin migrate --version 7 --app shop --namespace prod && psql -f migrate.sql
  drainproxy migration begin contract --version 7 --app shop --namespace prod   # 24 h later
  psql -f contract.sql && drainproxy migration complete --app shop --namespace prod
""",
)
def migration() -> None:
    """Database changes by expand, migrate and contract, with no rollback behind a contract.

    Every command exits 0 for allow, 1 for refuse, 3 for hold (unknown: the record is missing,
    corrupt or in use, or a clock is wrong) and 2 for wrong usage.
    """


migration.add_command(lint)


def _example(*lines: str) -> str:
    return "\n".join(["\b", "Examples:", *(f"  drainproxy migration {line}" for line in lines)])


@migration.command(
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example("status --app shop --state shop.json", "status --app shop --namespace prod"),
)
@record_options(version=False)
@click.pass_context
def status(ctx: click.Context, /, **given: Any) -> None:
    """Print the record; allow if it is consistent, and admission knows its floor."""
    from drainproxy.rollout.migration.decide import sound

    asked = MigrationOptions(ctx, given)
    loaded = asked.load()
    asked.answer(sound(loaded.state, asked.now, loaded.doubt), loaded)


@migration.command(
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example(
        "begin expand --version 7 --app shop --state shop.json",
        "begin contract --version 7 --app shop --namespace prod --contract-after 48h",
    ),
)
@click.argument("phase", required=False)
@record_options(version=True)
@click.pass_context
def begin(ctx: click.Context, /, **given: Any) -> None:
    """Begin PHASE (expand, migrate or contract, in this order) of a schema, and record it.

    Run its SQL only if this exits 0.
    """
    asked = MigrationOptions(ctx, given)
    asked.change(asked.phase)


@migration.command(
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example("deployed --version 7 --app shop --state shop.json"),
)
@record_options(version=True)
@click.pass_context
def deployed(ctx: click.Context, /, **given: Any) -> None:
    """Record a successful deploy of code for schema N: the last step of a pipeline.

    A rollback counts as a deploy of the older version. --contract-after counts from here.
    """
    MigrationOptions(ctx, given).change("deployed")


@migration.command(
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example("complete --app shop --namespace prod"),
)
@record_options(version=False)
@click.pass_context
def complete(ctx: click.Context, /, **given: Any) -> None:
    """Record that the contract is over."""
    MigrationOptions(ctx, given).change("complete")


@migration.command(
    "may-deploy",
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example("may-deploy --version 7 --app shop --state shop.json && helm upgrade ..."),
)
@record_options(version=True)
@click.pass_context
def may_deploy(ctx: click.Context, /, **given: Any) -> None:
    """Tell whether code for schema N may be deployed."""
    MigrationOptions(ctx, given).decide("deploy")


@migration.command(
    "may-rollback",
    context_settings=LENIENT,
    read=judge_record,
    epilog=_example(
        "may-rollback --version 6 --app shop --state shop.json && kubectl rollout undo ..."
    ),
)
@record_options(version=True)
@click.pass_context
def may_rollback(ctx: click.Context, /, **given: Any) -> None:
    """Tell whether an automated rollback to code for schema N is allowed; hold after a contract."""
    MigrationOptions(ctx, given).decide("rollback")
