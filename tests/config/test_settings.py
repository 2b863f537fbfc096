"""What can be set."""

from typing import get_type_hints

import msgspec
import pytest

from drainproxy.config.settings import Settings
from drainproxy.config.values import Address, Forward, Secret

FORWARD = (Forward(Address("", 8080), Address("", 9000)),)

DEFAULTS: dict[str, object] = {
    "app_host": "localhost",
    "app_source": None,
    "admin": Address("", 9180),
    "drain_delay": 5.0,
    "drain_quiet": 2.0,
    "drain_timeout": 25.0,
    "drain_spread": 10.0,
    "leaving_timeout": 60.0,
    "unready": "announced",
    "websocket_close_code": 1001,
    "websocket_close_reason": "going away",
    "sse_drain": "auto",
    "websocket_drain": "end",
    "websocket_answer_timeout": 1.0,
    "grpc_drain": "wait",
    "max_connection_age": 1800.0,
    "max_connection_age_jitter": 0.1,
    "max_connection_age_grace": 0.0,
    "max_connection_age_http1": None,
    "max_connection_age_tcp": 0.0,
    "max_stream_age": 0.0,
    "max_connections": 10_000,
    "max_header_bytes": 65_536,
    "max_fields": 100,
    "header_timeout": 10.0,
    "idle_timeout": 3600.0,
    "connect_timeout": 5.0,
    "request_timeout": 0.0,
    "tcp_keepalive": 60.0,
    "idle_close": 5.0,
    "max_streams": 256,
    "max_resets": 500,
    "forwarded": "append",
    "proxy_protocol": "off",
    "ready_ports": None,
    "access_log": False,
    "access_log_query": True,
    "log_level": "info",
    "log_format": "text",
    "report_file": None,
    "annotations_file": None,
}


@pytest.mark.parametrize(("field", "value"), DEFAULTS.items())
def test_the_defaults_are_those_of_the_contract(field: str, value: object) -> None:
    assert getattr(Settings(forward=FORWARD), field) == value


def test_only_the_forwards_have_no_default() -> None:
    required = [field.name for field in msgspec.structs.fields(Settings) if field.required]

    assert required == ["forward"]


def test_every_default_is_a_value_that_its_own_type_takes() -> None:
    settings = Settings(forward=FORWARD)

    for field, kind in get_type_hints(Settings, include_extras=True).items():
        assert msgspec.convert(getattr(settings, field), kind) == getattr(settings, field)


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings(forward=FORWARD).drain_delay = 1.0  # type: ignore[misc]


def test_settings_in_a_log_do_not_show_the_token() -> None:
    assert "hunter2" not in repr(Settings(forward=FORWARD, admin_token=Secret("hunter2")))
