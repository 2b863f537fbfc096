"""What may last and begins in `leaving` is let in, and told when the listener closes."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import connect

from tests.e2e.conftest import DemoApp
from tests.e2e.either_app import EVENT, either_app
from tests.e2e.either_client import EVENTS, HTTP2, WEBSOCKET, asked, close_code, whole
from tests.e2e.http_client import begin, connected
from tests.e2e.process import PATIENCE, sidecar

DRAIN = (
    *("--drain-delay", "0s", "--drain-quiet", "600ms", "--drain-timeout", "10s"),
    *("--drain-spread", "0s", "--sse-drain", "end"),
)


def test_a_websocket_hears_close_and_event_streams_end(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, *DRAIN) as running:
        running.post("/drain")
        running.until_phase("leaving")
        with (
            connect(f"ws://127.0.0.1:{running.port}/ws", proxy=None) as socket,
            connected(running.port) as client,
        ):
            events = begin(client, "/events")
            assert running.phase == "leaving"
            assert events.read(1) != b""
            socket.send("still here")
            assert socket.recv(timeout=PATIENCE) == "still here"
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=PATIENCE)
            assert running.phase != "leaving"
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == CloseCode.GOING_AWAY
            # An end that is missing would be an error.
            assert b"data:" in events.read()
        running.until_phase("drained")
        report = running.get("/status")[1]["report"]
    assert report["verdict"] == "clean"
    assert [report["ended"][kind]["goodbye"] for kind in ("websocket", "sse")] == [1, 1]


async def test_over_http2_they_do_so_as_well(app_port: int) -> None:
    """Each on a connection of its own, which hears GOAWAY at the same time."""
    with sidecar(f"127.0.0.1:{app_port}", *DRAIN) as running:
        async with either_app(app_port), AsyncExitStack() as stack:
            running.post("/drain")
            await asyncio.to_thread(running.until_phase, "leaving")
            socket, events = [
                await stack.enter_async_context(asked(running.port, HTTP2, question))
                for question in (WEBSOCKET, EVENTS)
            ]
            assert [(await each.head())[":status"] for each in (socket, events)] == ["200"] * 2
            assert await events.piece() == EVENT
            assert await close_code(socket) == CloseCode.GOING_AWAY
            assert (await whole(events)).startswith(b"retry: ")
        report = await asyncio.to_thread(running.post, "/drain?wait=1")
    assert report[1]["verdict"] == "clean"
    ended = report[1]["ended"]
    assert [ended[kind]["goodbye"] for kind in ("websocket", "sse")] == [1, 1]
