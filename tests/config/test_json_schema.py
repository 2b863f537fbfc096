"""The schema of a configuration file says what the reader of one says, as far as editors can."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from drainproxy.config import TABLE, ConfigError, ConfigFile, as_json_schema, load
from drainproxy.config.table import Setting

SCHEMA: dict[str, Any] = json.loads(as_json_schema())
VALIDATOR = Draft202012Validator(SCHEMA)


def is_valid(text: str) -> bool:
    """As an editor sees it, to which dates are texts (YAML 1.2.2, 10.3)."""
    loaded = YAML(typ="safe", pure=True).load(text)
    return bool(VALIDATOR.is_valid(json.loads(json.dumps(loaded, default=str))))


def is_read(text: str) -> bool:
    """As `drainproxy run --config` does."""
    try:
        load(file=ConfigFile("it", text), flags={"forward": "8080=9000"})
    except ConfigError:
        return False
    return True


def test_it_is_a_schema_itself() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_has_every_setting_with_its_meaning_but_those_that_come_later() -> None:
    meanings = {name: told["description"] for name, told in SCHEMA["properties"].items()}

    assert meanings == {row.name: row.description for row in TABLE if not row.later}


@pytest.mark.parametrize("name", SCHEMA["properties"])
def test_defaults_are_values(name: str) -> None:
    told = SCHEMA["properties"][name]

    assert "default" not in told or VALIDATOR.is_valid({name: told["default"]})


@pytest.mark.parametrize(
    "text",
    [
        "forward: 8080=9000",
        "forward: [8080=9000, 127.0.0.1:50051=50052/http]",
        "admin: 9181",
        "admin: 127.0.0.1:9181",
        "drain-delay: 1h30m",
        "drain-delay: 0.5s",
        "drain-delay: 0",
        "max-connection-age-jitter: 2.5 %",
        "max-connections: 20000",
        "max-connections: '20000'",
        "max-header-bytes: 64KiB",
        "max-header-bytes: 65536",
        "websocket-close-code: 4000",
        "websocket-close-code: '1001'",
        "websocket-close-code: 3000",
        "websocket-close-reason: 503",
        "websocket-close-reason: 2026-12-01",
        f"websocket-close-reason: '  {'x' * 123} '",
        "websocket-drain: wait",
        "websocket-drain: WAIT",
        "websocket-drain: [wait]",
        "log-level: INFO",
        "ready-ports: 9000",
        "ready-ports: [9000]",
        "admin-token: 123456",
        "admin-token: true",
        "report-file: 1.5",
        "drain-delay: ' 5s '",
        "drain-delay: '0'",
        "access-log: 'ON'",
        "access-log: on",
        "access-log: true",
        "app-health: http:/healthz",
    ],
)
def test_what_is_right_is_right_in_both(text: str) -> None:
    assert is_read(text)
    assert is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "drain-dely: 5s",
        "drain-delay: 5",
        "drain-delay: ''",
        "drain-delay: 5 s",
        "drain-delay: 30s1m",
        "max-connection-age-jitter: 10",
        "max-connections: 0",
        "max-connections: many",
        "max-header-bytes: 64KB1",
        "websocket-drain: later",
        "websocket-close-code: 999",
        "websocket-close-code: 1005",
        "websocket-close-code: '1015'",
        f"websocket-close-reason: {'x' * 124}",
        "log-level: verbose",
        "ready-ports: [9000, 9001]",
        "drain-delay: [5s, 6s]",
        "drain-delay: ' '",
        "report-file:",
        "access-log: 2",
        "forward: [[8080=9000]]",
        "admin: 65536",
        "tls-cert: /etc/tls.crt",
    ],
)
def test_what_is_wrong_is_wrong_in_both(text: str) -> None:
    assert not is_read(text)
    assert not is_valid(text)


# Spellings of every kind of value, and what YAML makes something else of.
SPELLINGS = [
    *("0", "9", "007", "1001", "1005", "3000", "65535", "1.5", "1e3", "0x10", "12:30", "1_000"),
    *("5s", "1h30m", "500ms", "64KiB", "1 MiB", "10%", "2.5 %", "127.0.0.1", "::1", "[::1]:80"),
    *("on", "off", "yes", "true", "null", "~", ".nan", "2026-12-01", "all", "none", "9000,9001"),
    *("8080=9000", "8080=unix:/a", "text/x=end", "/a=end", "tcp", "http:/a", "grpc", "localhost"),
    *("/dev/stderr", "pod-ip", "x" * 123, "\u00e9" * 61, "\u00e9" * 62),
    *(word for row in TABLE for word in row.kind.metavar.split("|")),
]
WAYS = [
    *(str, str.upper, str.title, lambda text: f" {text}  "),
    *("'{}'".format, "' {} '".format, '"{}"'.format, "[{}]".format, "['{}']".format),
    *("[{0}, {0}]".format, "\n- {}".format, "{} # why".format),
]


@given(st.sampled_from(TABLE), st.sampled_from(SPELLINGS), st.sampled_from(WAYS))
def test_what_is_read_is_never_marked_as_wrong(
    row: Setting, spelling: str, way: Callable[[str], str]
) -> None:
    text = f"{row.name}: {way(spelling)}"

    assert not is_read(text) or is_valid(text)
