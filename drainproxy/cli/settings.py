"""`drainproxy settings`: the table of settings, printed from the code."""

import click

from drainproxy.cli.help import examples


@click.command(
    epilog=examples("settings", "settings --format json-schema > drainproxy.schema.json")
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "json-schema"]),
    default="markdown",
    show_default=True,
    help="For people, for programs, or for editors: the schema of a file for --config.",
)
def settings(form: str) -> None:
    """Print every setting: name, default, values, environment, annotation and meaning.

    An editor that speaks YAML's language server completes and checks a configuration whose first
    line is `# yaml-language-server: $schema=drainproxy.schema.json`.
    """
    from drainproxy import config

    forms = {
        "markdown": config.markdown,
        "json": config.as_json,
        "json-schema": config.as_json_schema,
    }
    click.echo(forms[form](), nl=False)
