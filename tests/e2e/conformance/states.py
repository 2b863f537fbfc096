"""RFC 9113, 5.1: which frames a stream takes, by how far it has come."""

from collections.abc import Callable

from tests.e2e.conformance.cases import PROTOCOL, Cases, connection_error, stream_error
from tests.e2e.conformance.client import GET, POST, Client
from tests.e2e.conformance.frames import (
    END_HEADERS,
    Code,
    Setting,
    continuation,
    data,
    headers,
    priority,
    rst_stream,
    window_update,
)
from tests.e2e.conformance.verdicts import Outcome, Rule

TRAILER = b"\x00\x01x\x011"
FRAMES = {
    "DATA": data(1, b"one"),
    "HEADERS": headers(1, TRAILER),
    "CONTINUATION": continuation(1, TRAILER),
    "PRIORITY": priority(1),
    "RST_STREAM": rst_stream(1),
    "WINDOW_UPDATE": window_update(1, 100),
}
# Both are right: the stream is closed, and nothing began a field block.
CLOSED_OR_BARE = connection_error(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)
STREAM_CLOSED = stream_error(Code.STREAM_CLOSED)
# A HEADERS frame may also be taken for a new stream, whose number has been used (5.1.1).
CLOSED_OR_REUSED = stream_error(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)
# 5.1 names the one and 6.1 the other.
IDLE_DATA = connection_error(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)

cases = Cases()


def idle(client: Client) -> None:
    """Nothing has been said of it."""


def half_closed(client: Client) -> None:
    """The request is whole, and the response cannot be: it has no window."""
    client.set((Setting.INITIAL_WINDOW_SIZE, 0))
    client.request()
    client.until(lambda: bool(client.streams[1].sections))


def closed_by_its_end(client: Client) -> None:
    client.request()
    client.answer()


def closed_by_a_reset(client: Client) -> None:
    client.request(fields=POST, flags=END_HEADERS)
    client.send(rst_stream(1))
    client.sync()


REACH: dict[str, Callable[[Client], None]] = {
    "an idle stream": idle,
    "a half-closed stream": half_closed,
    "a stream closed by its end": closed_by_its_end,
    "a stream closed by a reset": closed_by_a_reset,
}
# What a stream does not take; the other frames are legal.
ILLEGAL: dict[str, dict[str, Rule]] = {
    "an idle stream": {
        "DATA": IDLE_DATA,
        "CONTINUATION": PROTOCOL,
        "RST_STREAM": PROTOCOL,
        "WINDOW_UPDATE": PROTOCOL,
    },
    "a half-closed stream": {
        "DATA": STREAM_CLOSED,
        "HEADERS": STREAM_CLOSED,
        "CONTINUATION": CLOSED_OR_BARE,
    },
    "a stream closed by its end": {
        "DATA": STREAM_CLOSED,
        "HEADERS": CLOSED_OR_REUSED,
        "CONTINUATION": CLOSED_OR_BARE,
    },
    "a stream closed by a reset": {
        "DATA": STREAM_CLOSED,
        "HEADERS": CLOSED_OR_REUSED,
        "CONTINUATION": CLOSED_OR_BARE,
        "RST_STREAM": STREAM_CLOSED,
    },
}


def then_sent(state: str, kind: str, rule: Rule | None) -> None:
    name = f"{kind} on {state}"
    register = (
        cases.illegal("RFC 9113, 5.1", rule, name) if rule else cases.legal("RFC 9113, 5.1", name)
    )

    @register
    def play(client: Client) -> Outcome:
        REACH[state](client)
        client.send(FRAMES[kind])
        return client.fate()


for state in REACH:
    for kind in FRAMES:
        # HEADERS are what an idle stream waits for: other files begin so.
        if (state, kind) != ("an idle stream", "HEADERS"):
            then_sent(state, kind, ILLEGAL[state].get(kind))


# Numbers of streams


@cases.illegal("RFC 9113, 5.1.1", PROTOCOL)
def a_request_on_an_even_stream(client: Client) -> Outcome:
    client.request(stream=2)
    return client.fate(2)


@cases.illegal("RFC 9113, 5.1.1", PROTOCOL)
def a_request_on_a_lower_stream_than_the_last(client: Client) -> Outcome:
    client.request(stream=5)
    client.answer(5)
    client.request(stream=3)
    return client.fate(3)


@cases.illegal("RFC 9113, 5.1.1", CLOSED_OR_REUSED)
def a_request_on_a_stream_that_was_used(client: Client) -> Outcome:
    client.request()
    client.answer()
    client.request()
    return client.fate(1)


# How many streams there may be at once


def open_streams(client: Client, count: int) -> int:
    """So many requests whose responses cannot end; the last stream."""
    client.set((Setting.INITIAL_WINDOW_SIZE, 0))
    streams = range(1, 2 * count, 2)
    client.send(*[headers(stream, client.block(GET)) for stream in streams])
    return streams[-1]


@cases.legal("RFC 9113, 5.1.2")
def as_many_streams_as_the_server_allows(client: Client) -> Outcome:
    allowed = client.announced[Setting.MAX_CONCURRENT_STREAMS]
    last = open_streams(client, allowed)
    client.until(lambda: all(client.streams[one].sections for one in range(1, last + 1, 2)))
    return client.fate()._replace(detail=f"{allowed} streams")


@cases.illegal("RFC 9113, 5.1.2", stream_error(Code.PROTOCOL_ERROR, Code.REFUSED_STREAM))
def a_stream_more_than_the_server_allows(client: Client) -> Outcome:
    open_streams(client, client.announced[Setting.MAX_CONCURRENT_STREAMS] + 1)
    return client.fate()
