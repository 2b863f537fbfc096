"""Who has passed a budget is said in the log, and not more often than anybody reads."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from drainproxy.relay.context import NOT_HTTP, SILENCE
from drainproxy.relay.route import Route
from drainproxy.sidecar.notices import Hints, Notices, Refusals

ENDED = "its connection is ended"


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.WARNING, "drainproxy.budget")
    return lambda: [record.__dict__["fields"] for record in caplog.records]


def test_a_line_has_the_budget_the_peer_and_the_number(caplog: pytest.LogCaptureFixture) -> None:
    Notices(Clock())("max-resets", "192.0.2.7:50000", 501, ENDED)
    (record,) = caplog.records
    assert record.getMessage() == f"max-resets: {ENDED}"
    assert record.levelno == logging.WARNING
    assert record.__dict__["fields"] == {
        "budget": "max-resets",
        "peer": "192.0.2.7:50000",
        "number": 501,
    }


def test_of_a_flood_some_lines_are_written(lines: Callable[[], list[dict[str, Any]]]) -> None:
    notices = Notices(Clock())
    for number in range(10_000):
        notices("max-resets", f"192.0.2.7:{number}", 501, ENDED)
    assert [line["peer"] for line in lines()] == [f"192.0.2.7:{number}" for number in range(20)]


def test_those_that_were_not_said_are_counted_in_the_next_line(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    clock = Clock()
    notices = Notices(clock)
    for _ in range(25):
        notices("max-resets", "192.0.2.7:1", 501, ENDED)
    clock.time += 10
    for _ in range(2):
        notices("max-resets", "192.0.2.7:2", 502, ENDED)
    assert [line.get("suppressed") for line in lines()[20:]] == [5, None]


def test_a_flood_of_one_kind_hides_no_other(lines: Callable[[], list[dict[str, Any]]]) -> None:
    notices = Notices(Clock())
    for _ in range(100):
        notices("control-frames", "192.0.2.7:1", 1001, ENDED)
    notices("max-resets", "192.0.2.7:2", 501, ENDED)
    assert lines()[-1]["budget"] == "max-resets"
    assert "suppressed" not in lines()[-1]


def test_a_hint_is_said_once_for_each_app_and_names_what_to_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hints = Hints()
    mail, web = (Route("auto", app, lambda side: None) for app in ("mail:25", "web:80"))
    for _ in range(3):
        for topic in SILENCE, NOT_HTTP:
            hints(topic, mail)
            hints(topic, web)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert all("/tcp" in line for line in said)
    assert ["mail:25" in line for line in said] == [True, False, True, False]


# Refusals


def test_a_refused_request_is_found_by_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    facts = {b"traceparent": f"00-{trace}-00f067aa0ba902b7-01".encode()}
    Refusals(Clock())("app", "192.0.2.7:50000", "502 the app is gone", facts)

    (record,) = caplog.records
    assert record.__dict__["fields"]["trace_id"] == trace


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.WARNING, "drainproxy.refused")
    return lambda: [record.__dict__["fields"] for record in caplog.records]


def test_a_refusal_has_its_words_its_reason_and_the_peer(caplog: pytest.LogCaptureFixture) -> None:
    Refusals(Clock())("malformed", "192.0.2.7:50000", "400 a bare LF in the head")
    (record,) = caplog.records
    assert record.getMessage() == "refused: 400 a bare LF in the head"
    assert record.__dict__["fields"] == {"reason": "malformed", "peer": "192.0.2.7:50000"}


def test_a_flood_of_refusals_is_some_lines_and_a_number_and_hides_no_other_reason(
    refusals: Callable[[], list[dict[str, Any]]],
) -> None:
    clock = Clock()
    refused = Refusals(clock)
    for _ in range(1000):
        refused("malformed", "192.0.2.7:1", "400 no")
    refused("app", "192.0.2.7:2", "503 no")
    clock.time += 10
    refused("malformed", "192.0.2.7:1", "400 no")
    assert len(refusals()) == 22
    assert refusals()[20] == {"reason": "app", "peer": "192.0.2.7:2"}
    assert refusals()[21]["suppressed"] == 980
