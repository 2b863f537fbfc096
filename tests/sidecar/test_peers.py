"""Who is connected, as both families have it."""

import socket
from collections.abc import Callable, Iterable

import pytest

from drainproxy.sidecar import peers, sock_diag
from drainproxy.sidecar.peers import is_inside, packed, peer, takes, unpacked


def entry(local: str, port: int, remote: str, remote_port: int) -> bytes:
    ports = port.to_bytes(2, "big") + remote_port.to_bytes(2, "big")
    return ports + packed(local) + packed(remote)


def collected(collect: Callable[..., Iterable[None]], port: int) -> set[bytes]:
    found: set[bytes] = set()
    for _ in collect([port], found):
        continue
    return found


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "192.0.2.7", "::1", "2001:db8::7", "::", "0.0.0.0"]
)
def test_an_address_is_packed_and_unpacked(address: str) -> None:
    assert len(packed(address)) == 16
    assert unpacked(packed(address)) == address


def test_ipv4_in_ipv6_is_ipv4() -> None:
    assert packed("::ffff:192.0.2.7") == packed("192.0.2.7")


def test_a_peer_is_told_in_words() -> None:
    assert peer(entry("10.0.0.2", 8080, "10.0.0.9", 50000)) == (8080, "10.0.0.9", 50000)


@pytest.mark.parametrize(
    ("local", "remote", "inside"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.6", True),
        ("::1", "::1", True),
        ("10.0.0.2", "10.0.0.2", True),
        ("2001:db8::2", "2001:db8::2", True),
        ("10.0.0.2", "10.0.0.3", False),
        ("2001:db8::2", "2001:db8::3", False),
    ],
)
def test_the_pod_itself_is_loopback_or_the_same_address(
    local: str, remote: str, inside: bool
) -> None:
    assert is_inside(entry(local, 8080, remote, 50000)) is inside


@pytest.mark.parametrize(
    ("listeners", "address", "taker"),
    [
        (["0.0.0.0"], "10.0.0.2", "0.0.0.0"),
        (["::"], "10.0.0.2", "::"),
        (["::"], "2001:db8::2", "::"),
        (["::", "0.0.0.0"], "10.0.0.2", "0.0.0.0"),
        (["::", "127.0.0.1"], "127.0.0.1", "127.0.0.1"),
        (["0.0.0.0", "127.0.0.1"], "10.0.0.2", "0.0.0.0"),
    ],
)
def test_the_listener_that_is_nearest_takes_a_connection(
    listeners: list[str], address: str, taker: str
) -> None:
    assert unpacked(takes({*map(packed, listeners)}, packed(address))) == taker


@pytest.mark.parametrize("told", [True, False])
def test_clients_of_both_families_on_one_socket_are_told(
    told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        monkeypatch.delattr(socket, "AF_NETLINK")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        clients = [socket.create_connection((host, port)) for host in ("127.0.0.1", "::1")]
        found = collected(peers.established, port)
        expected = {(port, *client.getsockname()[:2]) for client in clients}
        assert {tuple(peer(each)) for each in found} == expected
        assert all(map(is_inside, found))
        (listener,) = collected(peers.listening, port)
        assert unpacked(peers.local_address(listener)) == "::"
        for client in clients:
            client.close()


def test_where_no_system_tells_that_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not for you")

    monkeypatch.setattr(sock_diag, "dump", refuse)
    monkeypatch.setattr("drainproxy.sidecar.proc_net.dump", refuse)
    with pytest.raises(PermissionError):
        collected(peers.established, 1)
