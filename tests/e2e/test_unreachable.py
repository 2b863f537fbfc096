"""A goodbye to a client that takes nothing is no goodbye, whatever the socket has swallowed."""

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.e2e.process import PATIENCE, sidecar

BEGIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
# More than a small window takes, and less than stops an app.
EVENTS = b"data: " + bytes(range(97, 123)) * 2000 + b"\n\n"
DRAIN = (
    *("--drain-delay", "0", "--drain-quiet", "0", "--drain-spread", "0", "--sse-drain", "end"),
    *("--drain-timeout", "3s"),
)


@pytest.mark.parametrize(("reads", "ending"), [(True, "goodbye"), (False, "cut")])
def test_an_event_stream_ends_with_a_goodbye_only_for_whoever_takes_it(
    reads: bool, ending: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    with socket.create_server(("127.0.0.1", 0)) as app, socket.socket() as client:
        where = f"127.0.0.1:{app.getsockname()[1]}"
        with sidecar(where, "--report-file", str(report), drain=DRAIN) as running:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", running.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
            connection, _ = app.accept()
            connection.recv(1 << 16)
            connection.sendall(BEGIN + EVENTS)
            running.until_in_flight(sse=1)
            running.process.until(
                lambda: running.metric('drainproxy_bytes_total{direction="from_app"}') > len(EVENTS)
            )
            running.process.send_signal(signal.SIGTERM)
            if reads:
                while client.recv(1 << 16):
                    continue
            running.process.wait()
            connection.close()
    ended = json.loads(report.read_text())["ended"]["sse"]
    assert {how: count for how, count in ended.items() if count} == {ending: 1}
