"""A client of HTTP/1 or HTTP/2 that asks `either_app` for one thing, and hears how that goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, cast

from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from tests.e2e.h2_client import H2Client, h2_client
from tests.e2e.tap import Peer, client

# What is asked for: `call` is a gRPC call with an answer that goes on, `wait` one without any.
PAGE, EVENTS, WEBSOCKET, CALL, WAIT = "page", "events", "websocket", "call", "wait"
HTTP1, HTTP2 = "http1", "http2"
# All that there is of each.
EITHER = [
    *((HTTP1, PAGE), (HTTP1, EVENTS), (HTTP1, WEBSOCKET)),
    *((HTTP2, PAGE), (HTTP2, EVENTS), (HTTP2, WEBSOCKET), (HTTP2, CALL), (HTTP2, WAIT)),
]

_HTTP1 = {
    PAGE: b"",
    EVENTS: b"Accept: text/event-stream\r\n",
    WEBSOCKET: b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
}
_GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
# The method, the path, and what else is said.
_HTTP2: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    PAGE: ("GET", "/", []),
    EVENTS: ("GET", "/", [("accept", "text/event-stream")]),
    WEBSOCKET: ("CONNECT", "/", [("sec-websocket-version", "13")]),
    CALL: ("POST", "/a.Test/Call", _GRPC),
    WAIT: ("POST", "/a.Test/Wait", _GRPC),
}

Fields = dict[str, str]


class Asked(Protocol):
    """A question that was asked; over HTTP/2 `trailers` are what came at the end."""

    trailers: Fields

    async def head(self) -> Fields:
        """The head of the answer, `:status` with it."""

    async def piece(self) -> bytes:
        """Something of the body; nothing once it is over. An AssertionError if it breaks off."""

    def say(self, data: bytes) -> None:
        """Something more from the client."""


async def whole(asked: Asked) -> bytes:
    """All that comes until the end."""
    body = b""
    while piece := await asked.piece():
        body += piece
    return body


class _Over1:
    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._chunked = False
        self.trailers: Fields = {}

    async def head(self) -> Fields:
        line, *lines = (await self._peer.take_head()).decode().split("\r\n")[:-2]
        fields = {name.lower(): text for name, text in (each.split(": ", 1) for each in lines)}
        self._chunked = "transfer-encoding" in fields
        return {":status": line.split()[1], **fields}

    async def piece(self) -> bytes:
        peer = self._peer
        if self._chunked:
            size = int(await peer.take_through(b"\r\n"), 16)
            return (await peer.take(size + 2))[:-2]
        await peer.until(lambda: len(peer.received) > peer.taken or peer.ended)
        return await peer.take(len(peer.received) - peer.taken)

    def say(self, data: bytes) -> None:
        self._peer.send(data)


class _Over2:
    def __init__(self, client: H2Client, stream: int) -> None:
        self._client, self._stream = client, stream
        self.trailers: Fields = {}

    async def head(self) -> Fields:
        return _read(await self._client.until(ResponseReceived, self._stream))

    async def piece(self) -> bytes:
        while True:
            match await self._client.until(Event, self._stream):
                case DataReceived(data=data) if data:
                    return data
                case StreamEnded():
                    return b""
                case TrailersReceived() as event:
                    self.trailers = _read(event)
                case StreamReset() as event:
                    raise AssertionError(event)

    def say(self, data: bytes) -> None:
        self._client.send(self._stream, data)


def _read(event: ResponseReceived | TrailersReceived) -> Fields:
    # The types of h2 know nothing of header_encoding.
    return dict(cast(list[tuple[str, str]], event.headers))


@asynccontextmanager
async def asked(port: int, over: str, question: str, path: str = "") -> AsyncIterator[Asked]:
    """Somebody asks this on a connection of its own; other apps may have it at another `path`."""
    if over == HTTP1:
        async with client(port) as peer:
            line = f"GET {path or '/'} HTTP/1.1\r\nHost: a.example\r\n"
            peer.send(line.encode() + _HTTP1[question] + b"\r\n")
            yield _Over1(peer)
    else:
        async with h2_client(port) as connection:
            if question == WEBSOCKET:
                await connection.until(RemoteSettingsChanged)
            fields = _fields(question, path)
            yield _Over2(connection, connection.request(fields, end=question != WEBSOCKET))


def _fields(question: str, path: str) -> list[tuple[str, str]]:
    method, usual, more = _HTTP2[question]
    pseudo = [(":method", method), (":scheme", "http"), (":path", path or usual)]
    pseudo.append((":authority", "a"))
    if question == WEBSOCKET:
        pseudo.append((":protocol", "websocket"))
    return [*pseudo, *more]


CLOSE = 0x88


async def close_code(asked: Asked) -> int:
    """Of the Close frame that comes next (RFC 6455 5.5.1); it is answered."""
    frame = await asked.piece()
    assert frame[0] == CLOSE, frame
    mask = b"\0\0\0\0"
    asked.say(bytes([CLOSE, 0x82]) + mask + frame[2:4])
    return int.from_bytes(frame[2:4])
