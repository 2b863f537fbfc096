"""`drainproxy settings`."""

import pytest
from click.testing import CliRunner

from drainproxy.cli.settings import settings
from drainproxy.config import as_json, as_json_schema, markdown


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ([], markdown()),
        (["--format", "markdown"], markdown()),
        (["--format", "json"], as_json()),
        (["--format", "json-schema"], as_json_schema()),
    ],
)
def test_the_table_is_printed_from_the_code(arguments: list[str], output: str) -> None:
    result = CliRunner().invoke(settings, arguments)

    assert (result.exit_code, result.output) == (0, output)


def test_another_format_is_refused() -> None:
    assert CliRunner().invoke(settings, ["--format", "xml"]).exit_code == 2
