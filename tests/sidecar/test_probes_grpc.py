"""`app-health=grpc`: apps of every kind are asked, most of them with the server of grpcio."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckResponse

from drainproxy.config import Address, AppHealth, UnixSocket
from drainproxy.rehearsal.ports import free_ports
from drainproxy.sidecar import probes

from . import test_probes
from .test_probes import App, listening

CHECK = "/grpc.health.v1.Health/Check"
STATUSES = {
    "": HealthCheckResponse.SERVING,
    "chat.Chat": HealthCheckResponse.NOT_SERVING,
    "new.New": HealthCheckResponse.SERVICE_UNKNOWN,
    "odd.Odd": HealthCheckResponse.UNKNOWN,
}


@asynccontextmanager
async def app(at: str = "127.0.0.1:0", *, with_health: bool = True) -> AsyncIterator[int]:
    """A gRPC app; its port."""
    server = grpc.aio.server()
    if with_health:
        servicer = aio.HealthServicer()
        for service, status in STATUSES.items():
            await servicer.set(service, status)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(at)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def ask(where: Address | UnixSocket | int, service: str = "") -> str:
    where = Address("127.0.0.1", where) if isinstance(where, int) else where
    return await test_probes.ask(where, AppHealth("grpc", service=service))


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        ("chat.Chat", "NOT_SERVING"),
        ("new.New", "SERVICE_UNKNOWN"),
        ("odd.Odd", "UNKNOWN"),
        ("gone.Gone", "NOT_FOUND"),
    ],
)
async def test_serving_is_healthy_and_nothing_else(service: str, answer: str) -> None:
    async with app() as port:
        assert await ask(port) == ""
        assert await ask(port, service) == (
            f"the app at 127.0.0.1:{port} answered {answer} to {CHECK} of {service}"
        )


async def test_an_app_that_has_no_health_is_not_healthy() -> None:
    async with app(with_health=False) as port:
        problem = await ask(port)

    assert problem == f"the app at 127.0.0.1:{port} answered UNIMPLEMENTED to {CHECK}"


async def test_an_app_on_a_unix_socket_or_on_localhost_is_asked_as_well(tmp_path: Path) -> None:
    async with app(f"unix:{tmp_path}/app"):
        assert await ask(UnixSocket(f"{tmp_path}/app")) == ""
    async with app("[::1]:0") as port:
        assert await ask(Address("localhost", port)) == ""


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"220 mail.example.com ESMTP\r\n",
        b"",
    ],
)
async def test_an_app_that_speaks_something_else_is_not_healthy(said: bytes) -> None:
    async with listening(App(said)) as other:
        problem = await ask(other.port)

    assert problem == f"the app at 127.0.0.1:{other.port} gave no gRPC answer to {CHECK}"


async def test_an_app_that_is_silent_or_gone_is_told_from_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "TIMEOUT", 0.05)
    async with listening(App(None)) as silent:
        assert "did not answer within 0.05 s" in await ask(silent.port)
    assert "does not accept connections" in await ask(free_ports(1)[0])


async def test_a_status_that_is_not_known_yet_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(STATUSES, "", 7)
    async with app() as port:
        assert "gave no gRPC answer" in await ask(port)
