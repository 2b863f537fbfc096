"""Connections that grow old under load: all turn over, each in its own time, and nothing fails.

TESTS_AGING=60 lets the load last for 60 seconds.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import ClientSession
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from drainproxy.rehearsal.ports import free_ports
from tests.e2e import hyper_client
from tests.e2e.conftest import DemoApp
from tests.e2e.grpc_calls import grpc_app, path
from tests.e2e.grpc_load import Load, channels, ended
from tests.e2e.http_client import connected, get
from tests.e2e.process import QUICK_DRAIN, Sidecar, sidecar
from tests.e2e.test_reload import Volume

SECONDS = float(os.environ.get("TESTS_AGING", "7"))
AGE, JITTER, GRACE = 2.0, 0.25, 1.0
AGING = (
    *("--max-connection-age", f"{AGE:g}s", "--max-connection-age-jitter", f"{JITTER:.0%}"),
    *("--max-connection-age-tcp", f"{AGE:g}s", "--max-connection-age-grace", f"{GRACE:g}s"),
)
# Between two requests of a client, in seconds; less than the grace, after which who asks nothing
# is let go.
PAUSES = (0.0, 0.02, 0.1, 0.3, 0.6)
OF_EACH_PAUSE = 5
REAL_CLIENTS, WEBSOCKETS, STREAMS, TALKERS = 5, 10, 3, 5
HTTP2, GRPC_CHANNELS, GRPC_RATE = 5, 5, 100.0
# Of a conversation over gRPC: over long before the grace.
MESSAGES = 6
# What a busy machine may add to a life, in seconds.
LATE = 2.0

WHY = 'why="max-connection-age"'


@dataclass
class Scene:
    """Where clients go, until when, and what they saw, by kind."""

    port: int
    tcp: int
    grpc: int
    end: float = field(default_factory=lambda: monotonic() + SECONDS)
    connections: Counter[str] = field(default_factory=Counter)
    # How long each connection lived that was told to go, or cut, in seconds.
    lives: dict[str, list[float]] = field(default_factory=dict)
    asked_http2: int = 0
    load: Load = field(default_factory=Load)

    def goes_on(self) -> bool:
        """Not over yet."""
        return monotonic() < self.end

    def came(self, kind: str) -> float:
        """A client has connected; when."""
        self.connections[kind] += 1
        return monotonic()

    def went(self, kind: str, came: float) -> None:
        """It was told to go, or cut."""
        self.lives.setdefault(kind, []).append(monotonic() - came)


# HTTP/1


async def ask(scene: Scene, pause: float) -> None:
    """One request after the other; none is ever sent twice."""
    names = count()
    while scene.goes_on():
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        came = scene.came("http1")
        while scene.goes_on():
            if await _asked_for_the_last_time(reader, writer, b"%d" % next(names)):
                assert await reader.read() == b""
                scene.went("http1", came)
                break
            await asyncio.sleep(pause)
        writer.close()
        await writer.wait_closed()


async def _asked_for_the_last_time(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> bool:
    writer.write(
        b"POST /echo?seconds=0.01 HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert await reader.readexactly(len(body)) == body, "the answer to another request"
    return b"\r\nconnection: close\r\n" in head.lower()


async def ask_as_programs_do(scene: Scene) -> None:
    """POST is sent once by aiohttp; its pool keeps connections and must hear when they end."""
    async with ClientSession() as session:
        while scene.goes_on():
            url = f"http://127.0.0.1:{scene.port}/echo"
            async with session.post(url, data=b"hello") as answer:
                assert (answer.status, await answer.read()) == (200, b"hello")
                if answer.headers.get("Connection", "").lower() == "close":
                    scene.lives.setdefault("aiohttp", []).append(0.0)
            await asyncio.sleep(0.05)


def http1_clients(scene: Scene) -> list[Coroutine[Any, Any, None]]:
    raw = [ask(scene, pause) for pause in PAUSES for _ in range(OF_EACH_PAUSE)]
    return raw + [ask_as_programs_do(scene) for _ in range(REAL_CLIENTS)]


# WebSocket


async def talk_websocket(scene: Scene, pause: float) -> None:
    """Every WebSocket hears 1001 and answers it, and its client comes again."""
    while scene.goes_on():
        url = f"ws://127.0.0.1:{scene.port}/ws"
        async with connect(url, proxy=None) as connection:
            came = scene.came("websocket")
            closed = await _talked_until_closed(scene, connection, pause)
            if closed is not None:
                assert closed.rcvd is not None, "it ended without a Close: 1006"
                assert (closed.rcvd.code, closed.rcvd_then_sent) == (1001, True)
                scene.went("websocket", came)


async def _talked_until_closed(
    scene: Scene, connection: ClientConnection, pause: float
) -> ConnectionClosed | None:
    numbers = count()
    try:
        while scene.goes_on():
            number = next(numbers)
            await connection.send(f"message {number}")
            assert await connection.recv() == f"message {number}"
            await asyncio.sleep(pause)
    except ConnectionClosed as closed:
        return closed
    return None


def websockets(scene: Scene) -> list[Coroutine[Any, Any, None]]:
    return [talk_websocket(scene, (0.01, 0.3)[name % 2]) for name in range(WEBSOCKETS)]


# HTTP/2 and gRPC


async def ask_http2(scene: Scene, pause: float) -> None:
    """GOAWAY comes after whole answers, and names the last of them."""
    message = b"\0\0\0\0\5hello"
    while scene.goes_on():
        async with hyper_client.connected(scene.grpc) as client:
            came, stream = scene.came("http2"), 0
            while scene.goes_on() and not client.goaways:
                fields = ("content-type", "application/grpc"), ("te", "trailers")
                stream = client.ask(path("Echo"), *fields, ends=False)
                client.say_now(stream, message, ends=True)
                answer = client.streams[stream]
                await client.until(lambda answer=answer: answer.ended)  # type: ignore[misc]
                assert (bytes(answer.data), answer.trailers["grpc-status"]) == (message, "0")
                scene.asked_http2 += 1
                await asyncio.sleep(pause)
            if client.goaways:
                scene.went("http2", came)
                await client.until(lambda client=client: client.end != "")  # type: ignore[misc]
                assert client.goaways == [(hyper_client.MOST_STREAM, 0), (stream, 0)]
                assert client.end == "eof"


async def use_grpc(scene: Scene) -> None:
    """Calls at a rate, and on each channel one conversation after the other; nothing is sent
    twice."""

    async def talk(number: int) -> None:
        while scene.goes_on():
            await scene.load.talk(number, MESSAGES)

    async with channels(GRPC_CHANNELS, f"127.0.0.1:{scene.grpc}") as opened:
        scene.load.channels = opened
        talks = (talk(number) for number in range(GRPC_CHANNELS))
        await asyncio.gather(scene.load.call(GRPC_RATE, scene.goes_on), *talks)


def http2_clients(scene: Scene) -> list[Coroutine[Any, Any, None]]:
    return [*(ask_http2(scene, (0.01, 0.3)[name % 2]) for name in range(HTTP2)), use_grpc(scene)]


# Those who cannot be told, or only at the end of an event

FAREWELL = b"0\r\n\r\n"


async def listen(scene: Scene) -> None:
    """An event stream without an end of its own: it ends after a whole event."""
    while scene.goes_on():
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        writer.write(b"GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert b"text/event-stream" in (await reader.readuntil(b"\r\n\r\n")).lower()
        came = scene.came("sse")
        last, is_over = b"", False
        while scene.goes_on() and not is_over:
            events = await reader.read(65536)
            last = (last + events)[-50:]
            is_over = not events or last.endswith(FAREWELL)
        if is_over:
            assert re.search(rb"\n\n\r\n[0-9a-f]+\r\nretry: \d+\n\n\r\n" + FAREWELL, last)
            scene.went("sse", came)
        writer.close()
        await writer.wait_closed()


async def talk_tcp(scene: Scene) -> None:
    """Bytes there and back; the end is a reset, which cannot be taken for a whole."""
    while scene.goes_on():
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.tcp)
        came = scene.came("tcp")
        try:
            while scene.goes_on():
                await writer.drain()  # tells of a reset meanwhile
                writer.write(b"12345678")
                assert await reader.readexactly(8) == b"12345678"
                await asyncio.sleep(0.05)
        except ConnectionResetError:
            scene.went("tcp", came)
        writer.transport.abort()


def those_who_are_cut(scene: Scene) -> list[Coroutine[Any, Any, None]]:
    return [listen(scene) for _ in range(STREAMS)] + [talk_tcp(scene) for _ in range(TALKERS)]


# All together


def clients(scene: Scene) -> list[Coroutine[Any, Any, None]]:
    """Every one goes on until the scene is over, and raises if anything fails."""
    told = [*http1_clients(scene), *http2_clients(scene), *websockets(scene)]
    return told + those_who_are_cut(scene)


@contextmanager
def aging_sidecar(app: DemoApp) -> Iterator[tuple[Sidecar, Scene]]:
    tcp, grpc, grpc_behind = free_ports(3)
    forwards = (
        *("--forward", f"127.0.0.1:{tcp}=127.0.0.1:{app.tcp_port}/tcp"),
        *("--forward", f"127.0.0.1:{grpc}=127.0.0.1:{grpc_behind}"),
    )
    with grpc_app(grpc_behind), sidecar(app.address, *forwards, *AGING) as running:
        yield running, Scene(running.port, tcp, grpc)


@pytest.mark.timeout(60 + 2 * SECONDS)
@pytest.mark.alone
async def test_connections_turn_over_under_load_and_nothing_fails(demo_app: DemoApp) -> None:
    with aging_sidecar(demo_app) as (running, scene):
        async with asyncio.TaskGroup() as tasks:
            for client in clients(scene):
                tasks.create_task(client)
        nothing = dict.fromkeys(("http1", "http2", "grpc", "websocket", "sse", "tcp"), 0)
        await asyncio.to_thread(running.until_in_flight, **nothing)
        counted = await asyncio.to_thread(told_by_metrics, running)
        calls = await asyncio.to_thread(ended, running)

    lives = scene.lives
    ends = {kind: len(lives[kind]) for kind in SIZES}
    goodbyes, cut, connections = counted["goodbyes"], counted["cut"], counted["connections"]
    assert goodbyes["http1"] == ends["http1"] + len(lives["aiohttp"])
    assert (cut["http1"], cut["http2"], cut["grpc"], cut["websocket"]) == (0, 0, 0, 0)
    assert connections["websocket"] == scene.connections["websocket"]
    assert connections["tcp"] == scene.connections["tcp"]
    # At the end of the scene a client and the sidecar may part at the same moment.
    for kind, told in {"websocket": goodbyes, "sse": goodbyes, "tcp": cut}.items():
        assert ends[kind] <= told[kind] <= ends[kind] + SIZES[kind], kind

    shortest, longest = AGE * (1 - JITTER), AGE * (1 + JITTER)
    graces = {"http1": 0.0, "http2": 0.0, "websocket": 0.0, "sse": 0.0, "tcp": GRACE}
    for kind, after in graces.items():
        assert shortest + after <= min(lives[kind]), kind
        assert max(lives[kind]) <= longest + after + LATE, kind
        # Each client has come again as often as it must have: none was forgotten.
        generations = SECONDS // (longest + after + LATE)
        assert ends[kind] >= generations * SIZES[kind], kind
    for kind in ("http1", "http2"):
        assert max(lives[kind]) - min(lives[kind]) > AGE * JITTER, f"{kind} went in step"

    # Of gRPC clients it is known how many there are, and what became of each call.
    load, asked = scene.load, scene.asked_http2
    by_grpc = connections["http2"] - scene.connections["http2"]
    assert by_grpc >= GRPC_CHANNELS * (1 + SECONDS // (longest + LATE))
    assert ends["http2"] + by_grpc - GRPC_CHANNELS <= goodbyes["http2"] <= connections["http2"]
    assert load.unsent <= 1
    assert calls == {"Echo 0": load.answered + asked, "Chat 0": load.talked}
    assert load.answered > GRPC_RATE * SECONDS / 2


SIZES = {
    "http1": len(PAUSES) * OF_EACH_PAUSE,
    "http2": HTTP2,
    "websocket": WEBSOCKETS,
    "sse": STREAMS,
    "tcp": TALKERS,
}


def told_by_metrics(running: Sidecar) -> dict[str, dict[str, float]]:
    """Goodbyes due to age, cuts and connections, by kind."""
    metric = running.metric
    return {
        "goodbyes": {
            kind: metric(f'drainproxy_goodbyes_total{{kind="{kind}",{WHY}}}')
            for kind in ("http1", "http2", "websocket", "sse")
        },
        "cut": {
            kind: metric(f'drainproxy_cut_total{{kind="{kind}",{WHY}}}')
            for kind in (*SIZES, "grpc")
        },
        "connections": {
            kind: metric(f'drainproxy_connections_total{{kind="{kind}"}}') for kind in SIZES
        },
    }


def test_a_new_age_holds_for_connections_that_are_open(demo_app: DemoApp, tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    file = ("--annotations-file", str(volume.path))
    with (
        sidecar(demo_app.address, *file, drain=QUICK_DRAIN) as running,
        connected(running.port) as client,
    ):
        assert not get(client, "/hello").closes
        volume.write(max_connection_age="100ms", max_connection_age_tcp="1s")
        running.process.until(lambda: get(client, "/hello").closes)
        assert running.metric(f'drainproxy_goodbyes_total{{kind="http1",{WHY}}}') == 1
        assert "max-connection-age-tcp does nothing without" in running.process.output
