"""Log lines for people and for machines."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from drainproxy.sidecar import logs


@pytest.fixture
def _restored() -> Iterator[None]:
    before = list(logs.log.handlers), logs.log.propagate, logs.log.level, logging.lastResort
    yield
    logs.log.handlers[:], logs.log.propagate, level, logging.lastResort = before
    logs.log.setLevel(level)


@pytest.mark.usefixtures("_restored")
def test_text_is_time_level_message_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    logging.getLogger("drainproxy.x").info("hello", extra={"fields": {"kind": "tcp", "n": [1]}})
    logs.log.debug("not heard")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info    hello kind=tcp n=\[1\]\n",
        capsys.readouterr().err,
    )


@pytest.mark.usefixtures("_restored")
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    try:
        raise ValueError("no")
    except ValueError:
        logs.log.exception("two\nlines", extra={"fields": {"kind": "tcp"}})

    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["message"] == "two\nlines"
    assert (entry["level"], entry["logger"], entry["kind"]) == ("error", "drainproxy", "tcp")
    assert "ValueError: no" in entry["exception"]


@pytest.mark.usefixtures("_restored")
def test_text_shows_where_a_value_ends(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    logs.log.info("x", extra={"fields": {"agent": 'a "b" status=200', "host": "é.example"}})

    assert capsys.readouterr().err.endswith('x agent="a \\"b\\" status=200" host=é.example\n')


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(("form", "there"), [("text", False), ("json", True)])
def test_details_are_for_machines(
    form: str, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", form)
    logs.log.info("drained", extra={"details": {"report": {"verdict": "clean"}}})

    assert ("verdict" in capsys.readouterr().err) == there


@pytest.mark.usefixtures("_restored")
def test_text_tells_of_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    try:
        raise ValueError("no")
    except ValueError:
        logs.log.exception("failed")

    assert capsys.readouterr().err.endswith("ValueError: no\n")


HOSTILE = [
    pytest.param("a\n2026-01-01T00:00:00.000Z info    forged", id="a line of its own"),
    pytest.param("a\r\x1b[2K\x1b[31mforged", id="ESC of a terminal (ECMA-48)"),
    pytest.param("\x9b31m", id="the same in one character, CSI of C1"),
    pytest.param("a\u2028b\u2029c\x85d\x0be\x0cf", id="what else ends lines (Unicode, UAX 14)"),
    pytest.param("a\u202egnp.exe", id="right to left"),
    pytest.param("\udcff\x00\x7f", id="bytes that are no text"),
]


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_name_in_a_log_is_a_part_of_one_line(
    name: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", form)
    logs.log.info("the app %s", name, extra={"fields": {"path": name, "all": [name]}})

    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line.isprintable()


@pytest.mark.usefixtures("_restored")
def test_nor_does_one_in_a_traceback_begin_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    try:
        raise ValueError("a\x1b[2Kb\x9bc")
    except ValueError:
        logs.log.exception("failed")

    assert all(line.isprintable() for line in capsys.readouterr().err.splitlines())


def test_text_that_is_none_of_these_stays_as_it_is() -> None:
    assert logs.printable("/caf\u00e9/\u6f22 \\n") == "/caf\u00e9/\u6f22 \\n"


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_library_says_is_a_line_like_ours(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # It has no parent: nobody else has set up any log.
    library = logging.Logger("a-library")
    logs.configure("info", form)
    library.info("not heard")
    library.warning("a\x1b[2K\nb")

    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line.isprintable()
    assert "warning" in line
