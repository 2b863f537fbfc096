"""TCP keepalive: whoever is on the way, and forgets what is idle, hears of it now and then."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import connected, get
from tests.e2e.process import PATIENCE, Sidecar, sidecar

# Of a connection in /proc/net/tcp: no timer runs; that of keepalive does.
IDLE, PROBING = 0, 2

pytestmark = pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(), reason="timers of sockets are read in /proc"
)


def timers(local: int | None = None, remote: int | None = None) -> list[int]:
    """The timer of each established IPv4 connection with these ports (proc(5), net/tcp)."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state, _, timer, *_ = line.split()
        ports = (int(here[-4:], 16), int(there[-4:], 16))
        if state == "01" and local in (None, ports[0]) and remote in (None, ports[1]):
            found.append(int(timer[:2], 16))
    return found


def until(running: Sidecar, look: Callable[[], list[int]], wanted: list[int]) -> None:
    """Data that are under way have a timer of their own: wait until that is over."""
    running.process.until(lambda: look() == wanted)


@pytest.mark.parametrize(
    ("arguments", "timer"),
    [
        ([], PROBING),
        (["--tcp-keepalive", "5m"], PROBING),
        (["--tcp-keepalive", "500ms"], PROBING),
        (["--tcp-keepalive", "0"], IDLE),
    ],
    ids=["the default", "5m", "500ms", "off"],
)
@pytest.mark.parametrize("protocol", ["auto", pytest.param("http", marks=pytest.mark.slow)])
def test_both_sides_of_a_session_are_probed(
    arguments: list[str], timer: int, protocol: str, demo_app: DemoApp
) -> None:
    app = int(demo_app.address.rpartition(":")[2])
    with (
        sidecar(demo_app.address, *arguments, protocol=protocol) as running,
        connected(running.port) as client,
    ):
        before = timers(remote=app)
        assert get(client, "/hello").status == 200
        until(running, lambda: timers(local=running.port), [timer])
        until(running, lambda: sorted(timers(remote=app)), sorted([*before, timer]))


def test_connections_of_opaque_tcp_are_probed(demo_app: DemoApp) -> None:
    app = f"127.0.0.1:{demo_app.tcp_port}"
    with (
        sidecar(app, protocol="tcp") as running,
        socket.create_connection(("127.0.0.1", running.port), PATIENCE) as client,
    ):
        client.sendall(b"\0hello")
        assert client.recv(100)
        until(running, lambda: timers(local=running.port), [PROBING])
        until(running, lambda: timers(remote=demo_app.tcp_port), [PROBING])


def test_who_asks_for_health_and_stays_is_probed(demo_app: DemoApp) -> None:
    with sidecar(demo_app.address) as running, connected(running.admin) as prober:
        assert get(prober, "/livez").status == 200
        until(running, lambda: timers(local=running.admin), [PROBING])


def test_an_annotation_changes_it_for_those_who_come_later(
    demo_app: DemoApp, tmp_path: Path
) -> None:
    annotations = tmp_path / "annotations"
    annotations.write_text('drainproxy.io/tcp-keepalive="0"\n')
    with sidecar(demo_app.address, "--annotations-file", str(annotations)) as running:
        with connected(running.port) as client:
            assert get(client, "/hello").status == 200
            until(running, lambda: timers(local=running.port), [IDLE])
            annotations.write_text('drainproxy.io/tcp-keepalive="90s"\n')
            running.process.until(lambda: "annotations applied" in running.process.output)
        until(running, lambda: timers(local=running.port), [])
        with connected(running.port) as client:
            assert get(client, "/hello").status == 200
            until(running, lambda: timers(local=running.port), [PROBING])


def test_an_app_on_a_unix_socket_works_as_before(tmp_path: Path) -> None:
    path = str(tmp_path / "app")
    with socket.socket(socket.AF_UNIX) as app:
        app.bind(path)
        app.listen()
        app.settimeout(PATIENCE)
        with (
            sidecar(f"unix:{path}", "--tcp-keepalive", "1s") as running,
            connected(running.port) as client,
        ):
            client.request("GET", "/")
            with app.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert client.getresponse().status == 204
