"""The messages of health checks, compared with those that protocol buffers make of them."""

import pytest
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire import grpc_health
from drainproxy.wire.grpc_health import (
    NOT_SERVING,
    SERVICE_UNKNOWN,
    SERVING,
    Malformed,
    answered_status,
    requested_service,
)
from tests.conftest import well_formed

# Fields that no version of the messages has: a number, 8 bytes, a string, 4 bytes.
UNKNOWN = [b"\x10\x96\x01", b"\x19" + b"\x08" * 8, b"\x22\x02\x08\x01", b"\x2d\x08\x01\x08\x01"]


@well_formed
@given(st.binary(max_size=100).map(lambda text: text.decode("utf-16-le", "ignore")))
@example("")
@example("x" * 127)
@example("x" * 128)
@example("x" * 20_000)
def test_a_request_is_the_one_that_protocol_buffers_write(service: str) -> None:
    message = health_pb2.HealthCheckRequest(service=service).SerializeToString()

    assert grpc_health.request(service) == message
    assert requested_service(message) == service


@pytest.mark.parametrize("status", [SERVING, NOT_SERVING, SERVICE_UNKNOWN])
def test_a_response_is_the_one_that_protocol_buffers_write(status: int) -> None:
    message = health_pb2.HealthCheckResponse(status=status).SerializeToString()

    assert grpc_health.response(status) == message
    assert answered_status(message) == status


def test_the_statuses_have_their_numbers() -> None:
    names = health_pb2.HealthCheckResponse.ServingStatus.items()

    assert dict(names) == {
        "UNKNOWN": 0,
        "SERVING": SERVING,
        "NOT_SERVING": NOT_SERVING,
        "SERVICE_UNKNOWN": SERVICE_UNKNOWN,
    }


def test_a_response_without_a_status_is_unknown() -> None:
    assert answered_status(health_pb2.HealthCheckResponse().SerializeToString()) == 0


@pytest.mark.parametrize("field", UNKNOWN)
def test_unknown_fields_are_read_over(field: bytes) -> None:
    for message in (field + grpc_health.response(2), grpc_health.response(2) + field):
        assert answered_status(message) == 2
    for message in (field + grpc_health.request("a"), grpc_health.request("a") + field):
        assert requested_service(message) == "a"


def test_field_1_of_another_type_is_another_field() -> None:
    assert answered_status(b"\x0a\x01\x01") == 0
    assert requested_service(b"\x08\x01") == ""


def test_of_a_field_that_comes_twice_the_last_counts() -> None:
    assert answered_status(grpc_health.response(1) + grpc_health.response(2)) == 2
    assert requested_service(grpc_health.request("a") + grpc_health.request("b")) == "b"


@pytest.mark.parametrize(
    "message",
    [
        *(b"\x08", b"\x08\x80", b"\x80"),  # a number that does not end
        b"\x08" + b"\xff" * 10 + b"\x01",  # nor within 64 bits
        *(b"\x0a\x02a", b"\x0a", b"\x09\x00", b"\x0d\x00\x00\x00"),  # less than was announced
        *(b"\x0b\x0c", b"\x0c", b"\x0e", b"\x0f"),  # groups, and types that do not exist
    ],
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    for read in (answered_status, requested_service):
        with pytest.raises(Malformed):
            read(message)


def test_a_service_whose_name_is_no_text_is_refused() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        requested_service(b"\x0a\x01\xff")


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_protocol_buffers_read_them_or_refused(data: bytes) -> None:
    try:
        status = answered_status(data)
    except Malformed:
        return
    try:
        message = health_pb2.HealthCheckResponse.FromString(data)
    except DecodeError:  # it also refuses field numbers that are too small or too large
        return
    # Of a number that no status has it keeps the lower bits.
    assert message.status == status or status >= 1 << 31
