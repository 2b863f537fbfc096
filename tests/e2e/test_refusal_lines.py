"""Whoever is refused can be read about in the log: in each phase, over either protocol, and in some
lines where there are many."""

import asyncio
import re
from contextlib import AsyncExitStack

from h2.events import ResponseReceived

from tests.e2e.either_app import either_app
from tests.e2e.either_client import HTTP1, HTTP2, PAGE, WAIT, asked
from tests.e2e.h2_client import h2_client
from tests.e2e.process import Sidecar, sidecar
from tests.e2e.tap import Peer, client

KEPT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BAD = b"GET / HTTP/1.1\r\nHost: a\r\nBad : b\r\n\r\n"
SWITCH = KEPT[:-2] + (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CONNECT = [(":method", "CONNECT"), (":authority", "a:1")]
TIMING = ("--drain-delay", "0s", "--drain-timeout", "2h", "--header-timeout", "300ms")
# Of lines of one reason within 10 s.
MOST = 20
LINE = re.compile(r" warning refused: (.*) reason=(\S+) peer=127\.0\.0\.1:\d+$")


def refused(running: Sidecar) -> list[tuple[str, str]]:
    """The reason and the words of each line, in their order."""
    found = map(LINE.search, running.process.output.splitlines())
    return [(line[2], line[1]) for line in found if line]


async def until_refused(running: Sidecar, *lines: tuple[str, str]) -> None:
    """Wait until these lines are there, and no others."""
    there = lambda: len(refused(running)) >= len(lines)  # noqa: E731
    await asyncio.to_thread(running.process.until, there)
    assert refused(running) == [*lines]


async def answer(over1: Peer, request: bytes) -> bytes:
    """The status of the answer."""
    over1.send(request)
    return (await over1.take_head()).split()[1]


async def test_who_is_silent_and_makes_room_for_others_is_told(app_port: int) -> None:
    options = ("--max-connections", "2", *TIMING[-2:])
    with sidecar(f"127.0.0.1:{app_port}", *options) as running:
        async with either_app(app_port), AsyncExitStack() as stack:
            silent = await stack.enter_async_context(client(running.port))
            hint = "sent nothing for header-timeout"
            await asyncio.to_thread(running.process.until, lambda: hint in running.process.output)
            for over in (HTTP1, HTTP2):
                it = await stack.enter_async_context(asked(running.port, over, PAGE))
                assert (await it.head())[":status"] == "200"
            assert await silent.take_the_rest() == b""
            await until_refused(running, ("silent", "neither it nor the app has sent a byte"))


async def test_who_is_refused_in_a_drain_is_told(app_port: int) -> None:
    with sidecar(f"127.0.0.1:{app_port}", *TIMING, "--drain-quiet", "3s") as running:
        async with either_app(app_port), AsyncExitStack() as stack:
            kept = await stack.enter_async_context(client(running.port))
            assert await answer(kept, KEPT) == b"200"
            await kept.take(2)
            await stack.enter_async_context(asked(running.port, HTTP2, WAIT))
            await asyncio.to_thread(running.until_in_flight, grpc=1)
            running.post("/drain")
            await asyncio.to_thread(running.until_phase, "leaving")
            async with client(running.port) as late, h2_client(running.port) as late2:
                late.send(BAD[:9])
                event = await late2.until(ResponseReceived, late2.request(CONNECT))
                assert str(event.headers[0][1]) == "501"
                assert (await late.take_head()).split()[1] == b"408"
            leaving = [
                ("malformed", "501 CONNECT is not supported"),
                ("header-timeout", "408 the request's head did not end in time"),
            ]
            await until_refused(running, *leaving)
            await asyncio.to_thread(running.until_phase, "closed")
            assert await answer(kept, SWITCH) == b"503"
            closed = ("leaving", "503 leaving: no new upgrades here")
            await until_refused(running, *leaving, closed)
            await asyncio.to_thread(running.cut)
            cut = ("signal", "503 the time to drain is over (1 streams)")
            await until_refused(running, *leaving, closed, cut)


async def test_a_flood_of_refusals_is_some_lines(app_port: int) -> None:
    with sidecar(f"127.0.0.1:{app_port}") as running:
        for _ in range(MOST + 5):
            async with client(running.port) as bad:
                assert await answer(bad, BAD) == b"400"
        assert running.metric('drainproxy_rejected_total{reason="malformed"}') == MOST + 5
        await until_refused(running, *[("malformed", "400 a field name is not a token")] * MOST)
