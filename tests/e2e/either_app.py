"""An app of HTTP/1 and HTTP/2 at one port, which begins an answer of each kind and never ends it.

It lives in the process of the test, which may say more in its event streams and end them, and dies
at the end of its block as a process does that is killed: see `either_client` for what it is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from hpack import Decoder, Encoder

from tests.e2e.conformance.frames import (
    ACK,
    END_HEADERS,
    PREFACE,
    WHOLE,
    Kind,
    data,
    headers,
    ping,
    settings,
)
from tests.e2e.http2_ends import End, decoded

# RFC 8441 3: SETTINGS_ENABLE_CONNECT_PROTOCOL.
_WEBSOCKETS = (8, 1)
_END_OF_HEAD = b"\r\n\r\n"
# What a frame of this type begins with (RFC 6455 5.5.1).
_CLOSE = b"\x88"

EVENT = b"data: 1\n\n"
# A gRPC message of one byte.
MESSAGE = b"\0\0\0\0\1x"
SWITCH = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
_PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_END = b"0\r\n\r\n"


def _chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


_EVENTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    + _chunk(EVENT)
)


class EventStream(NamedTuple):
    """One that has begun with EVENT."""

    say: Callable[[bytes], object]
    end: Callable[[], object]


class EitherApp:
    """What has come to it: its event streams, in their order."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.streams: list[EventStream] = []


class _Undecided(asyncio.Protocol):
    """A connection that has said nothing yet."""

    def __init__(self, app: EitherApp) -> None:
        self._app = app
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._app.connections.append(transport)

    def data_received(self, data: bytes) -> None:
        speaks = (_Http2 if data[:3] == PREFACE[:3] else _Http1)(self._app.streams)
        self._transport.set_protocol(speaks)
        speaks.connection_made(self._transport)
        speaks.data_received(data)


class _Http1(asyncio.Protocol):
    def __init__(self, streams: list[EventStream]) -> None:
        self._streams = streams
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).lower().split(_END_OF_HEAD)
        for head in heads:
            if b"text/event-stream" in head:
                self._transport.write(_EVENTS)
                self._streams.append(EventStream(self._say, lambda: self._transport.write(_END)))
            else:
                self._transport.write(SWITCH if b"upgrade: websocket" in head else _PAGE)

    def _say(self, events: bytes) -> None:
        self._transport.write(_chunk(events))


class _Http2(End):
    def __init__(self, streams: list[EventStream]) -> None:
        super().__init__()
        self._streams = streams
        self._encoder, self._decoder = Encoder(), Decoder()
        self._preface = len(PREFACE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.send(settings(_WEBSOCKETS))

    def data_received(self, data: bytes) -> None:
        left, self._preface = self._preface, max(0, self._preface - len(data))
        super().data_received(data[left:])

    def came(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.HEADERS:
            self._answer(stream, decoded(self._decoder, payload))
        elif kind == Kind.DATA and payload[:1] == _CLOSE:
            self.send(data(stream, _CLOSE + b"\0"))
        elif kind == Kind.SETTINGS and not flags & ACK:
            self.send(settings(flags=ACK))
        elif kind == Kind.PING and not flags & ACK:
            self.send(ping(payload, ACK))

    def _answer(self, stream: int, asked: dict[str, str]) -> None:
        media_type = asked.get("content-type", asked.get("accept", ""))
        if asked[":path"].endswith("/Wait"):
            return
        fields = [(":status", "200")]
        begun = {"application/grpc": MESSAGE, "text/event-stream": EVENT}.get(media_type)
        if begun is not None:
            fields.append(("content-type", media_type))
        goes_on = begun is not None or ":protocol" in asked
        flags = END_HEADERS if goes_on else WHOLE
        self.send(headers(stream, self._encoder.encode(fields), flags))
        if begun is not None:
            self.send(data(stream, begun, 0))
        if begun is EVENT:
            end = partial(self.send, data(stream))
            self._streams.append(
                EventStream(lambda events: self.send(data(stream, events, 0)), end)
            )

    def _say(self, stream: int, events: bytes) -> None:
        self.send(data(stream, events, 0))


@asynccontextmanager
async def either_app(port: int) -> AsyncIterator[EitherApp]:
    """The app at this port of 127.0.0.1, which is dead after the block."""
    app = EitherApp()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Undecided(app), "127.0.0.1", port)
    try:
        yield app
    finally:
        server.close()
        for transport in app.connections:
            transport.abort()
