"""At the deadline a drain ends: on time, with 0, and no client takes a part for the whole."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import UPGRADE, begin, breaks_off, connected
from tests.e2e.process import BUSY, PATIENCE, sidecar

ENDLESS = "/download?size=65536&seconds=600"
TIMEOUT = 2.0
DRAIN = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", f"{TIMEOUT:g}s")


class Cut(NamedTuple):
    """Clients whose answers had no end, after the deadline; and what came of the sidecar."""

    length: HTTPResponse
    chunked: HTTPResponse
    until_close: HTTPResponse
    unanswered: HTTPConnection
    deaf_websocket: socket.socket
    endless_frame: socket.socket
    tcp: socket.socket
    exit_code: int
    seconds: float
    report: dict[str, Any]


# An upgrade, and a frame that announces 1 GB; and a body that ends with its connection.
ENDLESS_FRAME = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    b"\x82\x7f" + (1 << 30).to_bytes(8, "big")
)
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def send_without_end(listener: socket.socket, beginning: bytes) -> None:
    """An app that gives one answer, drop by drop."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(beginning)
        connection.settimeout(0.05)
        while True:
            connection.sendall(b"drop")
            with suppress(TimeoutError):
                if not connection.recv(1 << 16):
                    return


def switched(client: HTTPConnection) -> socket.socket:
    """Ask for a WebSocket; the connection when the head of the 101 is read."""
    client.request("GET", "/ws", headers=UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return client.sock


@pytest.fixture(scope="module")
def after(demo_app: DemoApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cut]:
    """A SIGTERM that meets everything that does not end, and the time until its deadline."""
    report = tmp_path_factory.mktemp("deadline") / "report.json"
    silent, frames, plain, tcp = free_ports(4)
    with ExitStack() as stack:
        never = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        apps = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        for given in zip(apps, (ENDLESS_FRAME, UNTIL_CLOSE), strict=True):
            app = Thread(target=send_without_end, args=given)
            app.start()
            stack.callback(app.join)
        forwards = [
            f"127.0.0.1:{silent}=127.0.0.1:{never.getsockname()[1]}",
            f"127.0.0.1:{frames}=127.0.0.1:{apps[0].getsockname()[1]}",
            f"127.0.0.1:{plain}=127.0.0.1:{apps[1].getsockname()[1]}",
            f"127.0.0.1:{tcp}=127.0.0.1:{demo_app.tcp_port}/tcp",
        ]
        options = [option for forward in forwards for option in ("--forward", forward)]
        running = stack.enter_context(
            sidecar(demo_app.address, *DRAIN, *options, "--report-file", str(report))
        )

        def client(port: int = running.port) -> HTTPConnection:
            return stack.enter_context(connected(port))

        length = begin(client(), ENDLESS)
        chunked = begin(client(), ENDLESS + "&chunked=1")
        until_close = begin(client(plain), "/plain")
        unanswered = client(silent)
        unanswered.request("GET", "/never")
        deaf, endless = switched(client()), switched(client(frames))
        opaque = stack.enter_context(socket.create_connection(("127.0.0.1", tcp), PATIENCE))
        opaque.sendall(b"hello")
        assert opaque.recv(5) == b"hello"
        running.until_in_flight(http1=4, websocket=2, tcp=1)

        began = monotonic()
        running.process.send_signal(signal.SIGTERM)
        exit_code = running.process.wait()
        seconds = monotonic() - began
        yield Cut(
            *(length, chunked, until_close, unanswered, deaf, endless, opaque),
            *(exit_code, seconds, json.loads(report.read_text())),
        )


def test_the_process_ends_on_time_and_with_0(after: Cut) -> None:
    assert after.exit_code == 0
    assert TIMEOUT - 0.1 < after.seconds < TIMEOUT + BUSY


def test_the_report_says_what_was_cut_and_what_was_waited_for(after: Cut) -> None:
    cut = {kind: ways["cut"] for kind, ways in after.report["ended"].items() if ways["cut"]}
    assert cut == {"http1": 4, "websocket": 2, "tcp": 1}
    assert after.report["verdict"] == "cut 7"
    waited_for = sorted((each["kind"], each["path"]) for each in after.report["blockers"])
    assert waited_for == [
        *(("http1", "/download"), ("http1", "/download"), ("http1", "/never")),
        *(("http1", "/plain"), ("tcp", ""), ("websocket", "/ws"), ("websocket", "/ws")),
    ]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_announced_its_end_breaks_off_before_it(framing: str, after: Cut) -> None:
    assert breaks_off(getattr(after, framing))


def test_a_body_that_ends_with_its_connection_ends_with_a_reset(after: Cut) -> None:
    assert after.until_close.getheader("Transfer-Encoding") is None
    with pytest.raises(ConnectionResetError):
        after.until_close.read()


def test_a_request_without_an_answer_hears_503_and_that_the_connection_ends(after: Cut) -> None:
    """RFC 9110 15.6.4, as in HTTP/2."""
    answer = after.unanswered.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (503, "close")
    assert int(answer.getheader("Retry-After") or 0) > 0


def everything(sock: socket.socket) -> bytes:
    """What comes until the end; a reset is one too."""
    data = b""
    with suppress(ConnectionResetError):
        while piece := sock.recv(1 << 16):
            data += piece
    return data


def test_a_websocket_that_does_not_answer_its_close_was_told_all_the_same(after: Cut) -> None:
    assert everything(after.deaf_websocket) == b"\x88\x0c\x03\xe9going away"


def test_a_close_is_never_put_inside_a_frame(after: Cut) -> None:
    frame = everything(after.endless_frame)
    assert frame.startswith(b"\x82\x7f")
    assert not frame[10:].replace(b"drop", b"").strip(b"drop"), "more than the app sent"


def test_a_tcp_connection_just_ends(after: Cut) -> None:
    assert everything(after.tcp) == b""


def test_a_websocket_that_waits_for_the_deadline_hears_its_close_before_it(
    demo_app: DemoApp, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    wait = ("--websocket-drain", "wait", "--report-file", str(report))
    with (
        sidecar(demo_app.address, *DRAIN, *wait) as running,
        connect(f"ws://127.0.0.1:{running.port}/ws", proxy=None) as connection,
    ):
        began = monotonic()
        running.process.send_signal(signal.SIGTERM)
        running.until_phase("closed")
        connection.send("still here")
        assert connection.recv(PATIENCE) == "still here"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
        # In the part of the drain that is kept for it, so that the handshake fits in.
        assert monotonic() - began > TIMEOUT / 2 - 0.1
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert closed.value.sent == closed.value.rcvd
        assert running.process.wait() == 0
    told = json.loads(report.read_text())
    assert told["verdict"] == "clean"
    assert told["ended"]["websocket"]["goodbye"] == 1
