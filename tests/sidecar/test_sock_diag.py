"""What the system tells of sockets, and of no others than were asked for."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from drainproxy.sidecar import proc_net, sock_diag
from drainproxy.sidecar.sock_diag import ESTABLISHED, LISTEN, Entry

SOURCES = [sock_diag, proc_net]
LOOPBACK: dict[int, str] = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listening(
    stack: ExitStack, family: int = socket.AF_INET, backlog: int = 10
) -> tuple[socket.socket, int]:
    """Who listens, and on which port."""
    server = socket.create_server((LOOPBACK[family], 0), family=family, backlog=backlog)
    return stack.enter_context(server), server.getsockname()[1]


def connected(stack: ExitStack, server: socket.socket) -> int:
    """The port of a client of that. It is accepted: only then both ends are surely established,
    for the last segment of the handshake may be on its way when the client's call returns."""
    client = stack.enter_context(socket.create_connection(server.getsockname()[:2]))
    stack.enter_context(server.accept()[0])
    own: int = client.getsockname()[1]
    return own


def entry(family: int, port: int, peer_port: int) -> Entry:
    address = socket.inet_pton(family, LOOPBACK[family]).ljust(16, b"\0")
    ports = port.to_bytes(2, "big") + peer_port.to_bytes(2, "big")
    return ports + address * (2 if peer_port else 1) + bytes(0 if peer_port else 16)


def told(source: object, family: int, state: int, *ports: int) -> list[Entry]:
    return [each for part in source.dump(family, state, ports) for each in part]  # type: ignore[attr-defined] # a module


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("family", LOOPBACK)
def test_both_ends_of_a_connection_are_told(stack: ExitStack, source: object, family: int) -> None:
    server, port = listening(stack, family)
    client = connected(stack, server)
    assert told(source, family, ESTABLISHED, port) == [entry(family, port, client)]
    # Connections of other processes to other servers may leave from the same port.
    theirs = told(source, family, ESTABLISHED, client)
    assert entry(family, client, port) in theirs
    assert {each[:2] for each in theirs} == {client.to_bytes(2, "big")}
    assert told(source, family, LISTEN, port) == [entry(family, port, 0)]


@pytest.mark.parametrize("source", SOURCES)
def test_those_of_the_ports_are_told_and_no_others(stack: ExitStack, source: object) -> None:
    servers = {port: server for server, port in (listening(stack) for _ in range(4))}
    ports = sorted(servers)
    ends = {port: entry(socket.AF_INET, port, connected(stack, servers[port])) for port in ports}
    for chosen in (
        *([port] for port in ports),
        *(ports[:2], ports[1:3], ports[::-1], [ports[3], ports[0]], [1, *ports, 65535]),
    ):
        found = told(source, socket.AF_INET, ESTABLISHED, *chosen)
        assert sorted(found) == sorted(ends[port] for port in chosen if port in ends)
    assert told(source, socket.AF_INET, ESTABLISHED, 1, 65535) == []


@pytest.mark.parametrize("source", SOURCES)
def test_many_are_told_in_parts(stack: ExitStack, source: object) -> None:
    server, port = listening(stack)
    clients = {entry(socket.AF_INET, port, connected(stack, server)) for _ in range(450)}
    parts = list(source.dump(socket.AF_INET, ESTABLISHED, [port]))  # type: ignore[attr-defined] # a module
    assert {each for part in parts for each in part} == clients
    assert len(parts) > 2


def test_a_refusal_of_the_system_is_not_taken_for_an_answer() -> None:
    with pytest.raises(OSError, match="does not tell"):
        sock_diag.read(b"\x10\0\0\0\x02\0" + bytes(10))


# Who listens at this host.


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_is_there_as_long_as_somebody_listens(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert port in (sock_diag.listening_ports() or ())
    assert port not in (sock_diag.listening_ports() or ())


def test_a_client_does_not_listen() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getsockname()[1] not in (sock_diag.listening_ports() or ())


def test_many_who_listen_are_all_told() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(500)]
    ports = {server.getsockname()[1] for server in servers}
    assert ports <= (sock_diag.listening_ports() or set())
    for server in servers:
        server.close()


def test_a_system_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert sock_diag.listening_ports() is None
