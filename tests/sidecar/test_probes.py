"""The app is asked over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drainproxy.config import Address, AppHealth, Forward, UnixSocket
from drainproxy.rehearsal.ports import free_ports
from drainproxy.sidecar import probes
from drainproxy.sidecar.probes import AppHealthCheck

from .fake_sidecar import LOOPBACK

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HTTP = AppHealth("http", path="/healthz?full=1")
TCP = AppHealth("tcp")


class App:
    """Answers whatever it is asked with the same bytes, then closes; None for never."""

    def __init__(self, answer: bytes | None = OK) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.peers: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peername = writer.get_extra_info("peername")
        self.peers.append(peername[0] if peername else "unix")
        try:
            self.asked.append(await reader.read(4096))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
        finally:
            writer.close()


@asynccontextmanager
async def listening(app: App, host: str = "127.0.0.1", path: str = "") -> AsyncIterator[App]:
    if path:
        server = await asyncio.start_unix_server(app.serve, path)
    else:
        server = await asyncio.start_server(app.serve, host, 0)
        app.port = server.sockets[0].getsockname()[1]
    try:
        yield app
    finally:
        server.close()


async def ask(
    app: Address | UnixSocket, health: AppHealth, most_fields: int = 100, source: str | None = None
) -> str:
    question = AppHealthCheck(app, health)
    return (await probes.ask([question], most_fields, source))[question]


async def test_an_app_that_accepts_is_ready() -> None:
    async with listening(App()) as app:
        assert await ask(Address("127.0.0.1", app.port), TCP) == ""


async def test_an_app_that_does_not_accept_is_named_in_the_reason() -> None:
    port = free_ports(1)[0]

    problem = await ask(Address("127.0.0.1", port), TCP)

    assert f"127.0.0.1:{port} does not accept connections" in problem


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_is_found_on_either_of_its_addresses(host: str) -> None:
    async with listening(App(), host) as app:
        assert await ask(Address("localhost", app.port), HTTP) == ""


async def test_an_app_on_a_unix_socket_is_asked_as_well(tmp_path: Path) -> None:
    path = str(tmp_path / "app")
    assert "does not accept" in await ask(UnixSocket(path), HTTP)
    async with listening(App(), path=path) as app:
        assert await ask(UnixSocket(path), HTTP) == ""
        assert b"Host: localhost\r\n" in app.asked[0]


async def test_the_question_is_a_plain_get() -> None:
    async with listening(App()) as app:
        await ask(Address("127.0.0.1", app.port), HTTP)

    line, *fields = app.asked[0].split(b"\r\n")
    assert line == b"GET /healthz?full=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{app.port}".encode() in fields
    assert b"Connection: close" in fields


async def test_a_url_names_the_host_that_the_app_is_asked_for() -> None:
    """RFC 9110 7.2: an app that serves several hosts would answer for another one."""
    health = AppHealth("http", path="/up", host="shop.example:8443")
    async with listening(App(OK)) as app:
        assert await ask(Address("127.0.0.1", app.port), health) == ""
    assert b"\r\nHost: shop.example:8443\r\n" in app.asked[0]


@pytest.mark.parametrize(("most", "problem"), [(99, "gave no HTTP answer"), (100, "")])
async def test_max_fields_holds_for_this_answer_too(most: int, problem: str) -> None:
    async with listening(App(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n")) as app:
        assert problem in await ask(Address("127.0.0.1", app.port), HTTP, most)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (OK, ""),
        (b"HTTP/1.0 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", ""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, ""),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404 to /healthz"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "answered 503"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 Oh\r\n\r\n", "answered 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "gave no HTTP answer"),
        (b"", "gave no HTTP answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "gave no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "gave no HTTP answer"),
        (None, "did not answer within"),
    ],
)
async def test_2xx_and_3xx_are_healthy_and_nothing_else(
    answer: bytes | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answer is None:
        monkeypatch.setattr(probes, "TIMEOUT", 0.05)
    async with listening(App(answer)) as app:
        found = await ask(Address("127.0.0.1", app.port), HTTP)

    assert problem in found
    assert bool(problem) == bool(found)


async def test_the_app_that_fails_is_told_among_several() -> None:
    async with listening(App()) as good, listening(App(b"HTTP/1.1 500 Oh\r\n\r\n")) as bad:
        fine, broken = (AppHealthCheck(Address("127.0.0.1", app.port), HTTP) for app in (good, bad))

        problems = await probes.ask([fine, broken])

    problem = f"the app at 127.0.0.1:{bad.port} answered 500 to /healthz?full=1"
    assert problems == {fine: "", broken: problem}


async def test_an_app_behind_several_forwards_is_asked_once() -> None:
    async with listening(App()) as app:
        question = AppHealthCheck.of(Forward(LOOPBACK, Address("127.0.0.1", app.port)), HTTP)

        assert await probes.ask([question, question]) == {question: ""}

    assert len(app.asked) == 1


async def test_an_app_that_speaks_no_http_is_not_asked_in_http() -> None:
    async with listening(App(b"220 mail\r\n")) as app:
        question = AppHealthCheck.of(Forward(LOOPBACK, Address("127.0.0.1", app.port), "tcp"), HTTP)

        assert await probes.ask([question]) == {question: ""}

    assert not any(app.asked)


@pytest.mark.parametrize(
    ("host", "source", "seen"),
    [
        ("127.0.0.1", "127.0.0.6", "127.0.0.6"),
        ("localhost", "127.0.0.6", "127.0.0.6"),
        ("127.0.0.1", "::1", "127.0.0.1"),
    ],
)
async def test_the_app_is_asked_from_where_clients_come_to_it(
    host: str, source: str, seen: str
) -> None:
    async with listening(App()) as app:
        assert await ask(Address(host, app.port), HTTP, source=source) == ""
        assert app.peers == [seen]
