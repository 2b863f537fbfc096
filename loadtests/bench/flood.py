"""Clients and an app that send one small structure without end, as fast as it is taken.

    python -m loadtests.bench.flood app PORT
    python -m loadtests.bench.flood clients PORT COUNT NAME...

The app reads whatever comes and answers `GET /NAME` with the flood of that name, any other request
with a few bytes. The clients flood with the names in turn, or ask the app to; who is refused comes
again. What either gets is read and thrown away.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle, islice
from typing import Any, NamedTuple

import uvloop

PIECE = 1 << 18
# A client that was cut off comes again so many seconds later.
AGAIN_AFTER = 0.05

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = CHUNKED[:-2] + b"Content-Type: text/event-stream\r\n\r\n"
ENDLESS = b"Content-Length: 1000000000000000\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2 (RFC 9113 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
# RFC 7541 appendix A: :method POST, :scheme http, :path /, and :authority a as a literal.
BLOCK = b"\x83\x86\x84\x01\x01a"
# A flood is not to end for want of a window (RFC 9113 6.5.2, 6.9).
WIDE = frame(SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff") + frame(
    WINDOW_UPDATE, 0, 0, (2**31 - 65536).to_bytes(4, "big")
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + WIDE


class Flood(NamedTuple):
    """What is said first, and what follows for ever, if anything does: the nth piece of it."""

    begins: bytes
    piece: Callable[[int], bytes] | None


def endless(begins: bytes, unit: bytes) -> Flood:
    """The same structure again and again."""
    piece = unit * (PIECE // len(unit))
    return Flood(begins, lambda number: piece)


def requests(number: int) -> bytes:
    """HTTP/2 requests with new fields, which fill the table (RFC 7541 2.3)."""
    first = 3 + 2 * 2000 * number
    return b"".join(
        frame(HEADERS, 5, stream, BLOCK + b"\x40\x08x-%06x\x08%08x" % (stream, stream))
        for stream in range(first, first + 4000, 2)
    )


UP = {
    "chunks": endless(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "odd-chunks": endless(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"01;a=b\r\na\r\n"),
    "frames": endless(b"GET /echo HTTP/1.1\r\nHost: a\r\n" + UPGRADE, b"\x81\x81mask\x00"),
    "fragments": endless(
        b"GET /echo HTTP/1.1\r\nHost: a\r\n" + UPGRADE, b"\x01\x80mask\x89\x80mask\x80\x80mask"
    ),
    "empty-lines": endless(b"", b"\r\n"),
    "bytes": endless(POST + ENDLESS, bytes(64)),
    "lists": endless(
        b"", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: %bx\r\n\r\n" % (b"a," * 30000)
    ),
    "fields": endless(
        b"", b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n" % (b"A-Field-Of-Mine: x\r\n" * 95)
    ),
    "data": endless(PREFACE + frame(HEADERS, 4, 1, BLOCK), frame(DATA, 0, 1, b"123456789")),
    "window-updates": endless(PREFACE, frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1")),
    "pings": endless(PREFACE, frame(PING, 0, 0, b"12345678")),
    "requests": Flood(PREFACE, requests),
}
DOWN = {
    "down-chunks": endless(CHUNKED, b"1\r\na\r\n"),
    "down-odd-chunks": endless(CHUNKED, b"01;a=b\r\na\r\n"),
    "down-events": endless(EVENTS, b"28\r\ndata: %b\n\n\r\n" % (b"x" * 32)),
    "down-frames": endless(SWITCHED, b"\x81\x01a"),
    "down-fragments": endless(SWITCHED, b"\x01\x00\x89\x00\x80\x00"),
    "down-bytes": endless(b"HTTP/1.1 200 OK\r\n" + ENDLESS, bytes(64)),
}
NAMES = (*UP, *DOWN)


class Sender(asyncio.Protocol):
    """Sends a flood once it was begun; reads and throws away."""

    def __init__(self) -> None:
        self._flood: Flood | None = None
        self._number = 0
        self._full = self._waits = False
        # Bytes given to the system so far, and read.
        self.sent = self.received = 0
        self._transport: Any = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def begin(self, flood: Flood) -> None:
        """Send it for ever."""
        self._transport.write(flood.begins)
        self._flood = flood
        # Frames are none before the 101.
        self._waits = UPGRADE in flood.begins
        self._go_on()

    def _go_on(self) -> None:
        piece = None if self._waits or self._flood is None else self._flood.piece
        while piece and not self._full and not self._transport.is_closing():
            data = piece(self._number)
            self._transport.write(data)
            self.sent += len(data)
            self._number += 1

    @property
    def passed(self) -> int:
        """Bytes that the system has taken."""
        unsent: int = self._transport.get_write_buffer_size()
        return self.sent - unsent

    def write(self, data: bytes) -> None:
        """Beside the flood."""
        self._transport.write(data)

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        # Not at once: who reads fast would keep us from all others.
        asyncio.get_running_loop().call_soon(self._go_on)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._waits:
            self._waits = False
            self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self._flood = None
        if not self.ended.done():
            self.ended.set_result(None)


class App(Sender):
    """Answers the heads of HTTP/1 that it sees, until it floods."""

    _line = re.compile(rb"(?:GET|POST) /(\S*) HTTP/1\.1\r\n((?:[^\r]+\r\n)*)\r\n")

    def __init__(self) -> None:
        super().__init__()
        self._seen = b""
        self._deaf = False

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._seen += data
        if self._seen.startswith(b"PRI "):
            self._deaf = True
            self._transport.write(WIDE)
        while not self._deaf and (head := self._line.match(self._seen)):
            self._seen = self._seen[head.end() :]
            self._answer(head[1].decode(), head[2].lower())

    def _answer(self, name: str, fields: bytes) -> None:
        self._deaf = True
        if name in DOWN:
            self.begin(DOWN[name])
        elif b"upgrade: " in fields:
            self._transport.write(SWITCHED)
        elif b"chunked" not in fields and b"content-length" not in fields:
            self._deaf = False
            self._transport.write(HELLO)


async def serve(port: int) -> None:
    """The app, for ever."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(App, "127.0.0.1", port, backlog=1000) as server:
        await server.serve_forever()


async def flood(port: int, name: str) -> None:
    """A client, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError):
            _, sender = await loop.create_connection(Sender, "127.0.0.1", port)
            sender.begin(UP[name] if name in UP else asking(name))
            await sender.ended
        await asyncio.sleep(AGAIN_AFTER)


def asking(name: str) -> Flood:
    """What a client says that wants to be flooded."""
    fields = UPGRADE if DOWN[name].begins == SWITCHED else b"\r\n"
    asked = b"GET /%b HTTP/1.1\r\nHost: a\r\n%b" % (name.encode(), fields)
    return Flood(asked, None)


async def clients(port: int, names: list[str]) -> None:
    """All of them side by side, for ever."""
    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(flood(port, name))


def main(role: str, port: str, *rest: str) -> None:
    if role == "app":
        uvloop.run(serve(int(port)))
    else:
        count, *names = rest
        uvloop.run(clients(int(port), list(islice(cycle(names), int(count)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
