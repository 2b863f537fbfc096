"""Requests that mean one thing and say it oddly reach the app in the form that says it rightly."""

import pytest

from tests.e2e.http2_counting_app import counting_app
from tests.e2e.http2_raw_client import http2_client
from tests.e2e.process import Sidecar
from tests.e2e.tap import answering, client, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def request(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


GET, POST, HOST = b"GET /x HTTP/1.1", b"POST /x HTTP/1.1", b"Host: a.example"
URL = b"GET http://b.example/x HTTP/1.1"
FOR, PROTO = b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: http"
FOR_A, FOR_B = b"X-Forwarded-Host: a.example", b"X-Forwarded-Host: b.example"
HTTPS = b"Forwarded: for=192.0.2.1;proto=https"

REQUESTS: dict[str, tuple[bytes, bytes]] = {
    # RFC 9110 5.6.3
    "tab before a length": (
        request(POST, HOST, b"Content-Length:\t2") + b"ab",
        request(POST, HOST, b"Content-Length: 2", FOR, PROTO, FOR_A) + b"ab",
    ),
    "tabs around a length": (
        request(POST, b"content-length: \t2\t", HOST) + b"ab",
        request(POST, b"content-length: 2", HOST, FOR, PROTO, FOR_A) + b"ab",
    ),
    # RFC 9112 3.2.2
    "URL of another host": (
        request(URL, b"A: b", HOST),
        request(URL, b"Host: b.example", b"A: b", FOR, PROTO, FOR_B),
    ),
    "URL of another port": (
        request(b"GET http://a.example:81/ HTTP/1.1", HOST),
        request(
            *(b"GET http://a.example:81/ HTTP/1.1", b"Host: a.example:81", FOR, PROTO),
            b"X-Forwarded-Host: a.example:81",
        ),
    ),
    "URL of the same host": (
        request(b"GET http://A.example:80/ HTTP/1.1", HOST),
        request(b"GET http://A.example:80/ HTTP/1.1", HOST, FOR, PROTO, FOR_A),
    ),
    "URL with an empty Host": (
        request(URL, b"Host:"),
        request(URL, b"Host: b.example", FOR, PROTO, FOR_B),
    ),
    "URL with a host that a proxy has named": (
        request(URL, HOST, b"X-Forwarded-Host: c.example"),
        request(URL, b"Host: b.example", b"X-Forwarded-Host: c.example", FOR, PROTO),
    ),
    # RFC 7239
    "Forwarded with proto": (
        request(GET, HOST, HTTPS),
        request(GET, HOST, HTTPS, FOR, FOR_A),
    ),
    "Forwarded with proto in quotes, in its second element": (
        request(GET, b'FORWARDED: for="[::1]", Proto = "https"', HOST),
        request(GET, b'FORWARDED: for="[::1]", Proto = "https"', HOST, FOR, FOR_A),
    ),
    "Forwarded with host": (
        request(GET, HOST, b"Forwarded: host=b.example"),
        request(GET, HOST, b"Forwarded: host=b.example", FOR, PROTO),
    ),
    "Forwarded with neither": (
        request(GET, HOST, b"Forwarded: for=192.0.2.1"),
        request(GET, HOST, b"Forwarded: for=192.0.2.1", FOR, PROTO, FOR_A),
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_an_odd_request_reaches_the_app_in_its_right_form(
    name: str, running: Sidecar, app_port: int
) -> None:
    odd, right = REQUESTS[name]
    async with tap(app_port, answering(OK, OK)) as app, client(running.port) as peer:
        # Twice, because heads are remembered.
        for _ in range(2):
            peer.send(odd)
            assert await peer.take(len(OK)) == OK
        connection = await app.connection()
        await connection.until(lambda: len(connection.received) >= 2 * len(right))
        assert app.received == right * 2


# RFC 9113 8.3.1: both are normalised before they are compared.
@pytest.mark.parametrize("host", ["a.example", "A.EXAMPLE", "a.example:80", "a.example:"])
async def test_host_and_authority_may_differ_in_spelling(
    host: str, running: Sidecar, app_port: int
) -> None:
    async with counting_app(app_port), http2_client(running.port) as peer:
        await peer.greet()
        assert await peer.answered(peer.ask("/hello", fields=[("host", host)])) == "200"


@pytest.mark.parametrize("host", ["b.example", "a.example:443", "a.example."])
async def test_host_and_authority_may_not_differ_in_what_they_name(
    host: str, running: Sidecar, app_port: int
) -> None:
    async with counting_app(app_port), http2_client(running.port) as peer:
        await peer.greet()
        stream = peer.ask("/hello", fields=[("host", host)])
        await peer.until(lambda: stream in peer.resets)
        assert peer.resets[stream] == 1
