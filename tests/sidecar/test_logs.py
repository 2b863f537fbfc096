"""Log lines for people and for machines."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from drainproxy.sidecar import logs


@pytest.fixture
def _restored() -> Iterator[None]:
    before = list(logs.log.handlers), logs.log.propagate, logs.log.level
    yield
    logs.log.handlers[:], logs.log.propagate, level = before
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
def test_text_tells_of_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    try:
        raise ValueError("no")
    except ValueError:
        logs.log.exception("failed")

    assert capsys.readouterr().err.endswith("ValueError: no\n")
