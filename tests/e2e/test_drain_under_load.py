"""SIGTERM in the middle of work of every kind: nobody loses anything, and nobody waits in vain.

A load balancer is in the mind of the clients: who is told to go connects to the other sidecar,
which stands in front of the same app.
"""

import asyncio
import hashlib
import json
import signal
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from drainproxy.rehearsal.app import content
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.process import BUSY, Sidecar, sidecar

ASKERS, WEBSOCKETS, DOWNLOADS, STREAMS, TALKERS = 100, 50, 50, 5, 10
TIMEOUT = 30.0
SPREAD = 1.0
DRAIN = (
    *("--drain-delay", "500ms", "--drain-quiet", "2s", "--drain-spread", f"{SPREAD:g}s"),
    *("--drain-timeout", f"{TIMEOUT:g}s"),
)
# Seconds that what is in flight at the signal takes: enough for all of it to be there.
IN_FLIGHT = 2.5
# More than all socket buffers on its way hold.
SLOW_SIZE = 12 << 20


@dataclass
class Scene:
    """Where clients go at first, where they are sent to, and what they saw."""

    leaving: int
    staying: int
    tcp: int
    signalled: bool = False
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    # Answers to short requests by the sidecar that leaves, which came after the signal.
    late_answers: int = 0
    # When each WebSocket was closed, and when anybody last had to do with the one that leaves.
    closes: list[float] = field(default_factory=list)
    last: float = 0.0

    def answered(self, port: int) -> None:
        """Somebody got an answer."""
        if port == self.leaving:
            self.late_answers += self.signalled
            self.last = monotonic()


class Asker:
    """Asks one short thing after the other on one connection, and goes elsewhere when told to."""

    def __init__(self, scene: Scene, name: int) -> None:
        self._scene = scene
        self._name = name
        self._numbers = count()
        self._port = scene.leaving

    async def work(self, start: asyncio.Barrier, seconds: float) -> None:
        """Warm up, take part in what is in flight at the signal, and go on until it is over."""
        await self._connect()
        for _ in range(3):
            await self._ask(0.1)
        await start.wait()
        await self._ask(seconds)
        while not self._scene.over.is_set():
            await self._ask(min(seconds, 0.1))
        self._writer.close()
        await self._writer.wait_closed()

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def _ask(self, seconds: float) -> None:
        body = b"%d asks for the %d. time" % (self._name, next(self._numbers))
        self._writer.write(
            b"POST /echo?seconds=%g HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%b"
            % (seconds, len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await self._reader.readexactly(len(body)) == body, "the answer to another request"
        self._scene.answered(self._port)
        if b"connection: close" in head.lower():
            await self._go_elsewhere()

    async def _go_elsewhere(self) -> None:
        assert await self._reader.read() == b""
        self._writer.close()
        self._port = self._scene.staying
        await self._connect()


async def visit(scene: Scene) -> None:
    """A balancer that has not heard of the drain yet: new connections to the one that leaves."""
    await scene.draining.wait()
    async with http_session(force_close=True) as session:
        for _ in range(8):
            async with session.get(f"http://127.0.0.1:{scene.leaving}/hello") as answer:
                assert answer.status == 200
                assert await answer.text() == "hello\n"
            scene.answered(scene.leaving)
            await asyncio.sleep(0.1)


async def talk_websocket(scene: Scene, name: int) -> None:
    """Half of them say something every 100 ms, half listen; all must hear 1001."""
    url = "ws://127.0.0.1:{}/ws"
    async with connect(url.format(scene.leaving), proxy=None) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await say(connection, pause=0.1 if name % 2 else TIMEOUT)
    received, sent = closed.value.rcvd, closed.value.sent
    assert received is not None, "it ended without a Close: 1006"
    assert sent is not None
    assert (received.code, sent.code, closed.value.rcvd_then_sent) == (1001, 1001, True)
    scene.closes.append(monotonic())
    async with connect(url.format(scene.staying), proxy=None) as connection:
        await connection.send("here again")
        assert await connection.recv() == "here again"


async def say(connection: ClientConnection, pause: float) -> None:
    for number in count():
        await connection.send(f"message {number}")
        assert await connection.recv() == f"message {number}"
        try:
            async with asyncio.timeout(pause):
                assert await connection.recv() is None, "nobody said anything"
        except TimeoutError:
            continue


def small_buffer(address: Any) -> socket.socket:
    """So that a slow reader is felt at the other end, and not only by its kernel."""
    family, kind, protocol, *_ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sock.setblocking(False)
    return sock


def http_session(**how: Any) -> ClientSession:
    connector = TCPConnector(limit=0, socket_factory=small_buffer, **how)
    return ClientSession(connector=connector, timeout=ClientTimeout(total=2 * TIMEOUT))


async def download(scene: Scene, start: asyncio.Barrier, name: int) -> None:
    """Chunked or not, at the app's pace; every tenth comes at once to a client that is slow."""
    slow = name % 10 == 0
    size = SLOW_SIZE if slow else (name + 4) * 8192
    seconds = 0.0 if slow else IN_FLIGHT + name / 25
    url = f"http://127.0.0.1:{scene.leaving}/download"
    query = {"size": size, "seconds": seconds, "chunked": name // 10 % 2}
    whole = hashlib.sha256()
    await start.wait()
    async with http_session() as session, session.get(url, params=query) as answer:
        assert answer.status == 200
        while piece := await answer.content.read(1 << 16):
            whole.update(piece)
            if slow:
                await asyncio.sleep(IN_FLIGHT * len(piece) / SLOW_SIZE)
    assert whole.digest() == hashlib.sha256(b"".join(content(size))).digest()
    scene.last = monotonic()


async def listen(scene: Scene, start: asyncio.Barrier) -> None:
    """An event stream that is told to come again, after a whole event."""
    url = f"http://127.0.0.1:{scene.leaving}/events?seconds={IN_FLIGHT}"
    await start.wait()
    async with http_session() as session, session.get(url) as answer:
        assert answer.content_type == "text/event-stream"
        *events, last, rest = (await answer.text()).split("\n\n")
    assert (last.partition(" ")[0], rest) == ("retry:", "")
    assert all("data: " in event for event in events)
    scene.last = monotonic()


async def talk_tcp(scene: Scene, start: asyncio.Barrier) -> None:
    """Opaque bytes there and back, then a half-close."""
    await start.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.tcp)
    for number in range(round(IN_FLIGHT / 0.1)):
        writer.write(b"%8d" % number)
        assert await reader.readexactly(8) == b"%8d" % number
        await asyncio.sleep(0.1)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    scene.last = monotonic()


@contextmanager
def two_sidecars(app: DemoApp, report: Path) -> Iterator[tuple[Sidecar, Scene]]:
    """The one that will leave, and a scene with the other in it."""
    tcp = free_ports(1)[0]
    forward = ("--forward", f"127.0.0.1:{tcp}=127.0.0.1:{app.tcp_port}/tcp")
    with (
        sidecar(app.address) as staying,
        sidecar(app.address, *forward, *DRAIN, "--report-file", str(report)) as leaving,
    ):
        yield leaving, Scene(leaving.port, staying.port, tcp)


async def leave(running: Sidecar, scene: Scene) -> float:
    """SIGTERM; when the process was gone."""
    scene.signalled = True
    process = running.process
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.until, lambda: running.phase != "serving")
    scene.draining.set()
    assert await asyncio.to_thread(process.wait, TIMEOUT) == 0
    return monotonic()


async def together(scene: Scene, work: list[Coroutine[Any, Any, None]], leaving: Any) -> float:
    """All the work while the sidecar leaves; the first that goes wrong is what is raised."""
    async with asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(each)
        gone = await leaving
        scene.over.set()
    return float(gone)


async def test_sigterm_under_load_of_every_kind_loses_nothing(
    demo_app: DemoApp, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    held = {"http1": ASKERS + DOWNLOADS, "sse": STREAMS, "websocket": WEBSOCKETS, "tcp": TALKERS}
    start = asyncio.Barrier(ASKERS + DOWNLOADS + STREAMS + TALKERS)
    with two_sidecars(demo_app, report) as (running, scene):
        work = [
            *(Asker(scene, name).work(start, IN_FLIGHT) for name in range(ASKERS)),
            *(talk_websocket(scene, name) for name in range(WEBSOCKETS)),
            *(download(scene, start, name) for name in range(DOWNLOADS)),
            *(listen(scene, start) for _ in range(STREAMS)),
            *(talk_tcp(scene, start) for _ in range(TALKERS)),
            visit(scene),
        ]

        async def leaving() -> float:
            await asyncio.to_thread(running.until_in_flight, **held)
            return await leave(running, scene)

        gone = await together(scene, work, leaving())

    assert gone - scene.last < BUSY
    assert max(scene.closes) - min(scene.closes) > SPREAD / 2
    told = json.loads(report.read_text())
    assert (told["verdict"], told["why"]) == ("clean", "SIGTERM")
    assert "cutting" not in told["phases"], "it ended by itself"
    assert {kind: count for kind, count in told["in_flight_at_start"].items() if count} == held
    ended = {kind: nonzero(ways) for kind, ways in told["ended"].items()}
    assert {kind: ways for kind, ways in ended.items() if ways} == {
        "http1": {"finished": scene.late_answers + DOWNLOADS},
        "sse": {"goodbye": STREAMS},
        "websocket": {"goodbye": WEBSOCKETS},
        "tcp": {"finished": TALKERS},
    }


def nonzero(counts: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


async def test_no_moment_for_a_sigterm_is_a_bad_one(demo_app: DemoApp, tmp_path: Path) -> None:
    """Requests without a pause: the signal, `leaving` and the end come between any two bytes."""
    report = tmp_path / "report.json"
    start = asyncio.Barrier(ASKERS + 1)
    with two_sidecars(demo_app, report) as (running, scene):

        async def leaving() -> float:
            await start.wait()
            return await leave(running, scene)

        work = [Asker(scene, name).work(start, 0.0) for name in range(ASKERS)]
        gone = await together(scene, [*work, visit(scene)], leaving())

    assert scene.late_answers > ASKERS
    assert gone - scene.last < BUSY
    told = json.loads(report.read_text())
    assert told["verdict"] == "clean"
    assert nonzero(told["ended"]["http1"]).keys() == {"finished"}
