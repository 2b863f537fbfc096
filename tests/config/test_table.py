"""The table of settings."""

import pytest
from msgspec import NODEFAULT

from drainproxy.config.table import BY_NAME, TABLE, Setting

RELOADED = {
    *("drain-delay", "drain-quiet", "leaving-timeout", "drain-timeout", "drain-spread", "unready"),
    "stop-timeout",
    *("websocket-close-code", "websocket-close-reason"),
    *("websocket-drain", "sse-drain", "grpc-drain", "websocket-answer-timeout"),
    *("max-connection-age", "max-connection-age-jitter", "max-connection-age-grace"),
    *("max-connection-age-http1", "max-connection-age-http2", "max-connection-age-websocket"),
    *("max-connection-age-sse", "max-connection-age-tcp", "max-stream-age"),
    *("max-connections", "max-header-bytes", "max-fields", "header-timeout", "idle-timeout"),
    *("connect-timeout", "request-timeout", "tcp-keepalive", "idle-close"),
    *("forwarded", "access-log", "access-log-query", "log-level"),
}

LATER = {
    *("proxy-protocol", "tls-cert", "tls-key", "tls-client-ca"),
}


def test_a_setting_has_one_name_in_every_spelling() -> None:
    row = BY_NAME["drain-timeout"]

    assert row.flag == "--drain-timeout"
    assert row.environment == "DRAINPROXY_DRAIN_TIMEOUT"
    assert row.annotation == "drainproxy.io/drain-timeout"


def test_what_may_change_while_we_run() -> None:
    assert {row.name for row in TABLE if row.reload} == RELOADED


def test_what_comes_later() -> None:
    assert {row.name for row in TABLE if row.later} == LATER


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_setting_is_described_in_one_sentence(row: Setting) -> None:
    assert row.description[0].isupper()
    assert row.description.endswith(".")
    assert row.description.count(". ") == 0


@pytest.mark.parametrize(
    "row",
    [row for row in TABLE if row.default not in (None, NODEFAULT)],
    ids=lambda row: row.name,
)
def test_a_default_in_the_docs_is_a_value_that_can_be_given(row: Setting) -> None:
    assert row.read(row.default_text) == row.default


def test_blanks_around_a_value_do_not_count() -> None:
    assert BY_NAME["drain-delay"].read(" 5s\n") == 5.0


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("drain-timeout", "0s", "'0s' must be at least 1ms"),
        ("max-connections", "0", "'0' must be at least 1"),
        ("max-header-bytes", "1023", "'1023' must be at least 1KiB, at most 16MiB"),
        ("max-header-bytes", "17MiB", "'17MiB' must be at least 1KiB, at most 16MiB"),
        ("max-fields", "0", "'0' must be at least 1, at most 10000"),
        ("max-fields", "10001", "'10001' must be at least 1, at most 10000"),
        ("max-fields", "1e2", "'1e2' is not a whole number"),
        ("max-resets", "0", "'0' must be at least 1"),
        ("tcp-keepalive", "10h", "'10h' must be at most 9h6m7s"),
        ("tcp-keepalive", "60", "'60' is not a duration"),
        ("max-connection-age-jitter", "101%", "'101%' must be at most 100%"),
        ("drain-delay", "5 parsecs", "'5 parsecs' is not a duration, such as 500ms"),
        ("unready", "x" * 1000, f"'{'x' * 80}'... is not one of announced, leaving, closed"),
    ],
)
def test_a_wrong_value_is_shown_with_what_would_be_right(
    name: str, text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=r"is not|must be") as raised:
        BY_NAME[name].read(text)

    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("drain-timeout", "1ms"), ("max-header-bytes", "1KiB"), ("max-header-bytes", "16MiB")),
        *(("max-fields", "1"), ("max-fields", "10000"), ("max-resets", "1")),
        *(("tcp-keepalive", "0"), ("tcp-keepalive", "1ms"), ("tcp-keepalive", "9h6m7s")),
    ],
)
def test_the_ends_of_a_range_belong_to_it(name: str, text: str) -> None:
    BY_NAME[name].read(text)


def test_a_secret_that_is_wrong_is_not_shown() -> None:
    with pytest.raises(ValueError, match="the value must be visible ASCII") as raised:
        BY_NAME["admin-token"].read("hunter 2")

    assert "hunter" not in str(raised.value)
