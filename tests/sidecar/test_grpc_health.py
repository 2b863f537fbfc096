"""gRPC health checks say what /readyz says, to real clients of gRPC."""

import asyncio
import builtins
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from msgspec.structs import replace

from drainproxy.config import Address, AppHealth
from drainproxy.drain.origin import Origin
from drainproxy.sidecar import grpc_health, probes
from drainproxy.sidecar.grpc_health import GrpcHealth, problems
from drainproxy.sidecar.readiness import AWAY_AFTER, FRESH
from drainproxy.wire.grpc_health import response

from .fake_sidecar import LOOPBACK, FakeSidecar
from .test_probes import OK, App, listening

HTTP = AppHealth("http", path="/healthz")
SERVING, NOT_SERVING, SERVICE_UNKNOWN = (
    health_pb2.HealthCheckResponse.ServingStatus.Value(name)
    for name in ("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
)
ERROR = b"HTTP/1.1 500 Oh\r\n\r\n"
# Seconds, for a machine that has much else to do.
SOON = 10.0


class Client:
    """The stub that everybody has, of the server `health`."""

    def __init__(self, channel: grpc.aio.Channel, health: GrpcHealth) -> None:
        self._stub = health_pb2_grpc.HealthStub(channel)
        self.channel = channel
        self.health = health

    async def check(self, service: str = "") -> int:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await self._stub.Check(request, timeout=SOON)
        return int(answer.status)

    def watch(self, service: str = "") -> "Watch":
        return Watch(self._stub.Watch(health_pb2.HealthCheckRequest(service=service)))


class Watch:
    """What a watcher hears."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def next(self) -> int | None:
        """The next status; None at the end."""
        answer = await asyncio.wait_for(self.call.read(), SOON)
        return None if answer is grpc.aio.EOF else int(answer.status)

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        reading = asyncio.ensure_future(self.call.read())
        done, _ = await asyncio.wait({reading}, timeout=seconds)
        return not done


@asynccontextmanager
async def served(sidecar: FakeSidecar, address: Address = LOOPBACK) -> AsyncIterator[Client]:
    sidecar.settings = replace(sidecar.settings, grpc_health=address)
    health = GrpcHealth(sidecar.settings, sidecar.readiness)
    await health.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{health.port}") as channel:
            yield Client(channel, health)
    finally:
        await health.stop()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def bad_answers(sidecar: FakeSidecar, app: App) -> None:
    """So many that the app counts as away, each as soon as it may be asked for."""
    app.answer = ERROR
    for _ in range(AWAY_AFTER):
        sidecar.ahead += FRESH
        await until(partial(_was_asked, app, len(app.asked) + 1))


def _was_asked(app: App, times: int) -> bool:
    return len(app.asked) >= times


@asynccontextmanager
async def in_front_of(app: App) -> AsyncIterator[tuple[FakeSidecar, Client]]:
    async with listening(app):
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        async with served(sidecar) as client:
            yield sidecar, client


async def test_serving_is_what_readyz_calls_ready() -> None:
    async with in_front_of(App(OK)) as (_, client):
        assert await client.check() == SERVING


async def test_an_app_that_is_not_healthy_is_not_serving() -> None:
    async with in_front_of(App(ERROR)) as (_, client):
        assert await client.check() == NOT_SERVING


async def test_a_drain_is_not_serving() -> None:
    async with in_front_of(App(OK)) as (sidecar, client):
        sidecar.drain(Origin.ADMIN)
        assert await client.check() == NOT_SERVING


async def test_the_phase_from_which_it_is_not_serving_is_set() -> None:
    async with in_front_of(App(OK)) as (sidecar, client):
        sidecar.machine.timing.delay = 60.0
        sidecar.settings = replace(sidecar.settings, unready="leaving")
        sidecar.drain(Origin.SIDECAR_HOOK)
        assert await client.check() == SERVING
        sidecar.settings = replace(sidecar.settings, unready="announced")
        assert await client.check() == NOT_SERVING


async def test_a_service_that_nobody_knows_is_not_found() -> None:
    async with in_front_of(App(OK)) as (_, client):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.check("chat.Chat")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "chat.Chat" in str(caught.value.details())


async def test_who_watches_a_service_that_nobody_knows_hears_so_and_is_not_sent_away() -> None:
    async with in_front_of(App(OK)) as (_, client):
        watch = client.watch("chat.Chat")
        assert await watch.next() == SERVICE_UNKNOWN
        assert await watch.silent(3 * grpc_health.LOOK_EVERY)


@pytest.mark.parametrize("method", ["Check", "Watch"])
async def test_a_question_that_is_none_is_refused(method: str) -> None:
    async with in_front_of(App(OK)) as (_, client):
        # As a stream, because that fits both.
        call = client.channel.unary_stream(f"/{grpc_health.SERVICE}/{method}")(b"\x0a\xff")
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_watcher_hears_of_each_change_once() -> None:
    async with in_front_of(App(OK)) as (sidecar, client):
        watch = client.watch()
        assert await watch.next() == SERVING
        sidecar.drain(Origin.ADMIN)
        assert await watch.next() == NOT_SERVING
        sidecar.undrain()
        assert await watch.next() == SERVING
        assert await watch.silent(3 * grpc_health.LOOK_EVERY)


async def test_a_watcher_hears_of_the_app_when_it_is_asked_again() -> None:
    async with in_front_of(app := App(OK)) as (sidecar, client):
        watch = client.watch()
        assert await watch.next() == SERVING
        await bad_answers(sidecar, app)
        assert await watch.next() == NOT_SERVING
        app.answer = OK
        sidecar.ahead += 1.0
        assert await watch.next() == SERVING


async def test_a_drain_is_told_at_once_even_while_the_app_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "TIMEOUT", 10 * SOON)
    async with in_front_of(app := App(OK)) as (sidecar, client):
        watch = client.watch()
        assert await watch.next() == SERVING
        app.answer = None
        sidecar.ahead += 1.0
        await until(lambda: len(app.asked) == 2)
        sidecar.drain(Origin.ADMIN)
        assert await watch.next() == NOT_SERVING


async def test_many_watchers_are_one_question_to_the_app() -> None:
    async with in_front_of(app := App(OK)) as (sidecar, client):
        watches = [client.watch() for _ in range(30)]
        assert {await watch.next() for watch in watches} == {SERVING}
        assert len(app.asked) == 1
        await bad_answers(sidecar, app)
        assert {await watch.next() for watch in watches} == {NOT_SERVING}
        assert len(app.asked) == 1 + AWAY_AFTER


async def test_the_last_that_a_watcher_hears_is_that_we_leave() -> None:
    async with in_front_of(App(OK)) as (sidecar, client):
        watch, unknown = client.watch(), client.watch("chat.Chat")
        assert (await watch.next(), await unknown.next()) == (SERVING, SERVICE_UNKNOWN)
        sidecar.drain(Origin.ADMIN)
        # No time is left to look again before the end.
        await client.health.stop()
        assert [await watch.next(), await watch.next()] == [NOT_SERVING, None]
        assert await unknown.next() is None
        assert await watch.call.code() is grpc.StatusCode.OK


async def test_a_watcher_hears_of_what_comes_while_it_is_told_something_else() -> None:
    class Context:
        """Its client hears each word before the writing of it is over."""

        def __init__(self) -> None:
            self.heard: list[bytes] = []

        async def write(self, said: bytes) -> None:
            self.heard.append(said)
            sidecar.drain(Origin.ADMIN)
            await health.stop()

    async with listening(App(OK)) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port))
        health, context = GrpcHealth(sidecar.settings, sidecar.readiness), Context()
        await asyncio.wait_for(health._watch(b"", context), SOON)
    assert context.heard == [response(SERVING), response(NOT_SERVING)]


async def test_without_the_setting_nothing_listens_and_grpcio_is_not_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(builtins, "__import__", refuse_grpc)
    sidecar = FakeSidecar()
    health = GrpcHealth(sidecar.settings, sidecar.readiness)
    await health.start()
    assert health.port == 0
    await health.stop()


def test_without_grpcio_its_address_is_a_mistake_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = FakeSidecar().settings
    wanted = replace(plain, grpc_health=LOOPBACK)
    assert [*problems(wanted)] == []
    monkeypatch.setattr(builtins, "__import__", refuse_grpc)
    assert [*problems(plain)] == []
    ((name, problem),) = problems(wanted)
    assert name == "grpc-health"
    assert re.search(r"\[grpc-health\].*No module named 'grpc'", problem)


_import = builtins.__import__


def refuse_grpc(name: str, *rest: Any) -> Any:
    if name.split(".")[0] == "grpc":
        raise ModuleNotFoundError(f"No module named {name.split('.')[0]!r}")
    return _import(name, *rest)


async def test_a_port_that_is_taken_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        problem = f"grpc-health: cannot listen on {address}: Address already in use"
        with pytest.raises(OSError, match=problem):
            async with served(FakeSidecar(), address):
                pass
    # grpcio would have its own way of saying so.
    assert capfd.readouterr().err == ""


async def test_a_port_that_another_server_of_grpc_has_is_not_shared() -> None:
    other = grpc.aio.server()
    port = other.add_insecure_port("127.0.0.1:0")
    await other.start()
    try:
        with pytest.raises(OSError, match="cannot listen"):
            async with served(FakeSidecar(), Address("127.0.0.1", port)):
                pass
    finally:
        await other.stop(None)


async def test_a_port_that_is_taken_in_the_last_moment_is_named_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()
        monkeypatch.setattr(grpc_health, "_hosts", lambda address: [f"{host}:{port}"])
        with pytest.raises(OSError, match=f"cannot listen on {host}:{port}"):
            async with served(FakeSidecar()):
                pass


@pytest.mark.parametrize("host", ["", "localhost", "0.0.0.0"])
async def test_it_listens_where_the_admin_endpoints_would(host: str) -> None:
    async with listening(App(OK)) as app:
        sidecar = FakeSidecar(Address("127.0.0.1", app.port), HTTP)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with served(sidecar, Address(host, port)) as client:
            assert await client.check() == SERVING
