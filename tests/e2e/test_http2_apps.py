"""What an app of HTTP/2 says and hears is the same through the sidecar: here Node's server."""

import json
import re
from collections.abc import Iterator
from time import sleep
from typing import NamedTuple

import pytest

from tests.e2e.conformance.client import Client, Fields
from tests.e2e.conformance.frames import (
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    LARGEST_WINDOW,
    WHOLE,
    Code,
    Kind,
    continuation,
    data,
    headers,
    rst_stream,
    window_update,
)
from tests.e2e.http2_apps import node_app
from tests.e2e.process import Sidecar, sidecar
from tests.e2e.programs import output, tool

FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
CURL = ("-sS", "-i", "--http2-prior-knowledge")
LONG = "0123456789abcdef" * 1875


class Ground(NamedTuple):
    """The port of the app, and a sidecar in front of it."""

    direct: int
    running: Sidecar


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with node_app() as port, sidecar(f"127.0.0.1:{port}") as running:
        yield Ground(port, running)


@pytest.fixture
def client(ground: Ground) -> Iterator[Client]:
    """A connection through the sidecar."""
    with Client(ground.running.port) as opened:
        opened.greet()
        yield opened


def request(path: str, method: str = "GET") -> Fields:
    return [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a.example"),
    ]


class Answer(NamedTuple):
    """Every field section, but for the date; the body; how it ended."""

    sections: list[Fields]
    body: bytes
    ended: bool
    reset: int | None


def answer(client: Client, stream: int = 1) -> Answer:
    """The whole of it."""
    came = client.answer(stream)
    sections = [
        [(name, value) for name, value in section if name != "date"] for section in came.sections
    ]
    return Answer(sections, came.body, came.ended, came.reset)


def asked(port: int, fields: Fields) -> Answer:
    """The answer to one request on a connection of its own."""
    with Client(port) as client:
        client.greet()
        client.request(1, fields)
        return answer(client)


# The same as without us

PATHS = (
    *("/hello", "/large", "/trailers", "/early", "/empty", "/reset", "/refused"),
    *("/pushing", "/goodbye"),
)


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_is_what_it_is_without_us(path: str, ground: Ground) -> None:
    fields = request(path)
    assert asked(ground.running.port, fields) == asked(ground.direct, fields)


@pytest.mark.parametrize("path", ["/early", "/empty", "/large", "/trailers"])
def test_curl_prints_what_it_prints_without_us(path: str, ground: Ground) -> None:
    def printed(port: int) -> str:
        told = output(tool("curl"), *CURL, f"http://127.0.0.1:{port}{path}")
        return re.sub(r"(?m)^date: .*\n", "", told)

    assert printed(ground.running.port) == printed(ground.direct)
    if path == "/trailers":
        assert "\n\nbodyx-trailer: last\n" in printed(ground.running.port)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PURGE"])
def test_any_method_has_its_answer(method: str, ground: Ground) -> None:
    fields = request("/hello", method)
    came = asked(ground.running.port, fields)
    assert came == asked(ground.direct, fields)
    assert came.ended
    if method == "HEAD":
        assert ("content-length", "6") in came.sections[0]
        assert came.body == b""


def told(port: int, fields: Fields) -> list[list[str]]:
    """The fields that the app got, but for ours."""
    body = asked(port, fields).body
    return [[name, value] for name, value in json.loads(body) if name not in FORWARDED]


def test_the_app_gets_the_fields_as_they_are(ground: Ground) -> None:
    fields = [
        *request("/told"),
        *(("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), ("x-empty", "")),
        *(("x-twice", "one"), ("x-twice", "two"), ("accept", "text/html"), ("priority", "u=1, i")),
    ]
    came = told(ground.running.port, fields)
    assert came == told(ground.direct, fields)
    assert [value for name, value in came if name == "x-twice"] == ["one", "two"]


# What the parts of an answer are


def test_hints_come_before_the_answer(client: Client) -> None:
    client.request(1, request("/early"))
    hints, final = answer(client).sections
    assert hints == [(":status", "103"), ("link", "</style.css>; rel=preload")]
    assert final[0] == (":status", "200")


def test_trailers_come_after_the_body(client: Client) -> None:
    client.request(1, request("/trailers"))
    came = answer(client)
    assert came.sections[1] == [("x-trailer", "last"), ("x-other", "very last")]
    assert (came.body, came.ended) == (b"body", True)


def test_trailers_of_a_request_reach_the_app(client: Client) -> None:
    client.request(1, request("/", "POST"), END_HEADERS)
    client.send(data(1, b"one", 0), data(1, b"two", 0))
    client.send(headers(1, client.block([("x-sum", "6")]), WHOLE))
    came = answer(client)
    assert (came.body, came.sections[1]) == (b"onetwo", [("x-sum", "6")])


def test_an_answer_may_have_no_body(client: Client) -> None:
    client.request(1, request("/empty"))
    came = answer(client)
    assert came.sections[0][0] == (":status", "204")
    assert (came.body, came.ended) == (b"", True)


def test_a_long_field_comes_back_in_continuations(client: Client) -> None:
    client.request(1, request("/large"))
    came = answer(client)
    assert ("x-large", LONG) in came.sections[0]
    assert came.body == b"after it"
    assert Kind.CONTINUATION in client.order


def test_a_long_field_reaches_the_app_in_continuations(client: Client) -> None:
    block = client.block([*request("/told"), ("x-long", LONG)])
    assert len(block) > DEFAULT_FRAME_SIZE
    client.send(
        headers(1, block[:100], END_STREAM),
        continuation(1, block[100:10_000], 0),
        continuation(1, block[10_000:]),
    )
    assert ["x-long", LONG] in json.loads(answer(client).body)
    # Both sides still agree on what is in the table.
    client.request(3, [*request("/told"), ("x-short", "short")])
    assert ["x-short", "short"] in json.loads(answer(client, 3).body)


def begin(client: Client, piece: bytes = b"begun") -> None:
    """Stream 1 has said something, which has come back, and goes on."""
    client.request(1, request("/", "POST"), END_HEADERS)
    client.send(data(1, piece, 0))
    assert came_back(client, piece)


def came_back(client: Client, body: bytes) -> bool:
    """Wait until this is what stream 1 has answered."""
    return client.until(lambda: client.streams[1].body == body)


def end(client: Client) -> Answer:
    """Stream 1 says its last."""
    assert not client.streams[1].over
    client.send(data(1, b" and ended"))
    return answer(client)


def test_a_piece_of_a_body_comes_before_the_next_is_sent(client: Client) -> None:
    begin(client, b"*")
    for count in range(2, 102):
        client.send(data(1, b"*", 0))
        assert came_back(client, b"*" * count)
    assert end(client).ended


# Streams beside each other


def test_a_stream_that_takes_its_time_is_waited_for_by_nobody(client: Client) -> None:
    begin(client)
    for stream in range(3, 203, 2):
        client.request(stream, request("/hello"))
    for stream in range(201, 1, -2):
        assert answer(client, stream).body == b"hello\n"
    assert end(client).body == b"begun and ended"


def test_a_reset_in_a_body_ends_that_stream_alone(client: Client) -> None:
    begin(client)
    client.request(3, request("/reset"))
    client.request(5, request("/refused"))
    half, nothing = answer(client, 3), answer(client, 5)
    assert (half.body, half.ended, half.reset) == (b"half", False, Code.INTERNAL_ERROR)
    assert (nothing.sections, nothing.reset) == ([], Code.REFUSED_STREAM)
    whole = end(client)
    assert (whole.body, whole.ended, whole.reset) == (b"begun and ended", True, None)


def test_the_app_hears_of_a_client_that_resets_a_stream(client: Client) -> None:
    before = left(client, 1)
    client.request(3, request("/endless"))
    assert client.until(lambda: client.streams[3].body != b"")
    client.send(rst_stream(3, Code.CANCEL), window_update(0, LARGEST_WINDOW - (1 << 16)))
    assert has_left(client, before)


def test_the_app_hears_of_a_client_that_leaves(ground: Ground, client: Client) -> None:
    before = left(client, 1)
    with Client(ground.running.port) as gone:
        gone.greet()
        gone.request(1, request("/endless"))
        assert gone.until(lambda: gone.streams[1].body != b"")
    assert has_left(client, before)


def left(client: Client, stream: int) -> int:
    """How many clients have left an endless body."""
    client.request(stream, request("/left"))
    return int(answer(client, stream).body)


def has_left(client: Client, before: int) -> bool:
    """Whether one more client leaves within ten seconds."""
    for stream in range(5, 2005, 2):
        if left(client, stream) > before:
            return True
        sleep(0.01)
    return False


def test_goodbye_of_the_app_comes_with_the_last_answer(client: Client) -> None:
    client.request(1, request("/goodbye"))
    assert answer(client).body == b"served"
    assert client.until(lambda: client.goaway is not None)
    assert client.goaway == Code.NO_ERROR
