"""Who is lively but honest spends no budget: what looks like an abuse in HTTP/2, and is none.

TESTS_SLOW=1 lets the gRPC clients go on for a minute instead of for a moment.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.frames import (
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    PRIORITIZED,
    WHOLE,
    Code,
    Kind,
    Setting,
    data,
    headers,
    preference,
    priority,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.grpc_calls import aio_channel, grpc_app, path
from tests.e2e.http2_counting_app import AppEnd, counting_app
from tests.e2e.http2_raw_client import ClientEnd, http2_client
from tests.e2e.process import PATIENCE, Sidecar, sidecar

SLOW = os.environ.get("TESTS_SLOW") == "1"
SECONDS = 60.0 if SLOW else 2.0
# A second; over 30 seconds that stays within max-resets, and so it does in a moment.
CANCELLED = 15 if SLOW else 90

pytestmark = pytest.mark.timeout(2 * SECONDS + 60)

APP = free_ports(1)[0]


@pytest.fixture(scope="module")
def running() -> Iterator[Sidecar]:
    with sidecar(f"127.0.0.1:{APP}") as proxy:
        yield proxy


def rejected(running: Sidecar) -> list[str]:
    """The lines in /metrics that count what was turned away."""
    lines = str(running.get("/metrics")[1]).splitlines()
    refusals = (line for line in lines if line.startswith("drainproxy_rejected_total{"))
    return [line for line in refusals if not line.endswith(" 0.0")]


@asynccontextmanager
async def untroubled(
    running: Sidecar, *values: tuple[int, int]
) -> AsyncIterator[tuple[ClientEnd, AppEnd]]:
    """A client whose connection is there when it is done, and of whom nothing was turned away."""
    async with counting_app(APP) as app, http2_client(running.port) as client:
        await client.greet(*values)
        yield client, await app.connection(0)
        assert await client.answered(client.ask("/hello")) == "200"
        assert client.goaway is None
        assert client.resets == {}
        assert rejected(running) == []


@pytest.mark.parametrize(
    ("window", "frame"),
    [
        pytest.param(1 << 20, DEFAULT_FRAME_SIZE, id="1048576-16384"),
        pytest.param(256 << 20, 1 << 20, id="268435456-1048576"),
        pytest.param(1 << 20, 1 << 20, id="1048576-1048576", marks=pytest.mark.slow),
        pytest.param(256 << 20, DEFAULT_FRAME_SIZE, id="268435456-16384", marks=pytest.mark.slow),
    ],
)
async def test_a_download_with_a_window_update_for_every_16_kb(
    frame: int, window: int, running: Sidecar
) -> None:
    size, often = 80 << 20, 1 << 14
    wants = ((Setting.INITIAL_WINDOW_SIZE, window), (Setting.MAX_FRAME_SIZE, frame))
    async with untroubled(running, *wants) as (client, app):
        client.send(window_update(0, window))
        client.gives_back = often
        stream = client.ask(f"/{size}")
        assert await client.answered(stream) == "200"
        assert client.bodies[stream] == size
        await app.until(lambda: app.frames[Kind.WINDOW_UPDATE] > 2 * size / often)


async def test_an_upload_of_many_small_frames(running: Sidecar) -> None:
    async with untroubled(running) as (client, app):
        stream = client.ask("/hello", "POST", flags=END_HEADERS)
        await client.flood(data(stream, b"small", 0) * 25_000)
        client.send(data(stream))
        assert await client.answered(stream) == "200"
        assert app.frames[Kind.DATA] == 25_001


async def test_uploads_that_each_end_with_an_empty_frame(running: Sidecar) -> None:
    async with untroubled(running) as (client, _):
        for _ in range(20):
            streams = [client.ask("/hello", "POST", flags=END_HEADERS) for _ in range(100)]
            client.send(b"".join(data(each, b"x", 0) + data(each) for each in streams))
            assert {await client.answered(each) for each in streams} == {"200"}


async def test_as_many_streams_at_once_as_are_allowed(running: Sidecar) -> None:
    async with untroubled(running) as (client, app):
        for _ in range(3):
            streams = [client.ask("/hello", "POST", flags=END_HEADERS) for _ in range(256)]
            await app.until(lambda: len(app.open) == 256)
            client.send(b"".join(map(data, streams)))
            assert {await client.answered(each) for each in streams} == {"200"}


async def test_a_browser_that_tells_what_is_urgent(running: Sidecar) -> None:
    async with untroubled(running, (Setting.INITIAL_WINDOW_SIZE, 131072)) as (client, app):
        client.send(window_update(0, 12_517_377))
        for group, weight in {3: 201, 5: 101, 7: 1, 9: 1, 11: 1}.items():
            client.send(priority(group, 0, weight))
        client.next = 13
        for _ in range(100):
            stream, block = client.stream(), client.block("/hello")
            client.send(headers(stream, preference(11, 42) + block, WHOLE | PRIORITIZED))
            client.send(priority(stream, 3, 22))
            assert await client.answered(stream) == "200"
        assert app.frames[Kind.PRIORITY] == 105


async def test_settings_that_change_now_and_then(running: Sidecar) -> None:
    async with untroubled(running) as (client, _):
        for size in range(100):
            client.send(settings((Setting.INITIAL_WINDOW_SIZE, 65535 + size)))
            assert await client.answered(client.ask("/10")) == "200"


# gRPC

CHANNELS = 20
# Whatever is asked for, they make it one a second.
LIVELY = (
    ("grpc.keepalive_time_ms", 20),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
# In bytes, and where they are counted.
PING = 17
FROM_CLIENTS = 'drainproxy_bytes_total{direction="from_clients"}'


async def echo(channel: Any) -> bytes:
    answer: bytes = await channel.unary_unary(path("Echo"))(b"hello", timeout=PATIENCE)
    return answer


@pytest.fixture(scope="module")
def calls() -> Iterator[Sidecar]:
    port = free_ports(1)[0]
    with grpc_app(port), sidecar(f"127.0.0.1:{port}") as proxy:
        yield proxy


async def test_channels_that_ask_as_often_as_they_can_whether_anybody_is_there(
    calls: Sidecar,
) -> None:
    async with AsyncExitStack() as all_of_them:
        channels = [
            await all_of_them.enter_async_context(aio_channel(calls.port, *LIVELY))
            for _ in range(CHANNELS)
        ]
        assert await asyncio.gather(*map(echo, channels)) == [b"hello"] * CHANNELS
        before = calls.metric(FROM_CLIENTS)
        await asyncio.sleep(SECONDS)
        assert calls.metric(FROM_CLIENTS) - before >= PING * CHANNELS
        assert await asyncio.gather(*map(echo, channels)) == [b"hello"] * CHANNELS
    assert rejected(calls) == []


async def test_a_channel_that_changes_its_mind(calls: Sidecar) -> None:
    async with aio_channel(calls.port) as channel:
        for _ in range(int(CANCELLED * SECONDS)):
            call = channel.unary_unary(path("Wait"))(b"", timeout=PATIENCE)
            await asyncio.sleep(1 / CANCELLED)
            call.cancel()
        assert await echo(channel) == b"hello"
    assert rejected(calls) == []


@pytest.mark.parametrize("cancelled", [200, 600])
async def test_many_cancels_among_more_good_calls(cancelled: int, running: Sidecar) -> None:
    async with untroubled(running) as (client, app):
        for _ in range(20):
            asked = [client.ask("/hello") for _ in range(100)]
            assert {await client.answered(stream) for stream in asked} == {"200"}
            for _ in range(cancelled // 20):
                client.send(rst_stream(client.ask("/hold"), Code.CANCEL))
        await app.until(lambda: app.frames[Kind.RST_STREAM] == cancelled)


async def test_the_subscription_beyond_max_streams_is_counted_and_logged_with_its_peer() -> None:
    """An app that names no limit would take it; the client, which knows ours, waits with it."""
    with sidecar(f"127.0.0.1:{APP}", "--max-streams", "4") as proxy:
        async with counting_app(APP) as app, http2_client(proxy.port) as client:
            await client.greet()
            streams = [client.ask("/hold") for _ in range(4)]
            end = await app.connection(0)
            await end.until(lambda: len(end.open) == 4)
            for _ in range(3):
                client.send(rst_stream(streams.pop(), Code.CANCEL))
                await end.until(lambda: len(end.open) == 3)
                streams.append(client.ask("/hold"))
                await end.until(lambda: len(end.open) == 4)
            host, port = client.transport.get_extra_info("sockname")
        assert proxy.metric("drainproxy_max_streams_reached_total") == 4
        assert rejected(proxy) == []
        told = [line for line in proxy.process.output.splitlines() if "max-streams" in line]
        assert len(told) == 1
        assert f"peer={host}:{port} number=4" in told[0]
