"""Whoever asks at the last moment is answered: nothing is closed under a client's feet."""

import signal
import socket
from time import monotonic, sleep

import pytest

from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import connected, get
from tests.e2e.process import BUSY, Sidecar, sidecar

AT_ONCE = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", "20s")
SLOW = b"GET /download?size=1000&seconds=2 HTTP/1.1\r\nHost: a.example\r\n\r\n"


def terminate(running: Sidecar) -> None:
    running.process.send_signal(signal.SIGTERM)


def read_all(sock: socket.socket) -> bytes:
    sock.settimeout(10)
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("pause", [0.5, 1.5])
def test_a_client_that_pauses_longer_than_drain_quiet_is_still_answered(
    demo_app: DemoApp, pause: float
) -> None:
    timing = (
        "--drain-delay",
        "0s",
        "--drain-quiet",
        "200ms",
        "--idle-close",
        "3s",
        "--drain-timeout",
        "20s",
    )
    with sidecar(demo_app.address, *timing) as running, connected(running.port) as client:
        assert not get(client, "/hello").closes
        terminate(running)
        running.until_phase("closed")
        # The client thinks; nothing else is in flight.
        sleep(pause)
        answer = get(client, "/hello")
        assert (answer.status, answer.closes) == (200, True)
        assert running.process.wait() == 0


def test_a_client_that_says_nothing_for_idle_close_is_not_waited_for(demo_app: DemoApp) -> None:
    timing = ("--drain-delay", "0s", "--drain-quiet", "200ms", "--idle-close", "1s")
    with sidecar(demo_app.address, *timing) as running, connected(running.port) as client:
        get(client, "/hello")
        terminate(running)
        began = monotonic()
        assert running.process.wait() == 0
        assert monotonic() - began < 1 + BUSY


def test_a_head_that_has_begun_is_waited_for_and_its_slow_answer_too(demo_app: DemoApp) -> None:
    with (
        sidecar(demo_app.address, *AT_ONCE) as running,
        socket.create_connection(("127.0.0.1", running.port)) as client,
    ):
        client.sendall(SLOW[:30])
        running.process.until(lambda: running.get("/connections")[1] != [])
        terminate(running)
        running.until_phase("closed")
        client.sendall(SLOW[30:])
        head, _, body = read_all(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in head
        assert len(body) == 1000
        assert running.process.wait() == 0


def test_who_connects_as_the_signal_comes_is_answered_to_the_end(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, *AT_ONCE) as running:
        # Stopped, it accepts nobody: all of them are in the queue when the signal is heard.
        running.process.send_signal(signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(20)]
        for client in clients:
            client.sendall(SLOW)
        terminate(running)
        running.process.send_signal(signal.SIGCONT)
        for client in clients:
            head, _, body = read_all(client).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert len(body) == 1000
            client.close()
        assert running.process.wait() == 0
