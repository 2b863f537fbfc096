"""The way down is left out only for the tool that leaves it out, and only where that is sure."""

import pytest

from drainproxy.rollout.migration.lint import lint, worst
from drainproxy.rollout.migration.sections import Tool

UP, DOWN = "ALTER TABLE a ADD COLUMN x int;", "ALTER TABLE a DROP COLUMN x;"
MARKERS: dict[Tool, tuple[str, str]] = {
    "dbmate": ("-- migrate:up", "-- migrate:down"),
    "goose": ("-- +goose Up", "-- +goose Down"),
    "sql-migrate": ("-- +migrate Up", "-- +migrate Down"),
}
TOOLS = [*MARKERS]


def file(tool: Tool, up: str = UP, down: str = DOWN) -> str:
    markers = MARKERS[tool]
    return f"-- of {tool}\n\n{markers[0]}\n{up}\n\n{markers[1]}\n{down}\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_way_down_is_left_out_for_its_tool(tool: Tool) -> None:
    found = lint("f.sql", file(tool), tool=tool)

    assert [(each.line, each.phase) for each in found] == [(4, "expand")]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_way_up_is_judged_as_ever(tool: Tool) -> None:
    found = lint("f.sql", file(tool, up=DOWN, down=UP), tool=tool)

    assert [(each.line, each.phase) for each in found] == [(4, "contract")]


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_left_out_unless_a_tool_is_named(tool: Tool) -> None:
    found = lint("f.sql", file(tool))

    assert [(each.line, each.phase) for each in found] == [(4, "expand"), (7, "contract")]
    assert found[1].reason.endswith(f"; with --tool {tool} what stands behind line 6 is left out")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("other", TOOLS)
def test_the_markers_of_another_tool_are_comments(tool: Tool, other: Tool) -> None:
    if tool != other:
        assert worst(lint("f.sql", file(other), tool=tool)) == "unknown"


@pytest.mark.parametrize("tool", TOOLS)
def test_parts_in_another_order_or_number_are_unknown(tool: Tool) -> None:
    up, down = MARKERS[tool]
    for text in (
        UP,
        f"{down}\n{DOWN}",
        f"{down}\n{DOWN}\n{up}\n{UP}",
        f"{up}\n{UP}\n{down}\n{DOWN}\n{up}\n{UP}",
        f"{up}\n{UP}\n{down}\n{DOWN}\n{down}\n{DOWN}",
        f"{DOWN}\n{up}\n{UP}",
    ):
        assert worst(lint("f.sql", text, tool=tool)) == "unknown"


@pytest.mark.parametrize(
    ("tool", "marker"),
    [
        ("dbmate", " -- migrate:down"),
        ("dbmate", "-- Migrate:down"),
        ("dbmate", "-- migrate:downward"),
        ("goose", "-- +goose DOWN"),
        ("goose", "  -- +goose Down"),
        ("goose", "-- +goose Down please"),
        ("goose", "-- +goose  Down"),
        ("goose", "-- + goose Down"),
        ("goose", "-- +goose Down;"),
        ("goose", "\t-- +goose Down"),
        ("sql-migrate", "-- +migrate down"),
        ("sql-migrate", "--  +migrate Down"),
    ],
)
def test_what_the_tool_might_not_take_for_a_marker_hides_nothing(tool: Tool, marker: str) -> None:
    text = f"{MARKERS[tool][0]}\n{UP}\n{marker}\n{DOWN}\n"

    assert worst(lint("f.sql", text, tool=tool)) == "contract"


@pytest.mark.parametrize("blanks", ["", " ", "   ", "\t", " \t "])
@pytest.mark.parametrize("end", ["", " ", "\t ", "\r"])
def test_goose_takes_any_blanks_around_its_marker(blanks: str, end: str) -> None:
    """Its parser takes away `--` and then the blanks on both sides (internal/sqlparser)."""
    markers = [f"--{blanks}+goose {part}{end}\n" for part in ("Up", "Down")]
    text = f"{markers[0]}{UP}\n{markers[1]}{DOWN}\n"

    assert [(each.line, each.phase) for each in lint("f.sql", text, tool="goose")] == [
        (2, "expand")
    ]
    found = lint("f.sql", text)
    assert [each.phase for each in found] == ["expand", "contract"]
    assert "--tool goose" in found[1].reason


@pytest.mark.parametrize(
    "marker", ["-- +goose ENVSUB ON", "--+goose envsub  on", "-- +goose ENVSUBST ON"]
)
def test_what_goose_fills_from_the_environment_is_unknown(marker: str) -> None:
    text = f"-- +goose Up\n{marker}\nINSERT INTO a (x) VALUES ('$X');\n-- +goose ENVSUB OFF\n"

    assert worst(lint("f.sql", text, tool="goose")) == "unknown"
    assert (
        worst(lint("f.sql", text.replace("ON", "OFF").replace("on", "off"), tool="goose"))
        == "migrate"
    )


def test_options_of_a_marker_are_no_code() -> None:
    text = "-- migrate:up transaction:false\r\n" + UP + "\r\n-- migrate:down\r\n" + DOWN

    assert worst(lint("f.sql", text, tool="dbmate")) == "expand"
