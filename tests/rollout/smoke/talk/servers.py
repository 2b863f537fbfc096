"""Servers that answer as a test says, whatever HTTP thinks of it."""

import asyncio
import socket
import ssl
import struct
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[[Reader, Writer], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that runs the script for every connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(answer: bytes, *, stays: bool = False) -> Script:
    """Each head is answered with these bytes, and the connection ends, or stays open."""

    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if stays:
            await asyncio.Event().wait()

    return script


async def silent(_: Reader, __: Writer) -> None:
    """Nothing is ever said."""
    await asyncio.Event().wait()


async def gone(_: Reader, __: Writer) -> None:
    """The connection is closed at once."""


# What a TLS server says to a request in the clear, and HTTP/2 before any.
ALERT = bytes.fromhex("15 03 01 00 02 02 46")
SETTINGS = bytes.fromhex("000006 04 00 00000000 0003 00000064")


async def reset(reader: Reader, writer: Writer) -> None:
    """The connection is reset where an answer should come."""
    await reader.readuntil(b"\r\n\r\n")
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless(reader: Reader, writer: Writer) -> None:
    """An answer that goes on for ever."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4\r\nmore\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def dripping(reader: Reader, writer: Writer) -> None:
    """A head that grows, a byte at a time, and never ends."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)
