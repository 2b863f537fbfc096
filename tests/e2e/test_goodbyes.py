"""Hundreds of clients of every kind hear goodbye in their own language, and lose nothing."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from drainproxy.rehearsal.ports import free_ports
from drainproxy.sidecar.sockets import has_unread
from tests.e2e.conftest import DemoApp
from tests.e2e.grpc_calls import OPTIONS, grpc_app, path
from tests.e2e.process import BUSY, PATIENCE, Sidecar, sidecar

WEBSOCKETS = EVENTS = CALLS = 200
CHANNELS, ASKERS = 10, 100
SPREAD = 4.0
DRAIN = (
    *("--drain-delay", "500ms", "--drain-quiet", "500ms", "--drain-spread", f"{SPREAD:g}s"),
    *("--drain-timeout", "25s", "--grpc-drain", "end", "--idle-close", "1s"),
)
# The closes of no window of half a second are more than this share of all.
WINDOW, MOST_IN_WINDOW = 0.5, 0.5


@dataclass
class Heard:
    """What the clients have counted."""

    closes: list[float] = field(default_factory=list)
    ways: Counter[str] = field(default_factory=Counter)
    retries: list[int] = field(default_factory=list)
    unanswered: int = 0
    answers: int = 0
    begun: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def ask_each_second(port: int, heard: Heard) -> None:
    """A question, its answer, a pause in which Close may come."""
    asked = answered = 0
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as connection:
        heard.begun += 1
        try:
            while True:
                # A client that is behind with its reading may have got Close already: it does not
                # ask against it. (The transport of asyncio is what a Transport describes.)
                if not has_unread(connection.transport):  # type: ignore[arg-type]
                    await connection.send(f"question {asked}")
                    asked += 1
                assert await connection.recv() == f"question {answered}"
                answered += 1
                await pause(connection)
        except ConnectionClosed as closed:
            whole = closed.rcvd is not None and closed.rcvd_then_sent
            heard.ways[f"websocket {closed.rcvd.code if whole and closed.rcvd else 1006}"] += 1
    heard.unanswered += asked - answered
    heard.closes.append(monotonic())


async def pause(connection: Any) -> None:
    """A second, or ConnectionClosed."""
    try:
        async with asyncio.timeout(1):
            raise AssertionError(f"nobody asked for {await connection.recv()!r}")
    except TimeoutError:
        return


async def listen(session: ClientSession, port: int, heard: Heard) -> None:
    """An event stream, whose body must end as a whole one, after a whole event."""
    async with session.get(f"http://127.0.0.1:{port}/events") as answer:
        assert answer.content_type == "text/event-stream"
        body = await answer.content.readuntil(b"\n\n")
        heard.begun += 1
        body += await answer.content.read()
    *events, last, rest = body.split(b"\n\n")
    assert rest == b""
    assert last.startswith(b"retry: ")
    heard.retries.append(int(last.removeprefix(b"retry: ")))
    assert all(b"data: " in event for event in events)
    heard.ways["sse retry"] += 1


async def watch(channel: Any, heard: Heard) -> str:
    """A server stream, to its end; what its client is told."""
    call = channel.unary_stream(path("Tick"))(b"", timeout=2 * PATIENCE)
    assert await call.read() == b"tick"
    heard.begun += 1
    with suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    heard.ways[f"grpc {(await call.code()).name}"] += 1
    return str(await call.details())


async def ask(leaving: int, staying: int, heard: Heard) -> None:
    """Keep-alive HTTP: whoever hears `Connection: close` goes to the other address."""
    port, begun = leaving, False
    while not heard.over.is_set():
        connector = TCPConnector(limit=1)
        async with ClientSession(connector=connector, timeout=ClientTimeout(PATIENCE)) as session:
            closed = False
            while not closed and not heard.over.is_set():
                async with session.post(f"http://127.0.0.1:{port}/echo", data=b"x") as answer:
                    assert (answer.status, await answer.read()) == (200, b"x")
                    closed = answer.headers.get("Connection", "").lower() == "close"
                heard.answers += 1
                heard.begun += not begun
                begun = True
                # Its pace: it is let go if it asks nothing for as long as idle-close.
                await asyncio.sleep(0.5)
            heard.ways["http1 close"] += closed
        port = staying


@contextmanager
def scene(app: DemoApp, report: Path) -> Iterator[tuple[Sidecar, Sidecar, int]]:
    """The one that leaves, the one that stays, and the port for gRPC of the former."""
    app_port, grpc_port = free_ports(2)
    forward = ("--forward", f"127.0.0.1:{grpc_port}=127.0.0.1:{app_port}")
    with (
        grpc_app(app_port),
        sidecar(app.address) as staying,
        sidecar(app.address, *forward, *DRAIN, "--report-file", str(report)) as leaving,
    ):
        yield leaving, staying, grpc_port


@pytest.mark.alone
@pytest.mark.timeout(120)
async def test_each_of_seven_hundred_clients_hears_goodbye_in_its_own_language(
    demo_app: DemoApp, tmp_path: Path
) -> None:
    report, heard = tmp_path / "report.json", Heard()
    with scene(demo_app, report) as (leaving, staying, grpc_port):
        async with AsyncExitStack() as stack:
            listeners = await stack.enter_async_context(
                ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(None))
            )
            target = f"127.0.0.1:{grpc_port}"
            channels = [
                await stack.enter_async_context(grpc.aio.insecure_channel(target, options=OPTIONS))
                for _ in range(CHANNELS)
            ]
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            work = [
                *(ask_each_second(leaving.port, heard) for _ in range(WEBSOCKETS)),
                *(listen(listeners, leaving.port, heard) for _ in range(EVENTS)),
                *(watch(channels[each % CHANNELS], heard) for each in range(CALLS)),
            ]
            streams = [tasks.create_task(each) for each in work]
            asking = [
                tasks.create_task(ask(leaving.port, staying.port, heard)) for _ in range(ASKERS)
            ]
            everybody = WEBSOCKETS + EVENTS + CALLS + ASKERS
            await asyncio.to_thread(leaving.process.until, lambda: heard.begun == everybody, 30)
            assert not any(task.done() for task in (*streams, *asking))
            leaving.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*streams)
            assert await asyncio.to_thread(leaving.process.wait, 30) == 0
            heard.over.set()

    # Close may cross a question on its way (RFC 6455 1.4): a client that is stopped between looking
    # and sending asks against it. What has come before is proved in tests/relay.
    assert heard.unanswered <= WEBSOCKETS // 100
    assert heard.ways == {
        "websocket 1001": WEBSOCKETS,
        "sse retry": EVENTS,
        "grpc UNAVAILABLE": CALLS,
        "http1 close": ASKERS,
    }
    assert all(100 <= each <= 1000 for each in heard.retries), (
        "goodbyes are spread, so retries are short"
    )
    assert most_at_once(heard.closes) <= MOST_IN_WINDOW * WEBSOCKETS
    told = json.loads(report.read_text())
    assert told["verdict"] == "clean"
    ended = {kind: {way: n for way, n in ways.items() if n} for kind, ways in told["ended"].items()}
    assert ended.pop("http1").keys() == {"finished"}
    assert {kind: ways for kind, ways in ended.items() if ways} == {
        "websocket": {"goodbye": WEBSOCKETS},
        "sse": {"goodbye": EVENTS},
        "grpc": {"goodbye": CALLS},
    }


def most_at_once(moments: list[float]) -> int:
    """The most of them in any window."""
    return max(sum(each <= other < each + WINDOW for other in moments) for each in moments)


# One by one


def drain(*more: str, timeout: str = "20s") -> tuple[str, ...]:
    return (
        *("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "0s"),
        *("--drain-timeout", timeout, *more),
    )


@pytest.mark.parametrize("kind", ["websocket", "sse", "grpc"])
async def test_who_shall_wait_is_told_at_the_deadline_and_the_process_exits_in_time(
    demo_app: DemoApp, kind: str
) -> None:
    heard, (app_port,) = Heard(), free_ports(1)
    options = drain(f"--{kind}-drain", "wait", timeout="3s")
    with (
        grpc_app(app_port),
        sidecar(f"127.0.0.1:{app_port}" if kind == "grpc" else demo_app.address, *options) as it,
    ):
        target = f"127.0.0.1:{it.port}"
        async with (
            ClientSession(timeout=ClientTimeout(None)) as session,
            grpc.aio.insecure_channel(target, options=OPTIONS) as channel,
            asyncio.TaskGroup() as tasks,
        ):
            work: Any = {
                "websocket": lambda: ask_each_second(it.port, heard),
                "sse": lambda: listen(session, it.port, heard),
                "grpc": lambda: watch(channel, heard),
            }[kind]
            told = tasks.create_task(work())
            await asyncio.to_thread(it.process.until, lambda: heard.begun == 1)
            began = monotonic()
            it.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(it.until_phase, "closed")
            assert not told.done()
            assert await asyncio.to_thread(it.process.wait) == 0
            assert monotonic() - began < 3 + BUSY
    assert heard.ways == {
        {"websocket": "websocket 1001", "sse": "sse retry", "grpc": "grpc UNAVAILABLE"}[kind]: 1
    }
    assert all(1000 <= each <= 5000 for each in heard.retries), "all end at once"


async def test_grpc_streams_end_at_their_age_and_may_begin_again(demo_app: DemoApp) -> None:
    heard, (app_port,) = Heard(), free_ports(1)
    with grpc_app(app_port), sidecar(f"127.0.0.1:{app_port}", "--max-stream-age", "1s") as it:
        target = f"127.0.0.1:{it.port}"
        async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
            for _ in range(2):
                began = monotonic()
                assert await watch(channel, heard) == "drainproxy: the stream has reached its age"
                assert 0.5 < monotonic() - began < 1 + BUSY
        assert heard.ways == {"grpc UNAVAILABLE": 2}
        name = 'drainproxy_goodbyes_total{kind="grpc",why="max-stream-age"}'
        assert it.metric(name) == 2


async def test_a_share_of_the_clients_is_asked_to_come_again(demo_app: DemoApp) -> None:
    heard = Heard()
    with sidecar(demo_app.address) as it:
        async with asyncio.TaskGroup() as tasks:
            talks = [tasks.create_task(ask_each_second(it.port, heard)) for _ in range(10)]
            await asyncio.to_thread(it.process.until, lambda: heard.begun == 10)
            status, first = await asyncio.to_thread(it.post, "/rebalance?percent=40&over=1s")
            assert (status, first["started"], first["connections"]) == (200, True, 4)
            status, again = await asyncio.to_thread(it.post, "/rebalance?percent=100&over=1s")
            assert (status, again["started"], again["connections"]) == (200, False, 4)
            await asyncio.to_thread(it.process.until, lambda: len(heard.closes) == 4)
            assert heard.ways == {"websocket 1001": 4}
            name = 'drainproxy_goodbyes_total{kind="websocket",why="rebalance"}'
            assert await asyncio.to_thread(it.metric, name) == 4
            for each in talks:
                each.cancel()


@pytest.mark.parametrize("query", ["", "?percent=0&over=1s", "?percent=20&over=x", "?percent=101"])
def test_a_rebalance_that_makes_no_sense_is_refused(query: str, demo_app: DemoApp) -> None:
    with sidecar(demo_app.address) as it:
        assert it.post(f"/rebalance{query}")[0] == 400
