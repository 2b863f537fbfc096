"""What a client has asked over a WebSocket is answered before it has to go, or said to be open."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.either_app import either_app
from tests.e2e.either_client import HTTP1, HTTP2, WEBSOCKET, asked, close_code
from tests.e2e.process import PATIENCE, sidecar

DRAIN = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "0s")


@pytest.mark.parametrize(
    ("patience", "heard", "verdict", "named"),
    [
        ("15s", ["answer"], "clean", []),
        ("100ms", [], "unanswered 1", [("websocket", "/chat", "unanswered")]),
    ],
    ids=["in time", "too late"],
)
async def test_a_drain_waits_for_the_answer_as_long_as_it_is_told_to(
    patience: str, heard: list[str], verdict: str, named: list[Any], tmp_path: Path
) -> None:
    asked, report_file, (port,) = asyncio.Event(), tmp_path / "report.json", free_ports(1)

    async def app(connection: ServerConnection) -> None:
        async for _ in connection:
            asked.set()
            # It is busy for longer than a pause has to be.
            await asyncio.sleep(1.0)
            await connection.send("answer")

    options = (*DRAIN, "--websocket-answer-timeout", patience, "--report-file", str(report_file))
    with sidecar(f"127.0.0.1:{port}", *options) as leaving:
        async with (
            serve(app, "127.0.0.1", port),
            connect(f"ws://127.0.0.1:{leaving.port}/chat?key=x", proxy=None) as connection,
            asyncio.timeout(PATIENCE),
        ):
            await connection.send("question")
            await asked.wait()
            leaving.process.send_signal(signal.SIGTERM)
            answers = [message async for message in connection]
            assert connection.close_code == 1001
        assert await asyncio.to_thread(leaving.process.wait, PATIENCE) == 0
    report = json.loads(report_file.read_text())
    assert answers == heard
    assert (report["verdict"], report["unanswered"]) == (verdict, len(named))
    told = [(each["kind"], each["path"], each["ending"]) for each in report["blockers"]]
    assert [each for each in told if each[2] == "unanswered"] == named


async def test_over_either_protocol_a_question_that_was_left_open_is_no_clean_end(
    app_port: int,
) -> None:
    """RFC 6455 5.2: a text message, masked with zeros. This app answers nothing but Close."""
    options = (*DRAIN, "--websocket-answer-timeout", "100ms")
    with sidecar(f"127.0.0.1:{app_port}", *options) as leaving:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(either_app(app_port))
            sockets = []
            for over in (HTTP1, HTTP2):
                socket = await stack.enter_async_context(asked(leaving.port, over, WEBSOCKET))
                await socket.head()
                socket.say(b"\x81\x82\0\0\0\0hi")
                sockets.append(socket)
            drain = asyncio.create_task(asyncio.to_thread(leaving.post, "/drain?wait=1"))
            assert [await close_code(socket) for socket in sockets] == [1001] * 2
            report = (await drain)[1]
        counted = 'drainproxy_unanswered_total{kind="websocket",why="drain"}'
        assert leaving.metric(counted) == 2
    assert (report["verdict"], report["unanswered"]) == ("unanswered 2", 2)
