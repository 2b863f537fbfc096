"""SIGTERM while a preStop hook is unanswered: whose hook it is tells how much time is left.

The kubelet sends it to a container whose hook has been answered, or when the grace period is over;
then SIGKILL comes 2 s later ("Container lifecycle hooks", "Termination of Pods").
"""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.either_app import MESSAGE, either_app
from tests.e2e.either_client import (
    CALL,
    EVENTS,
    HTTP2,
    WAIT,
    WEBSOCKET,
    Asked,
    asked,
    close_code,
    whole,
)
from tests.e2e.process import BUSY, Sidecar, sidecar

WAITS = ("--websocket-drain", "wait", "--sse-drain", "wait", "--drain-spread", "0s")
PHASES = {
    "announced": ("--drain-delay", "1h", "--drain-timeout", "2h"),
    "leaving": ("--drain-delay", "0s", "--drain-quiet", "1h", "--drain-timeout", "2h"),
    "closed": ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", "2h"),
}


@asynccontextmanager
async def hooked(running: Sidecar, path: str, phase: str) -> AsyncIterator[None]:
    """A preStop hook waits for its answer, in this phase of the drain that it has begun."""
    _, writer = await asyncio.open_connection("127.0.0.1", running.admin)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
    await asyncio.to_thread(running.until_phase, phase)
    yield
    writer.close()


async def begun(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request that is being answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.parametrize(
    "phase", ["closed", *(pytest.param(each, marks=pytest.mark.slow) for each in [*PHASES][:2])]
)
async def test_with_its_own_hook_unanswered_everybody_hears_goodbye_in_time(
    phase: str, demo_app: DemoApp, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    port, app = free_ports(2)
    http2 = ("--forward", f"127.0.0.1:{port}=127.0.0.1:{app}")
    flags = (*PHASES[phase], *WAITS, "--report-file", str(report), *http2)
    async with AsyncExitStack() as stack:
        running = stack.enter_context(sidecar(demo_app.address, *flags))
        await stack.enter_async_context(either_app(app))
        uri = f"ws://127.0.0.1:{running.port}/ws"
        sockets = [await connect(uri, proxy=None) for _ in range(8)]
        events, writer = await begun(running.port, "/events")
        there = {
            question: await stack.enter_async_context(asked(port, HTTP2, question))
            for question in (WEBSOCKET, EVENTS, CALL, WAIT)
        }
        for question in (WEBSOCKET, EVENTS, CALL):
            await there[question].head()
        await asyncio.to_thread(running.until_in_flight, websocket=9, sse=2, grpc=2)
        async with hooked(running, "/prestop?of=sidecar", phase):
            signalled = monotonic()
            running.process.send_signal(signal.SIGTERM)
            codes = []
            for each in sockets:
                with pytest.raises(ConnectionClosed) as closed:
                    await each.recv()
                codes.append(closed.value.rcvd and closed.value.rcvd.code)
            await hear_goodbyes_over_http2(there)
            # A whole event, and the end of the body: RFC 9112 7.1, the last chunk.
            told = await events.read()
            assert await asyncio.to_thread(running.process.wait) == 0
            assert monotonic() - signalled < 1.5 + BUSY
            assert "the grace period ended" in running.process.output
        writer.close()
    assert codes == [1001] * len(sockets)
    assert told.endswith(b"\r\n0\r\n\r\n")
    written = json.loads(report.read_text())
    assert written["why"] == "prestop"
    assert written["phases"]["cutting"] < 1.5 + BUSY


async def hear_goodbyes_over_http2(there: dict[str, Asked]) -> None:
    """Close (RFC 8441 5), the end behind a whole event, and UNAVAILABLE, in trailers or alone."""
    assert await close_code(there[WEBSOCKET]) == 1001
    body = await whole(there[EVENTS])
    assert re.fullmatch(rb"data: 1\n\nretry: \d{4}\n\n", body), body
    assert await whole(there[CALL]) == MESSAGE
    assert there[CALL].trailers["grpc-status"] == "14"
    assert (await there[WAIT].head())["grpc-status"] == "14"


@pytest.mark.parametrize("path", ["/prestop", "/prestop?of=app"])
async def test_with_any_other_hook_unanswered_the_drain_goes_on(
    path: str, demo_app: DemoApp
) -> None:
    """It may be that of a container whose grace period is its own affair."""
    with sidecar(demo_app.address, *PHASES["closed"]) as running:
        body, writer = await begun(running.port, "/download?size=65536&seconds=1")
        async with hooked(running, path, "closed"):
            running.process.send_signal(signal.SIGTERM)
            assert len(await body.readexactly(65536)) == 65536
        writer.close()
        assert await asyncio.to_thread(running.process.wait) == 0


async def test_once_its_own_hook_is_answered_sigterm_just_ends_the_process(
    demo_app: DemoApp,
) -> None:
    with sidecar(demo_app.address, *PHASES["closed"]) as running:
        status, body = await asyncio.to_thread(running.get, "/prestop?of=sidecar")
        assert (status, body["phase"]) == (200, "drained")
        running.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.process.wait) == 0
