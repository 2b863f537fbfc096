"""Both ends of a conversation through the proxy, byte for byte: an app on a tap, and a client.

A `Peer` keeps every byte that came. What it waits for must come within PATIENCE seconds, else the
test fails with what did come.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

PATIENCE = 10.0
END_OF_HEAD = b"\r\n\r\n"

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Peer(asyncio.Protocol):
    """One end of a connection: what came, what of it was taken, and how it ended."""

    def __init__(self, greet: Callable[["Peer"], object] = lambda _: None) -> None:
        self._greet = greet
        self.received = b""
        self.taken = 0
        self.ended = False
        self.error: Exception | None = None
        self._news = asyncio.Event()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._greet(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._news.set()

    def eof_received(self) -> bool:
        self.ended = True
        self._news.set()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.error = error
        self._news.set()

    # Reading

    async def until(self, there: Callable[[], bool]) -> None:
        """Wait until something has come, or the end."""
        async with asyncio.timeout(PATIENCE):
            while not there():
                self._news.clear()
                await self._news.wait()

    async def _reach(self, place: Callable[[], int]) -> bytes:
        try:
            await self.until(lambda: place() >= 0 or self.ended)
        except TimeoutError:
            raise AssertionError(f"no more came than {self.received[self.taken :]!r}") from None
        end = place()
        assert end >= 0, f"the connection ended after {self.received[self.taken :]!r}"
        data, self.taken = self.received[self.taken : end], end
        return data

    async def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.taken + count
        return await self._reach(lambda: end if len(self.received) >= end else -1)

    async def take_through(self, mark: bytes) -> bytes:
        """The next bytes, up to and with `mark`."""

        def place() -> int:
            found = self.received.find(mark, self.taken)
            return found + len(mark) if found >= 0 else -1

        return await self._reach(place)

    async def take_head(self) -> bytes:
        """The next head, with its empty line."""
        return await self.take_through(END_OF_HEAD)

    async def take_the_rest(self) -> bytes:
        """All that comes until the other side ends."""
        return await self._reach(lambda: len(self.received) if self.ended else -1)

    async def asked(self) -> bool:
        """Wait for the next head, which is not taken; False if the connection ends before."""
        try:
            await self.until(lambda: self.ended or END_OF_HEAD in self.received[self.taken :])
        except TimeoutError:
            return False
        return END_OF_HEAD in self.received[self.taken :]

    async def lost(self) -> None:
        """Wait until the connection is gone in both directions."""
        await self.until(lambda: self._transport.is_closing())

    # Writing

    def send(self, data: bytes) -> None:
        """Write it in one piece."""
        self._transport.write(data)

    async def drip(self, data: bytes, pause: float = 0) -> None:
        """Write it one byte at a time, with `pause` seconds after each; stops when nobody reads."""
        for byte in data:
            if self.ended:
                return
            self._transport.write(bytes((byte,)))
            await asyncio.sleep(pause)

    def end(self) -> None:
        """Half-close: nothing more will be sent, but may still be read."""
        self._transport.write_eof()

    def close(self) -> None:
        """Close both directions, after what was written is out."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def reset(self) -> None:
        """Close so that the other side reads an error (RST)."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


# What the app does on one of its connections; the connection stays when it has returned.
Script = Callable[[Peer], Awaitable[None]]


class Tap:
    """An app: every connection that was made to it, in order."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections: list[Peer] = []
        self._tasks: list[asyncio.Future[None]] = []
        self._come = asyncio.Event()

    @property
    def received(self) -> bytes:
        """All bytes of all connections."""
        return b"".join(connection.received for connection in self.connections)

    def greet(self, peer: Peer) -> None:
        """A new connection: the script runs on it."""
        self.connections.append(peer)
        self._tasks.append(asyncio.ensure_future(self._script(peer)))
        self._come.set()

    async def connection(self, index: int = 0) -> Peer:
        """The connection with this number, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while len(self.connections) <= index:
                self._come.clear()
                await self._come.wait()
        return self.connections[index]

    async def left(self) -> None:
        """Wait until every connection was ended by the other side."""
        for connection in self.connections:
            await connection.until(lambda peer=connection: peer.ended)  # type: ignore[misc]

    async def finish(self) -> None:
        """Close everything; whatever went wrong in a script goes wrong here."""
        for connection in self.connections:
            connection.abort()
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


@asynccontextmanager
async def tap(port: int, script: Script) -> AsyncIterator[Tap]:
    """An app on this port of 127.0.0.1."""
    app = Tap(script)
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(app.greet), "127.0.0.1", port
    )
    try:
        yield app
    finally:
        server.close()
        await app.finish()


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Peer]:
    """A connection to this port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(Peer, "127.0.0.1", port)
    try:
        yield peer
    finally:
        peer.abort()


def answering(*answers: bytes) -> Script:
    """Read a head, send an answer, and so on; then read on in silence."""
    return conversation((answer,) for answer in answers)


def conversation(answers: Iterable[Iterable[bytes]]) -> Script:
    """The same with answers in pieces, each of which is sent when the one before is out."""
    answers = [tuple(pieces) for pieces in answers]

    async def script(app: Peer) -> None:
        for pieces in answers:
            if not await app.asked():
                return
            await app.take_head()
            for piece in pieces:
                app.send(piece)
                await asyncio.sleep(0.001)

    return script


async def silence(app: Peer) -> None:
    """Read and never answer."""
