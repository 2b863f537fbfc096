"""Readiness: the phase, and the app that is asked over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drainproxy.config import Address, AppHealth, Forward, UnixSocket
from drainproxy.drain.machine import Phase
from drainproxy.rehearsal.ports import free_ports
from drainproxy.sidecar import probes
from drainproxy.sidecar.probes import app_problem, unready_phase

from .fake_sidecar import LOOPBACK, FakeSidecar

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HTTP = AppHealth("http", path="/healthz?full=1")
TCP = AppHealth("tcp")


class App:
    """Answers whatever it is asked with the same bytes, then closes; None for never."""

    def __init__(self, answer: bytes | None = OK) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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


async def ask(app: Address | UnixSocket, health: AppHealth) -> str:
    return await app_problem((Forward(LOOPBACK, app),), health)


@pytest.mark.parametrize(
    ("phase", "announced", "leaving"),
    [
        (Phase.STARTING, False, False),
        (Phase.SERVING, True, True),
        (Phase.ANNOUNCED, False, True),
        (Phase.LEAVING, False, False),
        (Phase.CLOSED, False, False),
        (Phase.CUTTING, False, False),
        (Phase.DRAINED, False, False),
    ],
)
def test_the_phase_from_which_readiness_fails_is_set(
    phase: Phase, announced: bool, leaving: bool
) -> None:
    assert (unready_phase(phase, "announced") == "") is announced
    assert (unready_phase(phase, "leaving") == "") is leaving


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.SERVING])
async def test_the_app_is_not_asked_where_its_answer_changes_nothing(phase: Phase) -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        sidecar.machine.phase = phase

        assert phase.value in await sidecar.readiness.problem()
        assert app.asked == []


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


@pytest.mark.parametrize(("most", "problem"), [(99, "gave no HTTP answer"), (100, "")])
async def test_max_fields_holds_for_this_answer_too(most: int, problem: str) -> None:
    async with listening(App(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n")) as app:
        forward = Forward(LOOPBACK, Address("127.0.0.1", app.port))
        assert problem in await app_problem((forward,), HTTP, most)


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


async def test_the_app_that_fails_is_named_among_several() -> None:
    async with listening(App()) as good, listening(App(b"HTTP/1.1 500 Oh\r\n\r\n")) as bad:
        forwards = [Forward(LOOPBACK, Address("127.0.0.1", app.port)) for app in (good, bad)]

        problem = await app_problem(tuple(forwards), HTTP)

    assert problem == f"the app at 127.0.0.1:{bad.port} answered 500 to /healthz?full=1"


async def test_an_app_behind_several_forwards_is_asked_once() -> None:
    async with listening(App()) as app:
        forward = Forward(LOOPBACK, Address("127.0.0.1", app.port))

        assert await app_problem((forward, forward), HTTP) == ""

    assert len(app.asked) == 1


async def test_an_app_that_speaks_no_http_is_not_asked_in_http() -> None:
    async with listening(App(b"220 mail\r\n")) as app:
        forward = Forward(LOOPBACK, Address("127.0.0.1", app.port), "tcp")

        assert await app_problem((forward,), HTTP) == ""

    assert not any(app.asked)


async def test_many_probes_at_once_are_one_question() -> None:
    async with listening(App()) as app:
        readiness = FakeSidecar(Address("127.0.0.1", app.port), HTTP).readiness

        problems = await asyncio.gather(*(readiness.problem() for _ in range(50)))

    assert set(problems) == {""}
    assert len(app.asked) == 1


async def test_an_answer_is_believed_for_a_second_only() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        readiness = sidecar.readiness

        first = await readiness.problem()
        app.answer = b"HTTP/1.1 500 Oh\r\n\r\n"
        believed = await readiness.problem()
        sidecar.ahead += probes.FRESH
        asked_again = await readiness.problem()

    assert (first, believed) == ("", "")
    assert "answered 500" in asked_again
    assert len(app.asked) == 2


async def test_a_drain_that_begins_while_the_app_is_asked_is_not_ready() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        asked = asyncio.create_task(sidecar.readiness.problem())
        await asyncio.sleep(0)
        sidecar.drain("test")

        assert "draining" in await asked


async def test_what_is_known_without_waiting_is_what_the_app_said_last() -> None:
    async with listening(App()) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        readiness = sidecar.readiness

        assert readiness.known() is None
        assert await readiness.problem() == ""
        assert readiness.known() == ""
        sidecar.ahead += probes.FRESH
        assert readiness.known() is None
        assert await readiness.problem() == ""
        sidecar.drain("test")
        assert "draining" in (readiness.known() or "")

    assert len(app.asked) == 2


async def test_a_probe_that_is_given_up_does_not_spoil_the_answer_for_others() -> None:
    async with listening(App()) as app:
        readiness = FakeSidecar(Address("127.0.0.1", app.port), HTTP).readiness
        hasty, patient = (asyncio.create_task(readiness.problem()) for _ in range(2))
        await asyncio.sleep(0)
        hasty.cancel()

        assert await patient == ""
