"""An app of HTTP/1 and HTTP/2 at one port, which begins an answer of each kind and never ends it.

It lives in the process of the test, and dies at the end of its block as a process does that is
killed: see `either_client` for what it is asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
_EVENTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
)


class _Undecided(asyncio.Protocol):
    """A connection that has said nothing yet."""

    def __init__(self, open_ones: list[Any]) -> None:
        self._open = open_ones
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._open.append(transport)

    def data_received(self, data: bytes) -> None:
        speaks: asyncio.Protocol = _Http2() if data[:3] == PREFACE[:3] else _Http1()
        self._transport.set_protocol(speaks)
        speaks.connection_made(self._transport)
        speaks.data_received(data)


class _Http1(asyncio.Protocol):
    def __init__(self) -> None:
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).lower().split(_END_OF_HEAD)
        for head in heads:
            if b"text/event-stream" in head:
                self._transport.write(_EVENTS)
            else:
                self._transport.write(SWITCH if b"upgrade: websocket" in head else _PAGE)


class _Http2(End):
    def __init__(self) -> None:
        super().__init__()
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


@asynccontextmanager
async def either_app(port: int) -> AsyncIterator[None]:
    """The app at this port of 127.0.0.1, which is dead after the block."""
    open_ones: list[Any] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Undecided(open_ones), "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for transport in open_ones:
            transport.abort()
