"""The asyncio side of gRPC, as most apps of ours use it: many calls and streams of one loop."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from drainproxy.rehearsal.app import content
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_app import INITIAL, TRAILING
from tests.e2e.grpc_calls import aio_channel, grpc_app, path, plain
from tests.e2e.process import PATIENCE, Sidecar, sidecar


@pytest.fixture(scope="module")
def running() -> Iterator[Sidecar]:
    port = free_ports(1)[0]
    with grpc_app(port), sidecar(f"127.0.0.1:{port}") as proxy:
        yield proxy


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """A connection lives as long as one of its calls, and that may be held by a traceback."""
    yield
    gc.collect()


async def chat(to_app: Any, name: str, rounds: int) -> None:
    """Each message is answered before the next is sent."""
    call = to_app.stream_stream(path("Chat"))(timeout=PATIENCE)
    for number in range(rounds):
        message = f"{name} {number}".encode()
        await call.write(message)
        assert await call.read() == b"you said " + message
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_metadata_and_a_message_both_ways(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        sent = (("x-name", "value"), ("x-name-bin", b"\x00\xff"))
        call = to_app.unary_unary(path("Told"))(b"", metadata=sent, timeout=PATIENCE)
        came = json.loads(await call)
        assert ["x-name", "value"] in came
        assert ["x-name-bin", "00ff"] in came
        assert plain(await call.initial_metadata()) == [*INITIAL]
        assert plain(await call.trailing_metadata()) == [*TRAILING]


async def test_a_thousand_calls_at_once(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        echo = to_app.unary_unary(path("Echo"))
        messages = [b"%d" % number for number in range(1000)]
        answers = await asyncio.gather(
            *(echo(message, timeout=2 * PATIENCE) for message in messages)
        )
        assert answers == messages


async def test_fifty_conversations_at_once(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        await asyncio.gather(*(chat(to_app, f"client {name}", 20) for name in range(50)))


async def test_streams_of_one_side(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        numbers = to_app.unary_stream(path("Count"))(b"1000", timeout=PATIENCE)
        assert [number async for number in numbers] == [b"%d" % n for n in range(1000)]
        pieces = [*content(1 << 20)]
        answer = await to_app.stream_unary(path("Total"))(iter(pieces), timeout=PATIENCE)
        assert answer.startswith(b"%d " % len(pieces))


async def test_large_messages_both_ways_beside_small_ones(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        echo = to_app.unary_unary(path("Echo"))
        large = b"".join(content(4 << 20))
        waits = [asyncio.ensure_future(echo(large, timeout=PATIENCE)) for _ in range(4)]
        await chat(to_app, "beside", 20)
        assert await asyncio.gather(*waits) == [large] * 4


async def test_an_error_with_its_details(running: Sidecar) -> None:
    async with aio_channel(running.port) as to_app:
        details = "gr\u00fc\u00df % \u6f22\u5b57\n"
        asked = json.dumps(["FAILED_PRECONDITION", details]).encode()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await to_app.unary_unary(path("Fail"))(asked, timeout=PATIENCE)
        assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert failed.value.details() == details
        assert plain(failed.value.trailing_metadata()) == [*TRAILING]


@pytest.mark.parametrize("how", ["cancelled", "too late"])
async def test_the_app_sees_the_end_of_a_call_that_is(how: str, running: Sidecar) -> None:
    name = f"aio {how}".encode()
    async with aio_channel(running.port) as to_app:
        call = to_app.stream_stream(path("Hold"))(timeout=0.5 if how == "too late" else PATIENCE)
        await call.write(name)
        assert await call.read() == name
        if how == "cancelled":
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call.read()
        else:
            with pytest.raises(grpc.aio.AioRpcError) as late:
                await call.read()
            assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await to_app.unary_unary(path("Cancelled"))(name, timeout=PATIENCE) == name
        await chat(to_app, "after it", 1)
