"""What a client may say in Connection: which fields the next hop is to keep for itself."""

import pytest

from tests.wire.heads import request_of, response_of, status_of

GET, POST = b"GET / HTTP/1.1", b"POST / HTTP/1.1"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    "name",
    [
        *(b"X-Forwarded-For", b"x-forwarded-proto", b"X-FORWARDED-HOST", b"Forwarded"),
        *(b"Host", b"Content-Length", b"Transfer-Encoding"),
    ],
)
def test_no_field_that_is_meant_for_all_may_be_named_as_an_option(
    name: bytes, version: bytes
) -> None:
    """RFC 9110 7.6.1: MUST NOT; a proxy behind us removes what is named, ours too."""
    line = b"GET / HTTP/" + version
    for value in (name, b" close, %b" % name, b"%b ,upgrade" % name, b"\t,,%b\t" % name):
        assert status_of(b"Connection:" + value, line=line) == 400
    assert status_of(b"Connection: x", b"connection: " + name, line=line) == 400
    assert status_of(b"Connection: upgrade, " + name, b"Upgrade: websocket", line=line) == 400


@pytest.mark.parametrize(
    "value", [b"close", b"TE, close", b"Keep-Alive", b"X-Forwarded-For-Me", b"hosts", b"x-mine"]
)
def test_any_other_option_passes(value: bytes) -> None:
    assert request_of(b"Connection: " + value).head.endswith(b"Connection: %b\r\n\r\n" % value)


def test_an_app_may_name_what_it_likes() -> None:
    """Its clients take no field of an answer for the address of somebody."""
    fields = b"Connection: close, Content-Length", b"Content-Length: 0"
    assert response_of(*fields).closes
