"""HTTP/1, HTTP/2 and what is neither come to the same port, and all are served, at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from h2.events import DataReceived, StreamEnded

from drainproxy.drain.ledger import KINDS
from tests.e2e.flow import holding
from tests.e2e.h2_client import H2Client, h2_client
from tests.e2e.http2_apps import hypercorn
from tests.e2e.process import Sidecar, sidecar
from tests.e2e.tap import Peer, client

ROUNDS, CROWD = 5, 5

POST = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%s"
POST2 = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")]
NEITHER = b"\x00\x01"


@asynccontextmanager
async def any_app(http: int) -> AsyncIterator[str]:
    """HTTP of both kinds goes to this port, anything else comes back."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(2)
        if first in (b"PO", b"PR"):
            to_app, from_us = await asyncio.open_connection("127.0.0.1", http)
            from_us.write(first)
            await asyncio.gather(pass_on(reader, from_us), pass_on(to_app, writer))
            from_us.close()
        else:
            writer.write(first)
            await pass_on(reader, writer)

    async with holding(talk) as address:
        yield address


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def http1(peer: Peer, text: bytes) -> None:
    peer.send(POST % (len(text), text))
    head = await peer.take_head()
    assert head.startswith(b"HTTP/1.1 200")
    # The app answers in chunks.
    body = await peer.take_through(b"0\r\n\r\n")
    assert body == b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)


async def http2(connection: H2Client, text: bytes) -> None:
    stream = connection.request(POST2, end=False)
    connection.send(stream, text, end=True)
    assert (await connection.until(DataReceived, stream)).data == text
    await connection.until(StreamEnded, stream)


async def neither(peer: Peer, text: bytes) -> None:
    peer.send(NEITHER + text)
    assert await peer.take(len(NEITHER + text)) == NEITHER + text


@pytest.fixture
async def running() -> AsyncIterator[Sidecar]:
    with hypercorn() as http:
        async with any_app(http) as app:
            with sidecar(app) as proxy:
                yield proxy


async def test_all_kinds_of_clients_are_served_beside_each_other(running: Sidecar) -> None:
    async with AsyncExitStack() as stack:
        enter, port = stack.enter_async_context, running.port
        ones = [await enter(client(port)) for _ in range(CROWD)]
        twos = [await enter(h2_client(port)) for _ in range(CROWD)]
        others = [await enter(client(port)) for _ in range(CROWD)]
        for number in range(ROUNDS):
            text = b"round %d" % number
            await asyncio.gather(
                *(http1(each, text) for each in ones),
                *(http2(each, text) for each in twos),
                *(neither(each, text) for each in others),
            )
    # Also lets the app, which is here, see that they have gone.
    await asyncio.to_thread(running.until_in_flight, **dict.fromkeys(KINDS, 0))
