"""`drainproxy settings`."""

import pytest
from click.testing import CliRunner

from drainproxy.cli.settings import settings
from drainproxy.config import as_json, as_json_schema, markdown, table


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


def test_on_a_terminal_each_is_a_paragraph_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = CliRunner().invoke(settings, ["--format", "text"]).output
    paragraphs = text.split("\n\n")
    assert [each.partition("\n")[0] for each in paragraphs] == [row.name for row in table()]
    assert all(len(line) <= 80 for line in text.splitlines())
    (delay,) = [each for each in paragraphs if each.startswith("drain-delay\n")]
    assert "    Values: duration; default: 5s\n" in delay
    assert "--drain-delay, DRAINPROXY_DRAIN_DELAY" in delay
    assert " ".join(delay.split()).endswith("drainproxy.io/drain-delay; may change while it runs")

    monkeypatch.setattr("drainproxy.cli.settings._on_a_terminal", lambda: True)
    assert CliRunner().invoke(settings, []).output == text


def test_another_format_is_refused() -> None:
    assert CliRunner().invoke(settings, ["--format", "xml"]).exit_code == 2
