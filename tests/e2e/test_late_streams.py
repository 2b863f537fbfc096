"""What may last and begins in `leaving` is let in, and told when the listener closes."""

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import connect

from tests.e2e.conftest import DemoApp
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
