"""Who does not read stops who writes, through the proxy, and nothing piles up in between.

TESTS_SLOW=1 lets every stream flow for a minute instead of for a moment.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest
from hpack import Encoder

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.frames import (
    ACK,
    END_HEADERS,
    LARGEST_WINDOW,
    PREFACE,
    Setting,
    data,
    headers,
    settings,
    window_update,
)
from tests.e2e.flow import (
    Pusher,
    SlowReader,
    bare_socket,
    held_by_the_kernel,
    resident,
    serving,
)
from tests.e2e.http_client import UPGRADE
from tests.e2e.process import PATIENCE, Sidecar, sidecar

SECONDS = 60.0 if os.environ.get("TESTS_SLOW") == "1" else 0.6
RATE = 1 << 20
SIZE = 1 << 30
MOST_MEMORY = 2 << 20
# Of an upload that stands still; whatever else is read at once would be 256 KB.
STALLED, STALLED_UPLOADS = 100 << 10, 24

pytestmark = [
    pytest.mark.timeout(2 * SECONDS + 60),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc"),
]

END_OF_HEAD = b"\r\n\r\n"
FIELDS = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
WANTS_WEBSOCKET = f"GET /ws HTTP/1.1\r\nHost: a.example\r\n{FIELDS}\r\n".encode()
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
FRAME = b"\x82\x7f" + SIZE.to_bytes(8, "big")
MASKED_FRAME = b"\x82\xff" + SIZE.to_bytes(8, "big") + b"mask"


GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.example\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


class Down(NamedTuple):
    """What the client asks, and how the app's endless answer begins."""

    asked: bytes
    begins: bytes
    protocol: str = "auto"


DOWN = {
    "length": Down(GET, OK + b"Content-Length: %d\r\n\r\n" % SIZE),
    "chunked": Down(GET, OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE),
    "until close": Down(GET, OK + b"Connection: close\r\n\r\n"),
    "websocket": Down(WANTS_WEBSOCKET, SWITCHED + FRAME),
    "tcp": Down(b"", b"", "tcp"),
}


class Up(NamedTuple):
    """How the client's endless message begins, and what is asked and granted before that. Of what
    is granted the client hears its end as it was said."""

    begins: bytes
    asked: bytes = b""
    granted: bytes = b""
    protocol: str = "auto"

    @property
    def awaited(self) -> bytes:
        return self.granted[-13:]


UP = {
    "length": Up(POST + b"Content-Length: %d\r\n\r\n" % SIZE),
    "chunked": Up(POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE),
    "websocket": Up(MASKED_FRAME, WANTS_WEBSOCKET, SWITCHED),
    "tcp": Up(b"", protocol="tcp"),
}
# One frame, and windows that hold nobody back: as large as they may be (RFC 9113 4.2 and 6.9.1).
# Last comes WINDOW_UPDATE: 13 bytes that pass as they are.
MOST_FRAME = 2**24 - 1
GRANTED_OVER_HTTP2 = (
    settings((Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW), (Setting.MAX_FRAME_SIZE, MOST_FRAME))
    + settings(flags=ACK)
    + window_update(0, LARGEST_WINDOW - 65535)
)
FIELDS_OVER_HTTP2 = {":method": "POST", ":scheme": "http", ":path": "/", ":authority": "a.example"}
UP_OVER_HTTP2 = Up(
    settings(flags=ACK)
    + headers(1, Encoder().encode(FIELDS_OVER_HTTP2.items()), END_HEADERS)
    + MOST_FRAME.to_bytes(3)
    + data(1, flags=0)[3:],
    asked=PREFACE + settings(),
    granted=GRANTED_OVER_HTTP2,
)


def cases(all_: Mapping[str, Up | Down], slow: str) -> list[Any]:
    """Parameters of a test, of which the one that is most like another runs at night."""
    return [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if name == slow else [])
        for name, case in all_.items()
    ]


async def check(running: Sidecar, pusher: Pusher, reader: SlowReader, before: int) -> None:
    """While `reader` reads at its pace `pusher` is held back, and the sidecar stays small."""
    await reader.work(RATE, SECONDS)
    assert resident(running.process.pid) - before < MOST_MEMORY
    assert pusher.taken - reader.read < held_by_the_kernel()
    assert reader.read > RATE * SECONDS / 2, "it hardly flows"


@pytest.mark.parametrize("case", cases(DOWN, slow="length"))
async def test_a_client_that_reads_slowly_holds_the_app_back(case: Down) -> None:
    app_port = free_ports(1)[0]
    awaited = END_OF_HEAD if case.asked else b""
    pushers: list[Pusher] = []

    def app() -> Pusher:
        pushers.append(Pusher(b"", awaited, case.begins))
        return pushers[-1]

    with sidecar(f"127.0.0.1:{app_port}", protocol=case.protocol) as running:
        before = resident(running.process.pid)
        async with serving(app_port, app):
            with bare_socket() as client:
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, ("127.0.0.1", running.port))
                await loop.sock_sendall(client, case.asked)
                reader = SlowReader(client)
                await reader.work(RATE, 0.1)
                await check(running, pushers[0], reader, before)


@pytest.mark.parametrize("case", cases(UP, slow="length"))
async def test_an_app_that_reads_slowly_holds_the_client_back(case: Up) -> None:
    app_port = free_ports(1)[0]
    loop = asyncio.get_running_loop()
    with (
        sidecar(f"127.0.0.1:{app_port}", protocol=case.protocol) as running,
        bare_socket() as listener,
    ):
        before = resident(running.process.pid)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", app_port))
        listener.listen()
        _, client = await loop.create_connection(
            lambda: Pusher(case.asked, case.awaited, case.begins), "127.0.0.1", running.port
        )
        async with asyncio.timeout(PATIENCE):
            app, _ = await loop.sock_accept(listener)
        with app:
            if case.granted:
                while END_OF_HEAD not in await loop.sock_recv(app, 1 << 16):
                    pass
                await loop.sock_sendall(app, case.granted)
            await check(running, client, SlowReader(app), before)
        await client.abort()


class Deaf(asyncio.Protocol):
    """Grants what is asked, and reads nothing more."""

    def __init__(self, granted: bytes) -> None:
        self._granted = granted
        self._lost = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost.set()

    async def abort(self) -> None:
        self._transport.abort()
        await self._lost.wait()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if not self._granted:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._granted)
        self._transport.pause_reading()


@pytest.mark.parametrize("case", cases(UP | {"http2": UP_OVER_HTTP2}, slow="chunked"))
async def test_an_upload_that_stands_still_takes_little_memory(case: Up) -> None:
    (app_port,) = free_ports(1)
    loop = asyncio.get_running_loop()
    pushers: list[Pusher] = []
    apps: list[Deaf] = []

    def app() -> Deaf:
        apps.append(Deaf(case.granted))
        return apps[-1]

    with sidecar(f"127.0.0.1:{app_port}", protocol=case.protocol) as running:
        async with serving(app_port, app):
            sizes = []
            # What the first of all needs is not the cost of an upload.
            for many in (1, STALLED_UPLOADS):
                for _ in range(many):
                    pushers.append(Pusher(case.asked, case.awaited, case.begins))
                    await loop.create_connection(lambda: pushers[-1], "127.0.0.1", running.port)
                still = standing_still(pushers)
                await asyncio.to_thread(running.process.until, still)
                sizes.append(resident(running.process.pid))
            held = (sizes[1] - sizes[0]) / STALLED_UPLOADS
            for pusher in pushers:
                await pusher.abort()
            for deaf in apps:
                await deaf.abort()
    assert held < STALLED, f"{held / 1024:.0f} KB each"


def standing_still(pushers: list[Pusher]) -> Callable[[], bool]:
    """Whether all have begun, and nobody has got rid of anything for a while."""
    last = [(0, monotonic())]

    def still() -> bool:
        taken = sum(pusher.taken for pusher in pushers)
        if taken != last[-1][0]:
            last.append((taken, monotonic()))
        return all(pusher.taken for pusher in pushers) and monotonic() - last[-1][1] > 0.3

    return still
