"""Ends of a connection that push as hard as they may, or read as slowly as they like."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

PIECE = bytes(range(256)) * 256
# Between two reads of a slow reader, in seconds.
PACE = 0.02
# Of each socket of ours: what lies in the kernel is felt by neither end.
BUFFER = 1 << 17


class Pusher(asyncio.Protocol):
    """Once it has begun it writes without end, as fast as it is let."""

    def __init__(self, hello: bytes, awaits: bytes, begins: bytes) -> None:
        """Says `hello`, and when it has heard what it `awaits`, goes on with `begins`."""
        self._hello, self._awaits, self._begins = hello, awaits, begins
        self._received = b""
        self._written = 0
        self._flows = asyncio.Event()
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._transport: Any = None

    @property
    def taken(self) -> int:
        """Bytes that the system has taken off its hands."""
        return self._written - int(self._transport.get_write_buffer_size())

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        narrow(transport.get_extra_info("socket"))
        transport.write(self._hello)
        self._flows.set()
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._task is None and self._awaits in self._received:
            self._task = asyncio.get_running_loop().create_task(self._push(self._begins))

    async def _push(self, piece: bytes) -> None:
        while not self._transport.is_closing():
            self._transport.write(piece)
            self._written += len(piece)
            piece = PIECE
            await asyncio.sleep(0)  # others live on the same loop
            await self._flows.wait()

    def pause_writing(self) -> None:
        self._flows.clear()

    def resume_writing(self) -> None:
        self._flows.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._flows.set()
        self._lost.set()

    async def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
        await self._lost.wait()


class SlowReader:
    """Reads off a socket at a steady pace."""

    def __init__(self, sock: socket.socket, already: int = 0) -> None:
        self._sock = sock
        self.read = already

    async def work(self, rate: int, seconds: float) -> None:
        """For so long read `rate` bytes a second, and never more."""
        loop = asyncio.get_running_loop()
        began, before = monotonic(), self.read
        while (since := monotonic() - began) < seconds:
            allowed = int(rate * since) - (self.read - before)
            # Not byte by byte, each as soon as it is allowed.
            if allowed < rate * PACE:
                await asyncio.sleep(PACE)
                continue
            data = await loop.sock_recv(self._sock, min(allowed, len(PIECE)))
            assert data, "the stream broke off"
            self.read += len(data)


def narrow(sock: Any) -> None:
    """Small buffers in the kernel."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)


def bare_socket() -> socket.socket:
    """For a loop's `sock_` methods."""
    sock = socket.socket()
    narrow(sock)
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def serving(port: int, protocol: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
    """An app on this port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def holding(conversation: Conversation) -> AsyncIterator[str]:
    """An app that holds this conversation with everyone; its address. Leaves when all are over."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        await conversation(reader, writer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
    async with asyncio.timeout(10):
        await asyncio.gather(*talks)


def resident(pid: int) -> int:
    """The resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def held_by_the_kernel() -> int:
    """The most bytes that may lie in the two sockets of the sidecar that one direction has."""
    limits = [Path(f"/proc/sys/net/ipv4/tcp_{which}mem").read_text() for which in "rw"]
    return sum(int(text.split()[2]) for text in limits) + 4 * BUFFER
