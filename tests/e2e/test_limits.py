"""The limits hold: on connections, on patience with clients, and on patience with the app."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import Answer, breaks_off, connected, get, get_once
from tests.e2e.process import BUSY, PATIENCE, Sidecar, sidecar

GET = b"GET /hello HTTP/1.1\r\nHost: a.example\r\n\r\n"
TCP = free_ports(1)[0]


@contextmanager
def dialed(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What comes until the end; a reset is one too."""
    data = b""
    try:
        while piece := sock.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return data


# max-connections


def test_a_connection_too_many_hears_503_and_the_others_go_on(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, "--max-connections", "3") as running, ExitStack() as clients:
        held = [clients.enter_context(connected(running.port)) for _ in range(3)]
        for client in held:
            assert get(client, "/hello").status == 200

        for _ in range(3):
            refused = get_once(running.port)
            assert (refused.status, refused.closes) == (503, True)
            assert int(refused.headers["Retry-After"]) > 0
        for client in held:
            assert get(client, "/hello").status == 200
        held.pop().close()
        running.process.until(lambda: get_once(running.port).status == 200)
        assert running.metric('drainproxy_rejected_total{reason="max-connections"}') >= 3
        assert running.get("/readyz")[0] == 200


@pytest.mark.parametrize("protocol", ["tcp", "auto"])
def test_a_connection_too_many_that_is_not_http_is_closed(protocol: str, demo_app: DemoApp) -> None:
    app = f"127.0.0.1:{demo_app.tcp_port}"
    limit = ("--max-connections", "1")
    with sidecar(app, *limit, protocol=protocol) as running, dialed(running.port) as first:
        first.sendall(b"\0first")
        assert first.recv(100) == b"\0first"
        with dialed(running.port) as second:
            second.sendall(b"\0second")
            began = monotonic()
            assert everything(second) == b""
            assert monotonic() - began < BUSY
        first.sendall(b"\0again")
        assert first.recv(100) == b"\0again"


# header-timeout, idle-timeout, request-timeout


@pytest.fixture(scope="module")
def hasty(demo_app: DemoApp) -> Iterator[Sidecar]:
    """Waits for nothing longer than 800 ms."""
    timeouts = [
        *("--header-timeout", "800ms", "--idle-timeout", "800ms", "--request-timeout", "800ms"),
        *("--forward", f"127.0.0.1:{TCP}=127.0.0.1:{demo_app.tcp_port}/tcp"),
    ]
    with sidecar(demo_app.address, *timeouts) as running:
        yield running


def test_a_client_that_says_nothing_is_let_go(hasty: Sidecar) -> None:
    with dialed(hasty.port) as client:
        began = monotonic()
        assert everything(client) == b""
        assert 0.7 < monotonic() - began < 0.8 + BUSY


@pytest.mark.parametrize("first", [b"", GET], ids=["the first head", "a later head"])
def test_a_head_that_comes_byte_by_byte_has_a_deadline_in_all(first: bytes, hasty: Sidecar) -> None:
    with dialed(hasty.port) as client:
        if first:
            client.sendall(first)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        client.settimeout(0.1)
        began = monotonic()
        answer = b""
        for byte in GET.replace(b"\r\n\r\n", b"\r\nSlow: " + b"y" * 1000):
            client.sendall(bytes((byte,)))
            try:
                answer = client.recv(1 << 16)
                break
            except TimeoutError:
                assert monotonic() - began < 0.8 + BUSY, "every byte gave it new time"
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert monotonic() - began > 0.7


def test_a_slow_body_is_no_slow_head(hasty: Sidecar) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 8\r\n\r\n"
    with dialed(hasty.port) as client:
        client.sendall(head)
        for byte in b"slowly..":
            sleep(0.15)
            client.sendall(bytes((byte,)))
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("kind", ["http1", "tcp"])
def test_an_idle_connection_is_closed(kind: str, hasty: Sidecar) -> None:
    port, hello = (hasty.port, GET) if kind == "http1" else (TCP, b"hello")
    with dialed(port) as client:
        client.sendall(hello)
        assert client.recv(1 << 16)
        began = monotonic()
        assert everything(client) == b""
        assert 0.7 < monotonic() - began < 0.8 + BUSY


def test_a_connection_on_which_only_the_app_speaks_is_not_idle(hasty: Sidecar) -> None:
    """An event every 200 ms, and for longer than the timeout."""
    assert get_once(hasty.port, "/events?seconds=1.2").body.endswith(b"data: that was all\n\n")


def test_an_app_that_owes_an_answer_for_too_long_is_a_504(hasty: Sidecar) -> None:
    with connected(hasty.port) as client:
        began = monotonic()
        client.request("POST", "/echo?seconds=60", body=b"hello")
        assert client.getresponse().status == 504
        assert 0.7 < monotonic() - began < 0.8 + BUSY


def test_an_answer_that_has_begun_in_time_may_take_its_time(hasty: Sidecar) -> None:
    assert len(get_once(hasty.port, "/download?size=65536&seconds=1").body) == 65536


# The app cannot be reached

# An app that refuses is tried again for so long.
SOON = ("--connect-timeout", "200ms")


def is_unavailable(answer: Answer) -> bool:
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert 0 < len(answer.body) < 200
    return True


def test_an_app_that_is_down_is_a_503(demo_app: DemoApp) -> None:
    with sidecar(f"127.0.0.1:{free_ports(1)[0]}", *SOON) as running:
        assert is_unavailable(get_once(running.port))
        assert running.metric("drainproxy_app_connect_failures_total") == 1
        status, body = running.get("/readyz")
        assert status == 503
        assert "does not accept connections" in body["reason"]


def test_an_app_that_comes_back_is_found(demo_app: DemoApp) -> None:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}", *SOON) as running:
        assert is_unavailable(get_once(running.port))
        with socket.create_server(("127.0.0.1", port)) as app, connected(running.port) as client:
            client.request("GET", "/")
            app.settimeout(PATIENCE)
            with app.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert client.getresponse().status == 204


def test_an_app_that_does_not_accept_within_connect_timeout_is_a_503() -> None:
    with socket.socket() as app, ExitStack() as queue:
        app.bind(("127.0.0.1", 0))
        app.listen(0)
        address = app.getsockname()
        # With its backlog full an app that does not accept drops whoever knocks.
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        with sidecar(f"127.0.0.1:{address[1]}", "--connect-timeout", "500ms") as running:
            began = monotonic()
            assert is_unavailable(get_once(running.port))
            assert 0.4 < monotonic() - began < 0.5 + BUSY


def test_an_app_that_goes_away_in_its_answer_is_no_clean_end(demo_app: DemoApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as app:
        port = app.getsockname()[1]
        with sidecar(f"127.0.0.1:{port}") as running, connected(running.port) as client:
            client.request("GET", "/")
            with app.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart")
                answer = client.getresponse()
            assert breaks_off(answer)
