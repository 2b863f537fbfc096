"""Thousands of client connections that asked one thing and then stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_AT_ONCE = 100
_ANSWER_WITHIN = 20.0

GET = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n", b"HTTP/1.1 200 "
# The key is the example of RFC 6455 section 1.3.
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"HTTP/1.1 101 ",
)


class Client(asyncio.Protocol):
    """Sends its request once; `answered` holds the first bytes of the answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.alive = True
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.answered.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if not self.answered.done():
            self.answered.set_result(b"")


@asynccontextmanager
async def held(port: int, count: int, conversation: tuple[bytes, bytes]) -> AsyncIterator[Clients]:
    """`count` connections to `port`, each answered as the conversation says, open in the block."""
    clients = Clients()
    try:
        gate = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(clients.add(port, conversation, gate) for _ in range(count)))
        yield clients
    finally:
        clients.abort()
        await asyncio.sleep(0)


class Clients:
    def __init__(self) -> None:
        self._open: list[Client] = []
        self.refused = 0

    async def add(
        self, port: int, conversation: tuple[bytes, bytes], gate: asyncio.Semaphore
    ) -> None:
        request, expected = conversation
        async with gate, asyncio.timeout(_ANSWER_WITHIN):
            loop = asyncio.get_running_loop()
            _, client = await loop.create_connection(lambda: Client(request), "127.0.0.1", port)
            self._open.append(client)
            self.refused += not (await client.answered).startswith(expected)

    @property
    def lost(self) -> int:
        """Connections that were refused, or closed since by the other side."""
        return max(self.refused, sum(not client.alive for client in self._open))

    def abort(self) -> None:
        for client in self._open:
            client.transport.abort()
