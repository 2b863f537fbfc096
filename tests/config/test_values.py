"""The values of settings."""

import msgspec
import pytest

from drainproxy.config.values import Address, AppHealth, Forward, Secret, UnixSocket


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Address("", 9180), "9180"),
        (Address("localhost", 80), "localhost:80"),
        (Address("::1", 80), "[::1]:80"),
        (UnixSocket("/run/app"), "unix:/run/app"),
        (Forward(Address("", 80), Address("::1", 90), "tcp"), "80=[::1]:90/tcp"),
        (Forward(Address("", 80), UnixSocket("/a")), "80=unix:/a/auto"),
        (AppHealth(), "tcp"),
        (AppHealth("http", path="/up"), "http:/up"),
        (AppHealth("http", path="/up", host="shop:80"), "http://shop:80/up"),
        (AppHealth("grpc", service="chat"), "grpc:chat"),
        (AppHealth("grpc"), "grpc"),
    ],
)
def test_a_value_is_shown_as_it_is_written(value: object, text: str) -> None:
    assert str(value) == text


def test_an_app_survives_a_trip_through_json() -> None:
    forward = Forward(Address("", 80), UnixSocket("/a"))

    assert msgspec.json.decode(msgspec.json.encode(forward), type=Forward) == forward


def test_a_secret_is_a_text_that_repr_does_not_show() -> None:
    assert Secret("hunter2") == "hunter2"
    assert "hunter2" not in repr([Secret("hunter2")])
