"""Abuses of HTTP/2 in front of apps as they are: each goes on serving others, however it reacts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.frames import END_HEADERS, data
from tests.e2e.cost import KNOWN, Cost
from tests.e2e.grpc_calls import grpc_app, path
from tests.e2e.http2_apps import hypercorn, node_app
from tests.e2e.http2_attacks import ATTACKS, MAX_RESETS
from tests.e2e.http2_raw_client import Ask, ClientEnd, http2_client, neighbour
from tests.e2e.process import Sidecar, sidecar

MOST_MEMORY = 10 << 20
# Seconds of CPU, and those that somebody else may wait for an answer from these apps.
MOST_WORK = 0.5
SLOWEST = 5.0
# With those that were on their way when the budget was spent.
MOST_MADE_RESETS = MAX_RESETS + 50

pytestmark = pytest.mark.skipif(not KNOWN, reason="memory is read in /proc")


@contextmanager
def grpc_aio() -> Iterator[int]:
    port = free_ports(1)[0]
    with grpc_app(port):
        yield port


def get(client: ClientEnd) -> int:
    return client.ask("/hello")


def call(client: ClientEnd) -> int:
    fields = (("content-type", "application/grpc"), ("te", "trailers"))
    stream = client.ask(path("Echo"), "POST", fields, END_HEADERS)
    client.send(data(stream, b"\0\0\0\0\5hello"))
    return stream


# How each app is started, and what it can be asked.
APPS = {"grpc.aio": (grpc_aio, call), "hypercorn": (hypercorn, get), "node": (node_app, get)}


class Ground(NamedTuple):
    """A sidecar in front of the app, and what can be asked."""

    running: Sidecar
    ask: Ask


@pytest.fixture(scope="module", params=APPS)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    start, ask = APPS[request.param]
    with start() as port, sidecar(f"127.0.0.1:{port}") as running:
        yield Ground(running, ask)


@asynccontextmanager
async def attacked(ground: Ground) -> AsyncIterator[tuple[ClientEnd, Cost]]:
    """What holds whatever the attack, and whatever the app makes of it."""
    running = ground.running
    async with neighbour(running.port, ground.ask) as other:
        cost = Cost(running)
        async with http2_client(running.port) as attacker:
            await attacker.greet()
            yield attacker, cost
            await attacker.until(lambda: attacker.ended)
        assert cost.memory < MOST_MEMORY
        assert cost.work < MOST_WORK
        assert other.slowest < SLOWEST
    await asyncio.to_thread(running.until_in_flight, http2=0, grpc=0)
    assert "Traceback" not in running.process.output


@pytest.mark.parametrize(
    "name",
    ["rapid reset", "PING", "empty CONTINUATIONs", "empty HEADERS", "streams beyond the limit"],
)
async def test_the_attacker_is_sent_away_and_the_app_serves_others(
    name: str, ground: Ground
) -> None:
    attack = ATTACKS[name]
    async with attacked(ground) as (attacker, cost):
        await attack.do(attacker)
        await attacker.until(lambda: attacker.ended)
        assert attacker.goaway == attack.code
        assert cost.rejected[attack.reason] == 1


# The one of gRPC lets windows flow over.
@pytest.mark.parametrize("ground", ["hypercorn", "node"], indirect=True)
async def test_resets_that_the_app_was_made_to_say_end_somewhere(ground: Ground) -> None:
    async with attacked(ground) as (attacker, _):
        await ATTACKS["made resets: a window that flows over"].do(attacker)
        # Node has had enough at the first one.
        assert len(attacker.resets) <= MOST_MADE_RESETS
