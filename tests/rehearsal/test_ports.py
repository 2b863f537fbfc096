"""A port that was given is nobody else's until it is released; whoever it was for can listen."""

import socket
import sys

import pytest

from drainproxy.rehearsal.ports import free_ports, release

held = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands over")


def bound(port: int, *, reuse: bool) -> socket.socket:
    sock = socket.socket()
    if reuse:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def test_free_ports_are_different_ones() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    release(ports)


@held
def test_a_server_listens_on_a_port_that_is_held_for_it() -> None:
    (port,) = free_ports(1)
    with bound(port, reuse=True), socket.create_connection(("127.0.0.1", port)) as client:
        assert client.getpeername()[1] == port
    release([port])


@held
def test_until_somebody_listens_a_client_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    release([port])


@held
def test_nobody_else_gets_a_port_before_it_is_released() -> None:
    (port,) = free_ports(1)
    with pytest.raises(OSError, match="in use"):
        bound(port, reuse=False)
    release([port])
    bound(port, reuse=False).close()


def test_what_is_not_held_is_released_all_the_same() -> None:
    release([1])
