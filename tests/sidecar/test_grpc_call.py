"""A call without grpcio is understood by servers, and whatever they answer is understood here."""

import asyncio
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.sidecar import grpc_call
from drainproxy.sidecar.grpc_call import NoGrpc, UnaryAnswer
from drainproxy.wire import hpack, http2

PATH = "/chat.Chat/Say"
MESSAGE = b"\x00\x00\x00\x00\x02hi"
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
SETTINGS = http2.settings()
BLOCK = hpack.block([(b":status", b"200"), (b"content-type", b"application/grpc")])
TRAILERS = hpack.block([(b"grpc-status", b"0")])


class Writer:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closing = False

    def write(self, data: bytes) -> None:
        # As uvloop does, once it has seen a reset.
        assert not self.closing
        self.written += data

    def is_closing(self) -> bool:
        return self.closing


async def called(answer: bytes, writer: Writer | None = None) -> UnaryAnswer:
    """What the call makes of these bytes, after which the app closes."""
    reader = asyncio.StreamReader()
    reader.feed_data(answer)
    reader.feed_eof()
    sink = cast(asyncio.StreamWriter, writer or Writer())
    return await grpc_call.call(reader, sink, "app:50051", PATH, b"question")


async def question() -> bytes:
    """What is written before anything has come."""
    writer = Writer()
    with pytest.raises(EOFError):
        await called(b"", writer)
    return writer.written


class Server:
    """A server by a library that knows all rules, which has read the question."""

    def __init__(self, question: bytes) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        self.events: list[Any] = self.connection.receive_data(question)

    def answer(self, *parts: Any) -> bytes:
        """The bytes of an answer: lists are headers and trailers, bytes are messages."""
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            if isinstance(part, bytes):
                self.connection.send_data(1, part, end_stream=last, pad_length=3)
            else:
                self.connection.send_headers(1, part, end_stream=last)
        return self.connection.data_to_send()


async def test_the_question_is_a_call_to_a_strict_server() -> None:
    server = Server(await question())

    told = h2.events.RequestReceived, h2.events.DataReceived, h2.events.StreamEnded
    heard: list[Any] = [event for event in server.events if isinstance(event, told)]
    request, data, end = heard
    assert {
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", "app:50051"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    } <= set(request.headers)
    assert data.data == b"\x00\x00\x00\x00\x08question"
    assert end.stream_id == 1


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ((HEAD, MESSAGE, OK), UnaryAnswer("OK", b"hi")),
        ((HEAD, MESSAGE[:3], MESSAGE[3:], OK), UnaryAnswer("OK", b"hi")),
        (([(":status", "103")], HEAD, MESSAGE, OK), UnaryAnswer("OK", b"hi")),
        ((HEAD, bytes(5), OK), UnaryAnswer("OK", b"")),
        # Trailers only, and trailers after headers.
        (
            ([*HEAD, ("grpc-status", "12"), ("grpc-message", "no")],),
            UnaryAnswer("UNIMPLEMENTED", b""),
        ),
        ((HEAD, [("grpc-status", "5")]), UnaryAnswer("NOT_FOUND", b"")),
        ((HEAD, MESSAGE, [("grpc-status", "14")]), UnaryAnswer("UNAVAILABLE", b"")),
        # What is no gRPC, but speaks HTTP/2.
        (([(":status", "404")],), UnaryAnswer("404", b"")),
        (([(":status", "503")], b"not now", [("x", "y")]), UnaryAnswer("503", b"")),
    ],
)
async def test_what_a_server_answers_is_read(parts: tuple[Any, ...], answer: UnaryAnswer) -> None:
    assert await called(Server(await question()).answer(*parts)) == answer


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD, MESSAGE),
        ([(":status", "200"), ("content-type", "text/html")], b"<html>", [("x", "y")]),
        (HEAD, MESSAGE, [("grpc-status", "17")]),
        (HEAD, MESSAGE, [("grpc-status", "good")]),
        (HEAD, OK),
        (HEAD, MESSAGE[:-1], OK),
        (HEAD, MESSAGE + MESSAGE, OK),
        (HEAD, b"\x01" + MESSAGE[1:], OK),
        (HEAD, MESSAGE[:4], OK),
        (HEAD, *[bytes(16000)] * 2, OK),
    ],
    ids=[
        *("no trailers", "a page", "an unknown status", "a status that is none", "no message"),
        *("half a message", "two messages", "compressed", "half a prefix", "a large message"),
    ],
)
async def test_what_is_no_answer_is_told_from_one(parts: tuple[Any, ...]) -> None:
    with pytest.raises(NoGrpc):
        await called(Server(await question()).answer(*parts))


def frames(*between: bytes, block: bytes = BLOCK, priority: bytes = b"") -> bytes:
    """A good answer, with frames in the middle of it."""
    has_priority = http2.HAS_PRIORITY if priority else 0
    return b"".join(
        (
            *(SETTINGS, http2.header_frames(1, has_priority, priority, block, most=10)),
            *(http2.frame(http2.DATA, 0, 1, MESSAGE), *between),
            http2.header_frames(1, http2.END_STREAM, b"", TRAILERS),
        )
    )


@pytest.mark.parametrize(
    "between",
    [
        http2.window_update(0, 1000),
        http2.window_update(1, 1000),
        http2.settings(ack=True),
        http2.ping(b"pingpong", ack=True),
        http2.goaway(1, http2.NO_ERROR),
        http2.goaway(2**31 - 1, http2.NO_ERROR),
        http2.frame(http2.PRIORITY, 0, 1, bytes(5)),
        http2.frame(0x42, 0xFF, 0, b"of a type that nobody knows"),
        http2.frame(0x42, 0xFF, 1, b"of a type that nobody knows"),
        http2.frame(http2.DATA, 0, 1),
        http2.frame(http2.DATA, http2.PADDED, 1, b"\x03pad"),
    ],
)
async def test_frames_that_do_not_matter_are_read_over(between: bytes) -> None:
    assert await called(frames(between)) == UnaryAnswer("OK", b"hi")


async def test_a_header_block_may_come_in_pieces_padded_and_with_a_priority() -> None:
    assert await called(frames(priority=bytes(5))) == UnaryAnswer("OK", b"hi")
    padded = http2.frame(
        *(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM | http2.PADDED, 1),
        b"\x02" + BLOCK + TRAILERS + b"\x00\x00",
    )
    with pytest.raises(NoGrpc, match="message"):
        await called(SETTINGS + padded)


async def test_settings_and_pings_are_acknowledged() -> None:
    writer = Writer()
    await called(frames(http2.ping(b"pingpong"), SETTINGS), writer)

    acknowledged = http2.settings(ack=True)
    replies = acknowledged + http2.ping(b"pingpong", ack=True) + acknowledged
    assert writer.written == await question() + replies


async def test_nothing_is_written_to_a_connection_that_was_reset() -> None:
    class Reset(Writer):
        def write(self, data: bytes) -> None:
            super().write(data)
            self.closing = True

    assert await called(frames(), Reset()) == UnaryAnswer("OK", b"hi")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        http2.ping(b"pingpong") + SETTINGS,
        SETTINGS + http2.rst_stream(1, http2.REFUSED_STREAM),
        SETTINGS + http2.goaway(0, http2.NO_ERROR),
        SETTINGS + http2.frame(http2.GOAWAY, 0, 0, b"short"),
        SETTINGS + http2.frame(http2.RST_STREAM, 0, 1, b""),
        SETTINGS + http2.frame(http2.DATA, http2.PADDED, 1, b""),
        SETTINGS + http2.frame(http2.DATA, http2.PADDED, 1, b"\x04pad"),
        SETTINGS + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, b"\xff"),
        SETTINGS + http2.header_frames(1, 0, b"", b"\x00" * 40_000),
        SETTINGS + http2.frame(http2.DATA, 0, 1, bytes(1 << 15)),
        SETTINGS + http2.header_frames(1, http2.END_STREAM, b"", TRAILERS),
        SETTINGS + http2.header_frames(1, http2.END_STREAM, b"", hpack.block([(b":status", b"")])),
    ],
)
async def test_what_breaks_the_rules_is_no_answer(answer: bytes) -> None:
    with pytest.raises(NoGrpc):
        await called(answer)


async def test_an_end_in_the_middle_is_no_answer() -> None:
    whole = frames()
    for end in range(len(whole)):
        with pytest.raises(EOFError):
            await called(whole[:end])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10), st.integers(0, 255), st.sampled_from([0, 1, 3]), st.binary()
        ).map(lambda parts: http2.frame(*parts)),
        max_size=6,
    )
)
def test_whatever_comes_is_an_answer_or_none(received: list[bytes]) -> None:
    try:
        answer = asyncio.run(called(SETTINGS + b"".join(received)))
    except (NoGrpc, EOFError):
        return
    assert answer.status in grpc_call.STATUSES or answer.status.isdigit()
