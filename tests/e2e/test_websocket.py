"""WebSocket messages of any size and in any cut pass as they are."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.flow import resident
from tests.e2e.http_client import UPGRADE
from tests.e2e.process import PATIENCE, Sidecar, sidecar
from tests.e2e.tap import Peer, client, tap

HUGE = 100 << 20
LARGE = 1 << 16
MOST_MEMORY = 2 << 20


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def through_the_sidecar(
    app: Callable[[ServerConnection], Awaitable[None]] = echo,
) -> AsyncIterator[tuple[Sidecar, ClientConnection]]:
    """A client of `app`; neither minds how large a message is, nor compresses it."""
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running:
        async with (
            serve(app, "127.0.0.1", port, max_size=None, compression=None, ping_interval=None),
            connect(
                f"ws://127.0.0.1:{running.port}/",
                max_size=None,
                compression=None,
                ping_interval=None,
                proxy=None,
            ) as connection,
        ):
            yield running, connection


def pieces(size: int) -> Iterator[bytes]:
    """A message of `size` random bytes, in fragments of random sizes, some of them empty."""
    chance = random.Random(size)
    while size:
        length = min(size, chance.choice((0, 1, 125, 126, 65535, 65536, 300_000)))
        yield chance.randbytes(length)
        size -= length


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc")
async def test_a_message_of_100_mb_passes_both_ways_and_is_never_kept() -> None:
    message = os.urandom(1 << 20) * (HUGE >> 20)
    async with through_the_sidecar() as (running, connection):
        before = resident(running.process.pid)
        async with asyncio.timeout(2 * PATIENCE):
            await connection.send(message)
            assert await connection.recv() == message
        assert resident(running.process.pid) - before < MOST_MEMORY


async def test_fragments_pass_as_they_were_cut() -> None:
    seen: list[int] = []

    async def app(connection: ServerConnection) -> None:
        whole = hashlib.sha256()
        async for fragment in connection.recv_streaming(decode=False):
            seen.append(len(fragment))
            whole.update(fragment)
        await connection.send(pieces(1 << 20))
        await connection.send(whole.digest())

    # The library ends a message that it sends in fragments with an empty one.
    fragments = list(pieces(1 << 20))
    whole = [*fragments, b""]
    async with through_the_sidecar(app) as (_, connection), asyncio.timeout(PATIENCE):
        await connection.send(fragments)
        received = [fragment async for fragment in connection.recv_streaming(decode=False)]
        assert await connection.recv() == hashlib.sha256(b"".join(whole)).digest()
    assert received == whole
    assert seen == list(map(len, whole))


def frame(first: int, payload: bytes, mask: bytes) -> bytes:
    """A frame that begins with the byte `first`."""
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        length = bytes((flag | len(payload),))
    elif len(payload) < 1 << 16:
        length = bytes((flag | 126,)) + len(payload).to_bytes(2, "big")
    else:
        length = bytes((flag | 127,)) + len(payload).to_bytes(8, "big")
    return bytes((first,)) + length + mask + payload


def frames(mask: bytes = b"") -> bytes:
    """Whole messages with every kind of header, one of them with a Ping between its fragments."""
    text, more, ping, end, binary = 0x81, 0x01, 0x89, 0x80, 0x82
    sizes = [(text, 3), (more, 126), (ping, 5), (end, 200), (binary, 0), (binary, 1 << 16)]
    return b"".join(
        frame(first, random.Random(size).randbytes(size), mask) for first, size in sizes
    )


async def test_one_byte_at_a_time_passes_both_ways() -> None:
    """Lengths, masks and the two heads come in pieces; only the last payload comes at once."""
    to_app, to_client = frames(b"mask"), frames()
    accepted = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )

    async def app(peer: Peer) -> None:
        await peer.take_head()
        await peer.drip(accepted + to_client[:-LARGE])
        peer.send(to_client[-LARGE:])

    port = free_ports(1)[0]
    fields = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
    with sidecar(f"127.0.0.1:{port}") as running:
        async with tap(port, app) as taps, client(running.port) as browser:
            await browser.drip(f"GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n".encode())
            await browser.take_head()
            assert await browser.take(len(to_client)) == to_client
            await browser.drip(to_app[:-LARGE])
            browser.send(to_app[-LARGE:])
            connection = await taps.connection()
            assert await connection.take(len(to_app)) == to_app
            # Between two messages all the same: a goodbye finds its place.
            assert running.metric('drainproxy_connections{kind="websocket"}') == 1
            running.post("/drain")
            assert await browser.take(14) == b"\x88\x0c\x03\xe9going away"
