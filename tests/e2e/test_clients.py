"""Clients and apps that people use work through the sidecar as they do without it."""

import asyncio
import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect

from drainproxy.rehearsal.app import content
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.flow import holding
from tests.e2e.http_client import get_once
from tests.e2e.process import PATIENCE, Sidecar, accepts, program, sidecar, started
from tests.e2e.programs import output, tool

LARGE = 16 << 20


@pytest.fixture(scope="module")
def running(demo_app: DemoApp) -> Iterator[Sidecar]:
    with sidecar(demo_app.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def before_uvicorn() -> Iterator[Sidecar]:
    port = free_ports(1)[0]
    uvicorn = ("uvicorn", "--port", str(port), "--lifespan", "off", "tests.e2e.asgi_app:app")
    with started(*uvicorn, ready=lambda: accepts(port)), sidecar(f"127.0.0.1:{port}") as proxy:
        yield proxy


# Programs


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_curl(version: str, running: Sidecar) -> None:
    url = f"http://127.0.0.1:{running.port}/hello"
    told = output(
        tool("curl"), f"--http{version}", "-sS", "-w", "%{http_code} %{http_version}", url
    )
    # The demo app answers 1.0 with 1.0, as it does without us.
    assert told == f"hello\n200 {version.removesuffix('.0')}"


def test_curl_keeps_its_connection(running: Sidecar) -> None:
    url = f"http://127.0.0.1:{running.port}/hello"
    told = output(tool("curl"), "-sS", "-w", "%{num_connects}", url, url, url)
    assert told == "hello\n1hello\n0hello\n0"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_curl_uploads_a_large_file(framing: str, before_uvicorn: Sidecar, tmp_path: Path) -> None:
    large, back = tmp_path / "large", tmp_path / "back"
    large.write_bytes(b"".join(content(LARGE)))
    headers = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    url = f"http://127.0.0.1:{before_uvicorn.port}/"
    output(tool("curl"), "-sS", "-T", str(large), "-X", "POST", *headers, "-o", str(back), url)
    assert back.read_bytes() == large.read_bytes()


def test_curl_that_would_like_http2_gets_http1(running: Sidecar) -> None:
    url = f"http://127.0.0.1:{running.port}/hello"
    told = output(tool("curl"), "--http2", "-sS", "-w", "%{http_code} %{http_version}", url)
    assert told == "hello\n200 1.1"


def test_wrk_sees_no_error(running: Sidecar) -> None:
    url = f"http://127.0.0.1:{running.port}/hello"
    told = output(tool("wrk"), "-t", "1", "-c", "50", "-d", "1s", url)
    assert "Socket errors" not in told, told
    assert "Non-2xx" not in told, told
    requests = re.search(r"(\d+) requests in", told)
    assert requests is not None, told
    assert int(requests[1]) > 50


# Libraries


async def test_an_aiohttp_session(running: Sidecar) -> None:
    base = f"http://127.0.0.1:{running.port}"
    body = b"".join(content(1 << 20))
    async with aiohttp.ClientSession(base) as session:
        for _ in range(3):
            async with session.get("/hello") as answer:
                assert (answer.status, await answer.text()) == (200, "hello\n")
        async with session.post("/echo", data=body) as answer:
            assert await answer.read() == body
        async with session.head("/hello") as answer:
            assert (answer.headers["Content-Length"], await answer.read()) == ("6", b"")
        async with session.ws_connect("/ws") as socket_:
            await socket_.send_str("hello")
            assert await socket_.receive_str() == "hello"
        query = {"size": 100_000, "seconds": 0.1, "chunked": 1}
        async with session.get("/download", params=query) as answer:
            assert await answer.read() == b"".join(content(100_000))


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_a_websocket(compression: str | None, running: Sidecar) -> None:
    url = f"ws://127.0.0.1:{running.port}/ws"
    async with connect(url, compression=compression, proxy=None) as connection:
        offered = "permessage-deflate" if compression else None
        answered = connection.response
        assert answered is not None
        agreed = answered.headers.get("Sec-WebSocket-Extensions")
        assert agreed == offered or (agreed or "").startswith(str(offered))
        for message in ("hello", "hello " * 10_000, b"\x00\xff" * 1000, "", "hello"):
            await connection.send(message)
            assert await connection.recv() == message
        await (await connection.ping())
    assert (connection.close_code, connection.close_reason) == (1000, "")


async def test_an_event_comes_when_it_is_sent(running: Sidecar) -> None:
    url = f"http://127.0.0.1:{running.port}/events"
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        times = []
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                await answer.content.readuntil(b"\n\n")
                times.append(loop.time())
    # One every 200 ms: nothing waits for more to come.
    assert times[2] - times[0] > 0.2


# Addresses


def test_an_app_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    uvicorn = ("uvicorn", "--uds", str(path), "--lifespan", "off", "tests.e2e.asgi_app:app")
    with (
        started(*uvicorn, ready=path.exists),
        sidecar(f"unix:{path}") as running,
    ):
        assert running.get("/readyz")[0] == 200
        assert get_once(running.port, "/").status == 200


def ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@contextmanager
def ipv6_app() -> Iterator[str]:
    port = free_ports(1)[0]
    with started(
        *("drainproxy.rehearsal.app", "--host", "::1", "--port", str(port)),
        ready=lambda: accepts_ipv6(port),
    ):
        yield f"[::1]:{port}"


def accepts_ipv6(port: int) -> bool:
    try:
        socket.create_connection(("::1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not ipv6(), reason="there is no IPv6 here")
def test_ipv6_on_both_sides() -> None:
    everywhere, loopback = free_ports(2)
    with ipv6_app() as app:
        forwards = [f"[::1]:{loopback}={app}", f"{everywhere}={app}"]
        options = [option for forward in forwards for option in ("--forward", forward)]
        with sidecar(app, *options) as running:
            for url in (
                f"http://127.0.0.1:{running.port}/hello",
                f"http://127.0.0.1:{everywhere}/hello",
                f"http://[::1]:{everywhere}/hello",
                f"http://[::1]:{loopback}/hello",
            ):
                assert output(tool("curl"), "-g", "-sS", url) == "hello\n"


async def test_several_forwards_lead_to_their_own_apps(demo_app: DemoApp) -> None:
    tcp, second = free_ports(2)
    more = (
        *("--forward", f"127.0.0.1:{tcp}=127.0.0.1:{demo_app.tcp_port}/tcp"),
        # As short as it can be: all interfaces here, localhost there.
        *("--forward", f"{second}={demo_app.port}/http"),
    )
    with sidecar(demo_app.address, *more) as running:
        for port in (running.port, second):
            assert get_once(port).body == b"hello\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
        writer.write(b"GET / is no request here")
        assert await reader.readexactly(24) == b"GET / is no request here"
        writer.close()
        await writer.wait_closed()
        assert get_once(second).status == 200


# What is not HTTP


async def test_a_server_that_speaks_first_needs_tcp() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        writer.write(await reader.readline())

    async with holding(greet) as app:
        with sidecar(app, protocol="tcp") as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            async with asyncio.timeout(PATIENCE):
                assert await reader.readline() == b"220 ready\r\n"
                writer.write(b"HELO a.example\r\n")
                assert await reader.read() == b"HELO a.example\r\n"
            writer.close()
            await writer.wait_closed()


OPAQUE = {"TLS": b"\x16\x03\x01\x02\x00", "text": b"*1\r\n$4\r\nPING\r\n"}


@pytest.mark.parametrize("first", OPAQUE.values(), ids=OPAQUE)
async def test_a_client_that_ends_first_still_hears_the_answer(first: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hashlib.sha256(await reader.read()).digest())

    rest = bytes(range(256)) * 4096
    async with holding(answer) as app:
        with sidecar(app) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(first + rest)
            writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == hashlib.sha256(first + rest).digest()
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize("first", OPAQUE.values(), ids=OPAQUE)
async def test_an_app_that_ends_first_still_hears_the_client(first: bytes) -> None:
    heard = b""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await reader.readexactly(len(first))
        writer.write(rest)
        writer.write_eof()
        heard = await reader.read()

    rest = bytes(range(256)) * 4096
    async with holding(listen) as app:
        with sidecar(app) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(first)
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == rest
            await asyncio.to_thread(running.until_in_flight, tcp=1)
            writer.write(rest)
            writer.close()
            await writer.wait_closed()
            await asyncio.to_thread(running.until_in_flight, tcp=0)
    assert heard == rest


# HTTP/2 passes as opaque bytes for now

HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend app
    bind 127.0.0.1:{port} proto h2
    http-request return status 200 content-type text/plain string "hello"
"""


@contextmanager
def http2_app(folder: Path) -> Iterator[int]:
    """HAProxy, which answers HTTP/2 without TLS to those who know that it does."""
    port = free_ports(1)[0]
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port))
    with program(tool("haproxy"), "-db", "-f", str(config), ready=lambda: accepts(port)):
        yield port


def test_http2_with_prior_knowledge_passes(tmp_path: Path) -> None:
    h2load = tool("h2load")
    with http2_app(tmp_path) as port, sidecar(f"127.0.0.1:{port}") as running:
        url = f"http://127.0.0.1:{running.port}/"
        told = output(h2load, "-n", "500", "-c", "5", "-m", "10", url)
        assert "500 succeeded, 0 failed, 0 errored, 0 timeout" in told
        assert running.metric('drainproxy_connections_total{kind="http2"}') == 5
        told = output(tool("curl"), "--http2-prior-knowledge", "-sS", "-w", "%{http_version}", url)
        assert told == "hello2"


# An app of another kind


async def test_uvicorn(before_uvicorn: Sidecar) -> None:
    body = b"".join(content(1 << 20))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{before_uvicorn.port}") as session:
        for _ in range(3):
            async with session.post("/", data=body) as answer:
                assert await answer.read() == body
    async with connect(f"ws://127.0.0.1:{before_uvicorn.port}/", proxy=None) as connection:
        await connection.send("hello")
        assert await connection.recv() == "hello"
