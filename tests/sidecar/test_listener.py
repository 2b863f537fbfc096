"""Listening, and ceasing to listen without losing who has connected."""

import asyncio
import errno
import socket
from typing import Any, ClassVar

import pytest

from drainproxy.config import Address
from drainproxy.sidecar.listener import Listener, bind


class Greeter(asyncio.Protocol):
    """Says one word and closes; `probed` keeps whether each client is, when it is idle."""

    probed: ClassVar[list[bool]] = []

    def connection_made(self, transport: Any) -> None:
        sock = transport.get_extra_info("socket")
        self.probed.append(bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)))
        transport.write(b"hello")
        transport.close()


async def heard(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 100), 5)


async def test_it_comes_back_on_the_same_port() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    address = listener.address
    listener.close()
    await listener.open()

    with socket.create_connection((address.host, address.port)) as client:
        assert await heard(client) == b"hello"
    assert listener.address == address
    listener.close()


async def test_who_has_connected_before_it_closes_is_served() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    where = (listener.address.host, listener.address.port)
    # The loop does not run in between: they wait in the accept queue.
    waiting = [socket.create_connection(where) for _ in range(20)]
    listener.close()

    assert [await heard(client) for client in waiting] == [b"hello"] * 20
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    for client in waiting:
        client.close()


async def test_opening_what_is_open_changes_nothing() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    address = listener.address
    await listener.open()

    assert listener.address == address
    listener.close()


def test_no_host_is_every_interface_of_both_families() -> None:
    (sock,) = bind(Address("", 0), "forward")
    sock.listen()
    port = sock.getsockname()[1]
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port)).close()
    sock.close()


# As most systems have it in /etc/hosts; addresses of one machine, whatever that has.
BOTH_FAMILIES = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
]


def test_a_host_with_several_addresses_has_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: BOTH_FAMILIES)

    bound = bind(Address("localhost", 0), "admin")
    assert [sock.family for sock in bound] == [socket.AF_INET6, socket.AF_INET]
    assert len({sock.getsockname()[1] for sock in bound}) == 1
    for sock in bound:
        sock.close()


def test_where_one_address_cannot_be_bound_none_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    (taken,) = bind(Address("127.0.0.1", 0), "forward")
    taken.listen()
    port = taken.getsockname()[1]
    resolved = [(*each[:4], (each[4][0], port, *each[4][2:])) for each in BOTH_FAMILIES]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: resolved)

    with pytest.raises(OSError, match="Address already in use"):
        bind(Address("localhost", port), "admin")
    resolved.pop()
    (free,) = bind(Address("::1", port), "admin")
    free.close()
    taken.close()


def test_a_taken_port_is_named_with_its_setting() -> None:
    (sock,) = bind(Address("127.0.0.1", 0), "forward")
    sock.listen()
    port = sock.getsockname()[1]

    with pytest.raises(OSError, match=f"admin: cannot listen on 127.0.0.1:{port}: Address already"):
        bind(Address("127.0.0.1", port), "admin")
    sock.close()


@pytest.mark.parametrize(("port", "told"), [(80, True), (8080, False)])
def test_a_port_that_takes_a_capability_is_told_so(
    port: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuses)
    with pytest.raises(OSError, match=rf"^\[.*\] forward: cannot listen on {port}:") as refused:
        bind(Address("", port), "forward")
    assert ("NET_BIND_SERVICE" in str(refused.value)) == told


async def test_with_patience_it_closes_a_little_later_and_takes_in_who_has_connected() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    where = (listener.address.host, listener.address.port)
    waiting = [socket.create_connection(where) for _ in range(5)]
    listener.close(0.05)
    assert (listener.is_open, listener.accepting) == (False, True)
    assert [await heard(client) for client in waiting] == [b"hello"] * 5
    async with asyncio.timeout(5):
        while listener.accepting:  # noqa: ASYNC110 - a listener has no event
            await asyncio.sleep(0.01)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    for client in waiting:
        client.close()


async def test_who_is_about_to_close_can_be_opened_again() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    listener.close(60)
    await listener.open()
    assert (listener.is_open, listener.accepting) == (True, False)
    with socket.create_connection((listener.address.host, listener.address.port)) as client:
        assert await heard(client) == b"hello"
    listener.close()


async def test_closing_at_once_does_not_wait_for_the_patience_of_before() -> None:
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    await listener.open()
    listener.close(60)
    listener.close()
    assert not listener.accepting
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((listener.address.host, listener.address.port))


async def test_clients_are_probed_as_is_said_when_they_come() -> None:
    Greeter.probed.clear()
    listener = Listener(Address("127.0.0.1", 0), Greeter, 60.0)
    await listener.open()
    for seconds in (None, 0.0, 7.0):
        if seconds is not None:
            listener.keep_alive(seconds)
        with socket.create_connection((listener.address.host, listener.address.port)) as client:
            assert await heard(client) == b"hello"
    listener.close()
    assert Greeter.probed == [True, False, True]


async def test_who_comes_after_an_undrain_is_probed_too() -> None:
    Greeter.probed.clear()
    listener = Listener(Address("127.0.0.1", 0), Greeter)
    listener.keep_alive(60.0)
    await listener.open()
    listener.close()
    await listener.open()
    with socket.create_connection((listener.address.host, listener.address.port)) as client:
        assert await heard(client) == b"hello"
    listener.close()
    assert Greeter.probed == [True]
