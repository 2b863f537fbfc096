"""The schema of a configuration file says what the reader of one says, as far as editors can."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from drainproxy.config import TABLE, ConfigError, ConfigFile, as_json_schema, load

SCHEMA: dict[str, Any] = json.loads(as_json_schema())
VALIDATOR = Draft202012Validator(SCHEMA)


def is_valid(text: str) -> bool:
    """As an editor sees it."""
    return bool(VALIDATOR.is_valid(YAML(typ="safe", pure=True).load(text)))


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
        "websocket-drain: wait",
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
        "access-log: 2",
        "forward: [[8080=9000]]",
        "admin: 65536",
        "tls-cert: /etc/tls.crt",
    ],
)
def test_what_is_wrong_is_wrong_in_both(text: str) -> None:
    assert not is_read(text)
    assert not is_valid(text)
