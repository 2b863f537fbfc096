"""A blocking HTTP client for one conversation at a time, on top of `http.client`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, IncompleteRead
from typing import NamedTuple

from tests.e2e.process import PATIENCE

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    # The example of RFC 6455 1.3.
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether it is the last one on its connection."""
        return self.headers.get("Connection", "").lower() == "close"


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """A connection to this port of 127.0.0.1: it is made here, not with the first request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.connect()
    # Who is told to close must connect again itself.
    connection.auto_open = 0
    try:
        yield connection
    finally:
        connection.close()


def begin(
    connection: HTTPConnection, path: str, headers: Mapping[str, str] | None = None
) -> HTTPResponse:
    """GET, and come back with the head of the answer."""
    connection.request("GET", path, headers=dict(headers or {}))
    return connection.getresponse()


def get(connection: HTTPConnection, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """GET, and come back with the whole answer."""
    answer = begin(connection, path, headers)
    return Answer(answer.status, answer.msg, answer.read())


def get_once(port: int, path: str = "/hello", headers: Mapping[str, str] | None = None) -> Answer:
    """GET on a connection of its own."""
    with connected(port) as connection:
        return get(connection, path, headers)


def breaks_off(answer: HTTPResponse) -> bool:
    """Read on; whether the client is told that the body is not whole."""
    try:
        answer.read()
    except (IncompleteRead, ConnectionError):
        return True
    return False
