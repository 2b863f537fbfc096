"""`drainproxy settings`: the table of settings, printed from the code."""

import click


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json"]),
    default="markdown",
    show_default=True,
    help="For people or for programs.",
)
def settings(form: str) -> None:
    """Print every setting: name, default, values, environment, annotation and meaning."""
    from drainproxy import config

    click.echo(config.markdown() if form == "markdown" else config.as_json(), nl=False)
