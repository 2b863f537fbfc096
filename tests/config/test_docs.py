"""The table of settings for people and for programs."""

import json

from drainproxy.config.docs import as_json, markdown, table
from drainproxy.config.table import TABLE


def test_there_is_a_row_for_every_setting_in_its_order() -> None:
    assert [row.name for row in table()] == [setting.name for setting in TABLE]


def test_a_row_tells_all_that_is_known() -> None:
    rows = {row.name: row for row in table()}

    assert rows["max-header-bytes"].default == "64KiB"
    assert rows["max-header-bytes"].values == "size, at least 1KiB, at most 16MiB"
    assert rows["drain-delay"].environment == "DRAINPROXY_DRAIN_DELAY"
    assert rows["drain-delay"].annotation == "drainproxy.io/drain-delay"
    assert (rows["drain-delay"].reload, rows["admin"].reload) == (True, False)
    assert (rows["drain-delay"].later, rows["tls-cert"].later) == (None, "TLS")
    assert (rows["forward"].default, rows["annotations-file"].annotation) == (None, None)
    assert rows["max-connection-age-sse"].default == "as max-connection-age"


def test_markdown_has_a_line_per_setting_and_as_many_cells_as_its_head() -> None:
    head, rule, *lines = markdown().splitlines()

    assert len(lines) == len(TABLE)
    assert {line.count(" | ") for line in [head, *lines]} == {6}
    assert rule == "|" + " --- |" * 7
    assert lines[0].startswith("| `forward` | - | LISTEN=APP[/PROTOCOL], repeatable |")


def test_markdown_says_what_is_not_yet_there() -> None:
    lines = {line.split("`")[1]: line for line in markdown().splitlines()[2:]}

    assert {name for name, line in lines.items() if "*Not yet: comes with" in line} == {
        setting.name for setting in TABLE if setting.later
    }
    assert lines["annotations-file"].count("`") == 4
    assert "| yes |" in lines["drain-delay"]
    assert "| no |" in lines["admin"]


def test_json_says_the_same_to_programs() -> None:
    rows = json.loads(as_json())

    assert [row["name"] for row in rows] == [setting.name for setting in TABLE]
    assert set(rows[0]) == {
        *("name", "default", "values", "environment", "annotation"),
        *("reload", "description", "later"),
    }
