"""An app that goes away and comes back is named in the log, once each time."""

import logging

import pytest

from drainproxy.sidecar.presence import Presence


class Clock:
    time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def presence(clock: Clock, caplog: pytest.LogCaptureFixture) -> Presence:
    caplog.set_level(logging.INFO, "drainproxy.app")
    return Presence("127.0.0.1:9000", clock)


def test_that_it_is_away_is_said_once_and_for_how_long_when_it_is_back(
    presence: Presence, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    presence.there()
    for _ in range(50):
        presence.away("the app does not accept connections", refused=True)
        presence.away("nothing listens there")
    clock.time += 1.5
    presence.there()
    presence.there()
    away, back = caplog.records
    assert away.getMessage() == (
        "the app at 127.0.0.1:9000 is away: the app does not accept connections"
    )
    assert (away.levelno, back.levelno) == (logging.WARNING, logging.INFO)
    assert back.getMessage() == "the app at 127.0.0.1:9000 is back"
    assert back.__dict__["fields"] == {"seconds": 1.5, "refused": 50}


def test_each_time_is_told(presence: Presence, caplog: pytest.LogCaptureFixture) -> None:
    presence.there()
    for _ in range(3):
        presence.away("nothing listens there")
        presence.there()
    assert [record.getMessage().split()[-1] for record in caplog.records].count("back") == 3


def test_an_app_that_starts_is_not_away(
    presence: Presence, caplog: pytest.LogCaptureFixture
) -> None:
    presence.away("nothing listens there")
    presence.there()
    assert caplog.records == []


def test_why_clients_of_an_app_that_was_never_there_are_turned_away_is_said_once(
    presence: Presence, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        presence.failed("Name or service not known")
        presence.failed("Connection refused")
    assert [record.getMessage() for record in caplog.records] == [
        "the app at 127.0.0.1:9000 cannot be reached: Name or service not known",
        "the app at 127.0.0.1:9000 cannot be reached: Connection refused",
    ]
    presence.there()
    presence.failed("Connection refused")
    assert len(caplog.records) == 3


def test_of_an_app_that_is_away_no_more_is_said(
    presence: Presence, caplog: pytest.LogCaptureFixture
) -> None:
    presence.there()
    presence.away("the app does not accept connections")
    presence.failed("Connection refused")
    assert len(caplog.records) == 1


def test_reasons_that_are_always_new_do_not_flood_the_log(
    presence: Presence, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        presence.failed(f"error {number}")
    assert len(caplog.records) == 8
