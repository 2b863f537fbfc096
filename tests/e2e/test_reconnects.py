"""Whoever knows no other address comes again when it is told to go: not in a storm."""

import asyncio
import gc
import http.client
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import grpc
import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.grpc_calls import aio_channel, grpc_app, path
from tests.e2e.hyper_app import hyper_app, whole
from tests.e2e.hyper_client import Client, connected
from tests.e2e.process import PATIENCE, Sidecar, sidecar
from tests.e2e.test_leaving_ends import ASKS, knocking, says

# Clients that watch the health of their server themselves (gRPC A17).
HEALTH = json.dumps(
    {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
)
ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
# The one that it has before, and two.
MOST = 3
# Nobody else comes; or somebody comes all the time, so that `leaving` lasts as long as it may.
SHORT = ("--drain-delay", "100ms", "--drain-quiet", "400ms", "--drain-timeout", "10s")
LONG = ("--drain-delay", "0s", "--drain-quiet", "1s", "--drain-timeout", "13s")


@pytest.fixture(scope="module")
def grpc_address() -> Iterator[str]:
    port = free_ports(1)[0]
    with grpc_app(port):
        yield f"127.0.0.1:{port}"


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    yield
    gc.collect()


@asynccontextmanager
async def idle(channel: Any) -> AsyncIterator[None]:
    """It asks for nothing but health."""
    yield


@asynccontextmanager
async def calling(channel: Any) -> AsyncIterator[None]:
    """It calls without a pause."""

    async def call() -> None:
        while True:
            with suppress(grpc.aio.AioRpcError):
                await channel.unary_unary(path("Echo"))(b"x", timeout=PATIENCE)
            # Its pace.
            await asyncio.sleep(0.01)

    task = asyncio.create_task(call())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextmanager
def nobody(running: Sidecar) -> Iterator[None]:
    yield


def others(running: Sidecar) -> Any:
    return knocking(running, says(ASKS), 0.1)


CLIENTS = [
    pytest.param(HEALTH, idle, id="health"),
    pytest.param("{}", calling, id="calls"),
    pytest.param(HEALTH, calling, id="health and calls", marks=pytest.mark.slow),
    pytest.param(ROUND_ROBIN, calling, id="round robin", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(
    ("drain", "company"),
    [(SHORT, nobody), pytest.param(LONG, others, marks=pytest.mark.slow)],
    ids=["alone", "in company"],
)
@pytest.mark.parametrize(("config", "use"), CLIENTS)
async def test_a_grpc_client_that_knows_one_address_connects_three_times_at_most(
    config: str, use: Callable[[Any], Any], drain: tuple[str, ...], company: Any, grpc_address: str
) -> None:
    with sidecar(grpc_address, *drain) as running:
        async with aio_channel(running.port, ("grpc.service_config", config)) as channel:
            assert await channel.unary_unary(path("Echo"))(b"x", timeout=PATIENCE) == b"x"
            with company(running):
                async with use(channel):
                    report = (await asyncio.to_thread(running.post, "/drain?wait=1"))[1]
        assert report["verdict"] == "clean"
        assert 1 <= await asyncio.to_thread(connections, running) <= MOST


def connections(running: Sidecar) -> float:
    return running.metric('drainproxy_connections_total{kind="http2"}')


@pytest.mark.parametrize(
    ("drain", "company"),
    [(SHORT, nobody), pytest.param(LONG, others, marks=pytest.mark.slow)],
    ids=["alone", "in company"],
)
def test_an_http1_client_that_knows_one_address_connects_three_times_at_most(
    drain: tuple[str, ...], company: Any, demo_app: DemoApp
) -> None:
    with sidecar(demo_app.address, *drain) as running:
        client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
        opened = asked = 0
        with company(running):
            ask(client)
            running.post("/drain")
            # Until it is refused.
            with suppress(ConnectionRefusedError):
                while True:
                    opened += client.sock is None
                    asked += 1
                    ask(client)
        client.close()
        assert asked > MOST
        assert opened + 1 <= MOST + 1, "the last one was refused"
        running.cut()


def ask(client: http.client.HTTPConnection) -> None:
    client.request("GET", "/hello")
    assert client.getresponse().read() == b"hello\n"


async def test_an_http2_client_that_knows_one_address_connects_three_times_at_most() -> None:
    """RFC 9113 6.8: after GOAWAY it asks on another connection."""
    opened = asked = 0
    async with hyper_app() as app:
        with sidecar(app.address, *SHORT) as running:
            # Until it is refused.
            with suppress(ConnectionRefusedError):
                while True:
                    async with connected(running.port) as client:
                        opened += 1
                        while not (client.goaways or client.end):
                            asked += 1
                            await ask_over_http2(client)
                            if asked == 1:
                                await asyncio.to_thread(running.post, "/drain")
            running.cut()
    assert asked > MOST
    assert 1 < opened <= MOST


async def ask_over_http2(client: Client) -> None:
    stream = client.ask("/now", name="one")
    await client.until(lambda: client.streams[stream].ended or bool(client.end))
    assert whole(client.streams[stream], "one")
