"""An app that is away for a moment: nobody hears of it who can wait, and the log says it."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import sleep

import pytest

from drainproxy.rehearsal.ports import free_ports, release
from tests.e2e.http_client import connected, get_once
from tests.e2e.process import PATIENCE, ask, sidecar

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def app_port() -> Iterator[Sequence[int]]:
    taken = free_ports(1)
    yield taken
    release(taken)


@contextmanager
def app(port: int, answer: bytes = ANSWER) -> Iterator[socket.socket]:
    """An app that answers whoever comes, until the end of the block."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        opened: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                opened.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection: socket.socket) -> None:
            try:
                while connection.recv(1 << 16):
                    connection.sendall(answer)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in opened:
                # A thread that reads keeps it open otherwise.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()


def asks(port: int, call: Callable[[int], object]) -> threading.Thread:
    asking = threading.Thread(target=call, args=(port,), daemon=True)
    asking.start()
    return asking


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream"])
def test_who_asks_while_the_app_is_away_is_answered_when_it_is_back(
    accept: str, app_port: Sequence[int]
) -> None:
    (port,) = app_port
    answers: list[int] = []

    def ask(listen: int) -> None:
        with connected(listen) as client:
            client.request("GET", "/", headers={"Accept": accept})
            answers.append(client.getresponse().status)

    with sidecar(f"127.0.0.1:{port}") as running:
        with app(port):
            assert get_once(running.port).status == 200
        running.process.until(lambda: f"the app at 127.0.0.1:{port} is away" in log(running))
        asking = asks(running.port, ask)
        running.until_in_flight(http1=1)
        with app(port):
            asking.join(PATIENCE)
            running.process.until(lambda: f"the app at 127.0.0.1:{port} is back" in log(running))
        assert answers == [200]


def log(running: object) -> str:
    # It is handed on as an object.
    return str(running.process.output)  # type: ignore[attr-defined]


def test_the_log_says_what_was_refused_and_who_asked_for_a_drain(app_port: Sequence[int]) -> None:
    (port,) = app_port
    with sidecar(f"127.0.0.1:{port}", "--connect-timeout", "50ms") as running:
        assert get_once(running.port).status == 503
        assert "refused: 503 the app does not accept connections reason=app peer=" in log(running)
        assert running.metric('drainproxy_rejected_total{reason="app-away"}') == 1
        running.get("/prestop")
        assert "draining: prestop asked for it" in log(running)


def test_heads_that_came_while_the_process_was_stopped_are_read_before_it_is_asked_who_is_late(
    app_port: Sequence[int],
) -> None:
    """As under a debugger, in a frozen cgroup, or on a machine that slept."""
    (port,) = app_port
    timeouts = ("--header-timeout", "400ms")
    with app(port), sidecar(f"127.0.0.1:{port}", *timeouts) as running:
        clients = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(20)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHo")
        running.process.until(
            lambda: running.metric('drainproxy_connections{kind="http1"}') == len(clients)
        )
        running.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.sendall(b"st: a\r\n\r\n")
        sleep(1)  # as long as it takes for every deadline to be over
        running.process.send_signal(signal.SIGCONT)
        for client in clients:
            client.settimeout(PATIENCE)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            client.close()


SWITCH = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(("restarts", "code"), [(False, 1014), (True, 1012)])
def test_a_websocket_of_an_app_that_dies_hears_close(
    restarts: bool, code: int, app_port: Sequence[int]
) -> None:
    """IANA, WebSocket Close Code Number Registry: 1012 is a restart, 1014 a bad gateway."""
    (port,) = app_port
    waits = ("--websocket-drain", "wait", "--drain-timeout", "60s", "--drain-delay", "30s")
    hook: threading.Thread | None = None
    with sidecar(f"127.0.0.1:{port}", *waits) as running:
        with socket.socket() as client:
            with app(port, SWITCH):
                client.settimeout(PATIENCE)
                client.connect(("127.0.0.1", running.port))
                client.sendall(UPGRADE)
                assert client.recv(1 << 16) == SWITCH
                if restarts:
                    hook = asks(running.admin, lambda admin: ask(admin, "/prestop?of=app"))
                    # Whether the hook of the sidecar follows is known after half a second.
                    running.process.until(lambda: "restarts" in str(running.get("/readyz")[1]))
            # The app is gone.
            assert close_code(client) == code
        if hook is not None:
            running.post("/undrain")
            hook.join(PATIENCE)


def close_code(client: socket.socket) -> int:
    frame = client.recv(1 << 16)
    assert frame[0] == 0x88
    return int.from_bytes(frame[2:4], "big")
