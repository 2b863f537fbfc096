"""The table of goodbyes, cell by cell, with real clients.

What each kind hears when its connection is asked to go (by a drain, its age or a rebalance), and
what at the deadline.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import aiohttp
import grpc
import grpc.aio
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from drainproxy.rehearsal.grpc_app import COUNT
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_calls import OPTIONS
from tests.e2e.process import BUSY, PATIENCE, Sidecar, accepts, sidecar, started

AGE, WINDOW, IDLE_CLOSE = 0.5, 0.5, 1.0
# When whoever is to be told has been: by then age and window are over, the jitter too.
TOLD = 1.0
QUICK = (
    *("--drain-delay", "0s", "--drain-quiet", "200ms", "--drain-spread", "200ms"),
    *("--drain-timeout", "20s", "--idle-close", f"{IDLE_CLOSE:g}s"),
)
DEADLINE = 3.0
ALL_WAIT = (
    *("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "0s"),
    *("--drain-timeout", f"{DEADLINE:g}s", "--idle-close", "1m"),
    *("--websocket-drain", "wait", "--sse-drain", "wait", "--grpc-drain", "wait"),
)
WHY = ("drain", "age", pytest.param("rebalance", marks=pytest.mark.slow))


class App(NamedTuple):
    http: int
    tcp: int
    grpc: int


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    ports = App(*free_ports(3))
    given = (
        "--port",
        str(ports.http),
        "--tcp-port",
        str(ports.tcp),
        "--grpc-port",
        str(ports.grpc),
    )
    ready = lambda: all(map(accepts, ports))  # noqa: E731
    with started("drainproxy.rehearsal.app", *given, ready=ready):
        yield ports


@asynccontextmanager
async def asked_to_go(
    port: int, why: str
) -> AsyncIterator[tuple[Sidecar, Callable[[], Awaitable[None]]]]:
    """A sidecar, and what asks its clients to go; it returns when they have been told."""
    ages = ("--max-connection-age", f"{1000 * AGE:.0f}ms") if why == "age" else ()
    with sidecar(f"127.0.0.1:{port}", *QUICK, *ages) as it:

        async def ask() -> None:
            if why == "drain":
                it.process.send_signal(signal.SIGTERM)
            if why == "rebalance":
                url = f"/rebalance?percent=100&over={1000 * WINDOW:.0f}ms"
                assert (await asyncio.to_thread(it.post, url))[0] in (200, 202)
            # That nothing is said to idle HTTP/1 or to TCP shows in nothing: time has to pass.
            await asyncio.sleep(TOLD)

        yield it, ask


class Http1:
    """A connection on which what is said can be seen."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    def ask(self, method: str, target: str, body: bytes = b"") -> None:
        head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)

    async def answer(self) -> tuple[str, dict[str, str], bytes]:
        """The status, the fields and the body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(fields["content-length"]))
        return head[0].split()[1], fields, body

    async def ends(self, within: float) -> bytes:
        """What still comes until the end."""
        async with asyncio.timeout(within):
            return await self.reader.read()

    async def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def http1(port: int) -> AsyncIterator[Http1]:
    connection = Http1(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("why", WHY)
async def test_an_answer_under_way_over_http1_says_close_and_is_whole(app: App, why: str) -> None:
    async with asked_to_go(app.http, why) as (it, ask), http1(it.port) as client:
        client.ask("POST", "/echo?seconds=1.8", b"question")
        await asyncio.to_thread(it.until_in_flight, http1=1)
        await ask()
        status, fields, body = await client.answer()
        assert (status, body, fields["connection"]) == ("200", b"question", "close")
        assert await client.ends(PATIENCE) == b""


@pytest.mark.parametrize("why", WHY)
async def test_an_idle_http1_connection_hears_close_with_the_next_answer_and_is_not_closed_before(
    app: App, why: str
) -> None:
    async with asked_to_go(app.http, why) as (it, ask), http1(it.port) as client:
        client.ask("GET", "/hello")
        assert "close" not in (await client.answer())[1].get("connection", "")
        await ask()
        assert not client.reader.at_eof()
        client.ask("GET", "/hello")
        status, fields, _ = await client.answer()
        assert (status, fields["connection"]) == ("200", "close")
        assert await client.ends(PATIENCE) == b""


@pytest.mark.parametrize("why", WHY)
async def test_an_http1_connection_that_stays_idle_is_closed_after_idle_close(
    app: App, why: str
) -> None:
    async with asked_to_go(app.http, why) as (it, ask), http1(it.port) as client:
        client.ask("GET", "/hello")
        await client.answer()
        await ask()
        began = monotonic()
        assert await client.ends(PATIENCE) == b""
        assert monotonic() - began < TOLD + IDLE_CLOSE + BUSY


@pytest.mark.parametrize("why", WHY)
async def test_a_grpc_stream_under_way_finishes_and_its_channel_is_left(app: App, why: str) -> None:
    async with asked_to_go(app.grpc, why) as (it, ask):
        target = f"127.0.0.1:{it.port}"
        async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
            call = aiter(channel.unary_stream(COUNT)(b"8"))
            assert await anext(call) == b"0"
            await ask()
            numbers = [number async for number in call]
            assert numbers == [b"%d" % number for number in range(1, 8)]
            async with asyncio.timeout(PATIENCE):
                while (state := channel.get_state()) is grpc.ChannelConnectivity.READY:
                    await channel.wait_for_state_change(state)


@pytest.mark.parametrize("why", WHY)
async def test_a_websocket_hears_1001_and_its_answer_is_taken(app: App, why: str) -> None:
    async with asked_to_go(app.http, why) as (it, ask), websocket(it) as socket:
        await socket.send("question")
        assert await socket.recv() == "question"
        _, closed = await asyncio.gather(ask(), ended(socket))
        assert (closed.rcvd and closed.rcvd.code, closed.rcvd_then_sent) == (1001, True)


@pytest.mark.parametrize("why", WHY)
async def test_an_event_stream_ends_after_a_whole_event_with_a_retry(app: App, why: str) -> None:
    async with asked_to_go(app.http, why) as (it, ask), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{it.port}/events") as answer:
            _, text = await asyncio.gather(ask(), answer.text())
        assert_told_to_come_again(text)


@pytest.mark.parametrize("why", WHY)
async def test_tcp_hears_nothing_and_may_half_close(app: App, why: str) -> None:
    async with asked_to_go(app.tcp, why) as (it, ask):
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(b"one\n")
        assert await reader.readexactly(4) == b"one\n"
        await ask()
        writer.write(b"two\n")
        assert await reader.readexactly(4) == b"two\n"
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


@asynccontextmanager
async def websocket(it: Sidecar) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://127.0.0.1:{it.port}/ws", proxy=None) as socket:
        yield socket


async def ended(socket: ClientConnection) -> ConnectionClosed:
    """How it ended."""
    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed


def assert_told_to_come_again(text: str) -> None:
    *events, last, rest = text.split("\n\n")
    assert [event.split("\n")[0] for event in events] == [f"id: {n}" for n in range(len(events))]
    assert last.startswith("retry: ")
    assert rest == ""


# The deadline


@asynccontextmanager
async def until_the_deadline(port: int) -> AsyncIterator[tuple[Sidecar, Callable[[], None]]]:
    """A sidecar, and what begins its drain; it exits on time, with 0."""
    with sidecar(f"127.0.0.1:{port}", *ALL_WAIT) as it:
        began = [0.0]

        def drain() -> None:
            began[0] = monotonic()
            it.process.send_signal(signal.SIGTERM)

        yield it, drain
        assert await asyncio.to_thread(it.process.wait) == 0
        assert monotonic() - began[0] < DEADLINE + BUSY


async def test_at_the_deadline_an_http1_request_without_an_answer_hears_503(app: App) -> None:
    async with until_the_deadline(app.http) as (it, drain), http1(it.port) as client:
        client.ask("POST", "/echo?seconds=30", b"question")
        await asyncio.to_thread(it.until_in_flight, http1=1)
        drain()
        answer = await client.ends(PATIENCE)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nConnection: close\r\n" in answer


async def test_at_the_deadline_an_http1_answer_that_has_begun_breaks_off(app: App) -> None:
    async with (
        until_the_deadline(app.http) as (it, drain),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{it.port}/download?seconds=30") as answer,
    ):
        drain()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_at_the_deadline_at_the_latest_an_idle_http1_connection_is_closed(app: App) -> None:
    async with until_the_deadline(app.http) as (it, drain), http1(it.port) as client:
        client.ask("GET", "/hello")
        await client.answer()
        drain()
        assert await client.ends(PATIENCE) == b""


async def test_at_the_deadline_a_grpc_stream_is_unavailable_and_told_why(app: App) -> None:
    async with until_the_deadline(app.grpc) as (it, drain):
        target = f"127.0.0.1:{it.port}"
        async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
            call = aiter(channel.unary_stream(COUNT)(b"1000"))
            assert await anext(call) == b"0"
            drain()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in call:
                    pass
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert (caught.value.details() or "").startswith("drainproxy: ")


async def test_at_the_deadline_a_websocket_that_shall_wait_hears_1001(app: App) -> None:
    async with until_the_deadline(app.http) as (it, drain), websocket(it) as socket:
        await socket.send("question")
        assert await socket.recv() == "question"
        drain()
        closed = await ended(socket)
        assert (closed.rcvd and closed.rcvd.code, closed.rcvd_then_sent) == (1001, True)


async def test_at_the_deadline_an_event_stream_that_shall_wait_ends_whole(app: App) -> None:
    async with (
        until_the_deadline(app.http) as (it, drain),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{it.port}/events") as answer,
    ):
        drain()
        assert_told_to_come_again(await answer.text())


async def test_at_the_deadline_a_tcp_connection_is_closed(app: App) -> None:
    async with until_the_deadline(app.tcp) as (it, drain):
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(b"one\n")
        assert await reader.readexactly(4) == b"one\n"
        drain()
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()


# Half of everything does not end

PAIRS = 4
_ENDS = (aiohttp.ClientError, ConnectionClosed, grpc.aio.AioRpcError, OSError)


async def quietly(work: Awaitable[Any]) -> None:
    """A client that does not mind how it ends."""
    with suppress(*_ENDS):
        await work


async def download(session: aiohttp.ClientSession, port: int, seconds: float) -> None:
    url = f"http://127.0.0.1:{port}/download?seconds={seconds}"
    async with session.get(url) as answer:
        await answer.read()


async def events(session: aiohttp.ClientSession, port: int, seconds: float) -> None:
    async with session.get(f"http://127.0.0.1:{port}/events?seconds={seconds}") as answer:
        await answer.read()


async def converse(port: int, seconds: float) -> None:
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
        async with asyncio.timeout(seconds):
            await socket.recv()


async def test_with_half_of_all_without_an_end_the_exit_is_on_time_and_the_report_names_them(
    app: App, tmp_path: Path
) -> None:
    report_file = tmp_path / "report.json"
    # Long enough for all to be there at once, on a busy machine too.
    short, long = 4.0, 60.0
    # Of this the last 2 s are for last goodbyes: who has an end has come to it before.
    deadline = 8.0
    options = (*ALL_WAIT, f"--drain-timeout={deadline:g}s", "--report-file", str(report_file))
    grpc_port, tcp_port = free_ports(2)
    more = (
        *("--forward", f"127.0.0.1:{grpc_port}=127.0.0.1:{app.grpc}"),
        *("--forward", f"127.0.0.1:{tcp_port}=127.0.0.1:{app.tcp}"),
    )
    with sidecar(f"127.0.0.1:{app.http}", *more, *options) as it:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}", options=OPTIONS) as channel,
        ):

            async def count(numbers: int) -> None:
                async for _ in channel.unary_stream(COUNT)(b"%d" % numbers):
                    pass

            async def lines(seconds: float) -> None:
                reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
                writer.write(b"line\n")
                await reader.readexactly(5)
                try:
                    async with asyncio.timeout(seconds):
                        await reader.read()
                except TimeoutError:
                    writer.write_eof()
                    await reader.read()
                writer.close()

            clients = [
                asyncio.ensure_future(quietly(work))
                for _ in range(PAIRS)
                for seconds in (short, long)
                for work in (
                    download(session, it.port, seconds),
                    events(session, it.port, seconds),
                    converse(it.port, seconds),
                    count(round(seconds / 0.2)),
                    lines(seconds),
                )
            ]
            both = 2 * PAIRS
            await asyncio.to_thread(
                it.until_in_flight, http1=both, sse=both, websocket=both, grpc=both, tcp=both
            )
            began = monotonic()
            it.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(it.process.wait) == 0
            assert monotonic() - began < deadline + BUSY
            await asyncio.gather(*clients)
    report = json.loads(report_file.read_text())
    assert report["verdict"].startswith("cut ")
    for kind in ("http1", "sse", "websocket", "grpc", "tcp"):
        ways = report["ended"][kind]
        left = ways["finished"] + ways["client_left"] + ways["app_left"]
        assert (left, ways["goodbye"] + ways["cut"]) == (PAIRS, PAIRS), (kind, ways)
    assert report["ended"]["http1"]["cut"] == report["ended"]["tcp"]["cut"] == PAIRS
    named = {(each["kind"], each["ending"]) for each in report["blockers"]}
    assert named >= {("http1", "cut"), ("tcp", "cut")}
