"""A goodbye to a client that takes nothing is no goodbye, whatever the socket has swallowed."""

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest
from hpack import Encoder

from tests.e2e.conformance.frames import PREFACE, headers, settings
from tests.e2e.either_app import either_app
from tests.e2e.either_client import HTTP1, HTTP2
from tests.e2e.process import PATIENCE, sidecar

# More than a small window of TCP takes, and less than the window of a stream of HTTP/2 (RFC 9113
# 6.9.2) or than stops an app.
EVENTS = 4 * [b"data: " + bytes(range(97, 123)) * 500 + b"\n\n"]
DRAIN = (
    *("--drain-delay", "0", "--drain-quiet", "0", "--drain-spread", "0", "--sse-drain", "end"),
    *("--drain-timeout", "3s"),
)
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
ASKS = {
    HTTP1: b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n",
    HTTP2: PREFACE
    + settings()
    + headers(1, Encoder().encode([*GET, ("accept", "text/event-stream")])),
}


def read_to_the_end(client: socket.socket) -> None:
    while client.recv(1 << 16):
        continue


@pytest.mark.parametrize("over", [HTTP1, HTTP2])
@pytest.mark.parametrize(("reads", "ending"), [(True, "goodbye"), (False, "cut")])
async def test_an_event_stream_ends_with_a_goodbye_only_for_whoever_takes_it(
    reads: bool, ending: str, over: str, app_port: int, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    with (
        sidecar(f"127.0.0.1:{app_port}", "--report-file", str(report), drain=DRAIN) as running,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        async with either_app(app_port) as app:
            await asyncio.to_thread(client.connect, ("127.0.0.1", running.port))
            client.sendall(ASKS[over])
            await asyncio.to_thread(running.until_in_flight, sse=1)
            for event in EVENTS:
                app.streams[0].say(event)
            sent = 'drainproxy_bytes_total{direction="from_app"}'
            least = sum(map(len, EVENTS))
            await asyncio.to_thread(running.process.until, lambda: running.metric(sent) > least)
            running.process.send_signal(signal.SIGTERM)
            if reads:
                await asyncio.to_thread(read_to_the_end, client)
            await asyncio.to_thread(running.process.wait)
    ended = json.loads(report.read_text())["ended"]["sse"]
    assert {how: count for how, count in ended.items() if count} == {ending: 1}
