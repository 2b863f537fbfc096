"""The client that judges others: it tells apart whatever a server may do."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.e2e.conformance.client import Client
from tests.e2e.conformance.frames import (
    ACK,
    END_HEADERS,
    PADDED,
    Code,
    continuation,
    data,
    goaway,
    headers,
    padded,
    ping,
    rst_stream,
    settings,
)
from tests.e2e.conformance.verdicts import Grade, Outcome

# Seconds that these tests give to what will not come.
SHORT = 0.3
FIRST, SECOND = ping(b"sync-one", ACK), ping(b"sync-two", ACK)
# Of the static table: 200 and 404.
OK, NOT_FOUND = b"\x88", b"\x8d"
RESET = rst_stream(1)
BODY = headers(1, OK, END_HEADERS) + data(1, b"one")


@contextmanager
def server(first: bytes, second: bytes, closes: bool) -> Iterator[int]:
    """Says hello, then something to each of two PINGs; then it closes or just listens."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(settings() + settings(flags=ACK))
            heard = b""
            for token, said in ((b"sync-one", first), (b"sync-two", second)):
                while said and token not in heard and (came := connection.recv(65536)):
                    heard += came
                connection.sendall(said)
            while not closes and connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        serving = pool.submit(serve)
        yield listener.getsockname()[1]
        serving.result()


# What a server says to each of two PINGs, whether it closes then, and what that is.
SERVERS: dict[str, tuple[bytes, bytes, bool, Outcome]] = {
    "answers PINGs": (FIRST, SECOND, False, Outcome(Grade.IGNORED)),
    "says nothing": (b"", b"", False, Outcome(Grade.HANGS)),
    "falls silent": (FIRST, b"", False, Outcome(Grade.HANGS)),
    "responds": (headers(1, OK) + FIRST, SECOND, False, Outcome(Grade.SERVED)),
    "responds late": (FIRST, BODY + SECOND, False, Outcome(Grade.SERVED)),
    "refuses": (headers(1, NOT_FOUND) + FIRST, SECOND, False, Outcome(Grade.REFUSED)),
    "stops in a response": (
        headers(1, OK, END_HEADERS) + FIRST, SECOND, False, Outcome(Grade.IGNORED),
    ),
    "resets": (RESET + FIRST, SECOND, False, Outcome(Grade.STREAM_ERROR, Code.CANCEL)),
    "resets after a PING": (FIRST + RESET, SECOND, False, Outcome(Grade.STREAM_ERROR, Code.CANCEL)),
    "resets after a response": (
        FIRST + BODY + RESET, SECOND, False, Outcome(Grade.STREAM_ERROR, Code.CANCEL),
    ),
    # 8.1: the response is whole, the rest of the request is not wanted.
    "has heard enough": (
        BODY + rst_stream(1, Code.NO_ERROR) + FIRST, SECOND, False, Outcome(Grade.SERVED),
    ),
    "ends it": (
        goaway(Code.PROTOCOL_ERROR), b"", True,
        Outcome(Grade.CONNECTION_ERROR, Code.PROTOCOL_ERROR),
    ),
    "ends it in peace": (FIRST, goaway(), True, Outcome(Grade.CONNECTION_ERROR, Code.NO_ERROR)),
    "ends it after a response": (
        BODY + goaway(Code.INTERNAL_ERROR), b"", True,
        Outcome(Grade.CONNECTION_ERROR, Code.INTERNAL_ERROR),
    ),
    "closes": (b"", b"", True, Outcome(Grade.CONNECTION_ERROR)),
    "closes after a reset": (FIRST + RESET, b"", True, Outcome(Grade.CONNECTION_ERROR)),
    "ends it and does not close": (
        goaway(Code.PROTOCOL_ERROR), b"", False, Outcome(Grade.HANGS, Code.PROTOCOL_ERROR),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "closes", "outcome"), SERVERS.values(), ids=SERVERS.keys()
)
def test_the_client_grades_a_server_that(
    first: bytes, second: bytes, closes: bool, outcome: Outcome
) -> None:
    with server(first, second, closes) as port, Client(port, SHORT) as client:
        client.greet()
        assert client.fate(1, 0)[:2] == outcome[:2]


def test_a_response_is_told_in_all_its_details() -> None:
    block = OK + b"\x00\x01x\x011" + b"\x00\x04date\x03now"
    said = headers(1, block[:3], 0) + continuation(1, block[3:])
    said += data(1, padded(b"one", 5), PADDED) + headers(1, b"\x00\x01y\x012")
    with server(FIRST + said, SECOND, False) as port, Client(port, SHORT) as client:
        client.greet()
        outcome = client.fate(1, 0)
    assert outcome.grade is Grade.SERVED
    assert outcome.detail == "[':status=200 x=1', 'y=2'] and 3 bytes (7a6c86f1)"


def test_who_speaks_http_1_has_closed_the_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, Client(listener.getsockname()[1], SHORT) as client:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        outcome = client.fate()
    assert str(outcome) == "closed HTTP/1.1 400"


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(Grade.IGNORED), "ignored"),
        (Outcome(Grade.CONNECTION_ERROR), "closed"),
        (Outcome(Grade.CONNECTION_ERROR, 9), "GOAWAY COMPRESSION_ERROR"),
        (Outcome(Grade.STREAM_ERROR, 0xEE), "RST_STREAM 0xee"),
        (Outcome(Grade.SERVED, detail="all"), "served all"),
    ],
)
def test_an_outcome_reads_well(outcome: Outcome, text: str) -> None:
    assert str(outcome) == text
