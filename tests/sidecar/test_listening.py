"""Who listens is told by the system, and nobody is asked."""

import socket

import pytest

from drainproxy.sidecar import listening


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_there_as_long_as_somebody_listens(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert port in (listening.ports() or ())
    assert port not in (listening.ports() or ())


def test_a_client_does_not_listen() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getsockname()[1] not in (listening.ports() or ())


def test_many_who_listen_are_all_told() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(500)]
    ports = {server.getsockname()[1] for server in servers}
    assert ports <= (listening.ports() or set())
    for server in servers:
        server.close()


def test_a_system_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert listening.ports() is None
