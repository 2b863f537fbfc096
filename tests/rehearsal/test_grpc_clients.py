"""What the clients of gRPC say is what happened to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from drainproxy.rehearsal import grpc_app, scores
from drainproxy.rehearsal.clients import Client, Target
from drainproxy.rehearsal.grpc_app import SERVICE
from drainproxy.rehearsal.grpc_clients import Calls, Numbers
from drainproxy.rehearsal.ports import free_ports
from tests.rehearsal.lived import has_failed, lived, three

Answer = Callable[[bytes, Any], Awaitable[bytes]]


def service(port: int) -> Target:
    return Target(0, port, pause=0.01)


@asynccontextmanager
async def demo() -> AsyncIterator[Target]:
    (port,) = free_ports(1)
    serving = grpc_app.served(port, "v7", 0.1)
    await anext(serving)
    yield service(port)
    await anext(serving, None)


@asynccontextmanager
async def answering(echo: Answer, count: Any) -> AsyncIterator[Target]:
    (port,) = free_ports(1)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield service(port)
    await server.stop(0)


@pytest.mark.parametrize("kind", [Calls, Numbers])
async def test_of_an_app_that_answers_nothing_is_lost(kind: type[Client]) -> None:
    async with demo() as where:
        score = await lived(kind, where, three)
    assert not score.failed
    assert {v for second in score.seconds.values() for v in second.answered} == {"v7"}


@pytest.mark.parametrize("kind", [Calls, Numbers])
async def test_where_nobody_listens_it_is_unavailable(kind: type[Client]) -> None:
    score = await lived(kind, service(free_ports(1)[0]), has_failed)
    assert set(score.failed) == {"grpc UNAVAILABLE"}


async def wrong(_: bytes, __: Any) -> bytes:
    return b"not yours"


async def with_a_gap(_: bytes, __: Any) -> AsyncIterator[bytes]:
    yield b"0"
    yield b"2"


@pytest.mark.parametrize("kind", [Calls, Numbers])
async def test_what_is_not_what_was_asked_for_is_wrong(kind: type[Client]) -> None:
    async with answering(wrong, with_a_gap) as where:
        score = await lived(kind, where, has_failed)
    assert set(score.failed) == {scores.WRONG}


async def ended_by_the_sidecar(_: bytes, context: Any) -> AsyncIterator[bytes]:
    yield b"0"
    await context.abort(grpc.StatusCode.UNAVAILABLE, "drainproxy: going away")


async def ended_by_somebody_else(_: bytes, context: Any) -> AsyncIterator[bytes]:
    yield b"0"
    await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")


async def test_a_stream_that_the_sidecar_ends_has_heard_a_goodbye() -> None:
    async with answering(wrong, ended_by_the_sidecar) as where:
        score = await lived(Numbers, where, lambda score: score.goodbyes > 1)
    assert not score.failed


async def test_a_stream_that_breaks_off_is_lost_with_its_status() -> None:
    async with answering(wrong, ended_by_somebody_else) as where:
        score = await lived(Numbers, where, has_failed)
    assert set(score.failed) == {"grpc UNAVAILABLE"}


async def test_a_call_that_its_library_had_not_sent_at_a_goaway_is_told_apart() -> None:
    asked = 0

    async def echo(question: bytes, context: Any) -> bytes:
        nonlocal asked
        asked += 1
        if asked == 1:
            # As the library words it, and the server cannot bring it about at will.
            reason = "Stream removed (GOAWAY received; Error code: 0; Debug Text: )"
            await context.abort(grpc.StatusCode.UNAVAILABLE, reason)
        await context.send_initial_metadata((("app-version", "v1"),))
        return question

    async with answering(echo, None) as where:
        score = await lived(Calls, where, lambda score: score.exchanges > 1)
    assert score.crossed == 1
    assert score.exchanges > 1
    assert not score.failed
