"""A client that half-closes has said all: it is read to its last byte, and answered."""

import asyncio

import pytest

from tests.e2e.process import Sidecar
from tests.e2e.tap import Peer, client, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
# More chunks than are read in one turn of the loop, and none that are found as a run.
UPLOAD = (
    b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"01\r\nx\r\n" * 1900
    + b"0\r\n\r\n"
)
UPGRADE = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
# The same of frames.
FRAMES = (b"\x82\xa0" + bytes(4 + 32)) * 1700


@pytest.mark.parametrize("last", [GET, UPLOAD], ids=["get", "upload"])
async def test_each_of_its_requests_is_answered(last: bytes, plain: Sidecar, app_port: int) -> None:
    ended = asyncio.Event()

    async def answers(app: Peer) -> None:
        await ended.wait()
        for request in GET, last:
            await app.take(len(request))
            app.send(OK)

    async with tap(app_port, answers) as app, client(plain.port) as peer:
        peer.send(GET + last)
        peer.end()
        ended.set()
        assert await peer.take_the_rest() == OK * 2
        assert app.received == GET + last
        assert peer.error is None


async def test_the_app_gets_all_that_came_ahead_of_its_101_and_then_the_end(
    plain: Sidecar, app_port: int
) -> None:
    ended = asyncio.Event()

    async def switches(app: Peer) -> None:
        await app.take_head()
        await ended.wait()
        app.send(SWITCH)
        await app.take_the_rest()
        app.send(b"\x88\x00")
        app.close()

    async with tap(app_port, switches) as app, client(plain.port) as peer:
        peer.send(UPGRADE + FRAMES)
        peer.end()
        ended.set()
        assert await peer.take_the_rest() == SWITCH + b"\x88\x00"
        assert app.received == UPGRADE + FRAMES
        assert app.connections[0].error is peer.error is None
