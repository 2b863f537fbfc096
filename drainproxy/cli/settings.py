"""`drainproxy settings`: the table of settings, printed from the code."""

import click

from drainproxy.cli.help import Command, examples


@click.command(
    cls=Command,
    epilog=examples("settings", "settings --format json-schema > drainproxy.schema.json"),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "json-schema"]),
    default="markdown",
    show_default=True,
    help="markdown for people, json for programs, json-schema for editors: the schema of a --config"
    " file.",
)
def settings(form: str) -> None:
    """Print every setting: name, default, values, environment, annotation and meaning.

    An editor with a YAML language server completes and checks a configuration file that begins
    with `# yaml-language-server: $schema=drainproxy.schema.json`.
    """
    from drainproxy import config

    forms = {
        "markdown": config.markdown,
        "json": config.as_json,
        "json-schema": config.as_json_schema,
    }
    click.echo(forms[form](), nl=False)
