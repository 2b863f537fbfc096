"""What a client has asked over a WebSocket is answered before it has to go, or said to be open."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from drainproxy.rehearsal.ports import free_ports
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
