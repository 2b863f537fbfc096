"""What only the sockets below the transports know."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drainproxy.sidecar import sockets
from drainproxy.sidecar.sockets import (
    accept_new_connections,
    drop_new_connections,
    has_unread,
    keep_alive,
    reset,
    take_unread,
    undelivered,
)


class Transport:
    """A transport as far as its socket is asked for."""

    def __init__(self, sock: socket.socket | None, waiting: int = 0) -> None:
        self.sock = sock
        self.waiting = waiting
        self.aborted = False

    def get_extra_info(self, name: str) -> socket.socket | None:
        return self.sock if name == "socket" else None

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.aborted = True


@contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    with one, other:
        yield one, other


async def test_bytes_that_a_reader_leaves_in_the_system_are_undelivered_until_it_reads() -> None:
    with tcp_pair() as (one, other):
        one.setblocking(False)
        sent = 0
        try:
            while True:
                sent += one.send(bytes(65536))
        except BlockingIOError:
            pass
        transport: Any = Transport(one, waiting=7)
        assert 7 < undelivered(transport) <= sent + 7
        other.setblocking(False)
        async with asyncio.timeout(10):
            while undelivered(transport) > 7:
                await asyncio.get_running_loop().sock_recv(other, 1 << 20)


def test_what_nobody_has_read_can_be_taken() -> None:
    with tcp_pair() as (one, other):
        transport: Any = Transport(one)
        assert take_unread(transport) == b""
        other.sendall(b"413")
        assert take_unread(transport) == b"413"
        assert take_unread(transport) == b""


def test_what_has_come_and_was_not_read_can_be_told_without_reading_it() -> None:
    with tcp_pair() as (one, other):
        transport: Any = Transport(one)
        assert not has_unread(transport)
        other.sendall(b"G")
        one.settimeout(5)
        assert one.recv(1, socket.MSG_PEEK) == b"G"
        assert has_unread(transport)
        assert one.recv(1) == b"G"
        assert not has_unread(transport)
        one.close()
        assert not has_unread(transport)
    nowhere: Any = Transport(None)
    assert not has_unread(nowhere)


def test_a_transport_without_a_socket_has_only_its_own_buffer() -> None:
    gone: Any = Transport(None, waiting=3)
    assert (undelivered(gone), take_unread(gone)) == (3, b"")
    reset(gone)
    assert gone.aborted


def test_a_socket_that_is_closed_has_nothing_under_way() -> None:
    with tcp_pair() as (one, _):
        transport: Any = Transport(one)
        one.close()
        assert (undelivered(transport), take_unread(transport)) == (0, b"")


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a socket filter of Linux")


def begun(where: Any) -> socket.socket:
    """A client that has sent its SYN."""
    client = socket.socket()
    client.settimeout(5)
    client.setblocking(False)
    client.connect_ex(where)
    return client


@linux
def test_who_has_connected_is_accepted_and_nobody_new_gets_an_answer() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as early:
        assert drop_new_connections(server)
        with begun(server.getsockname()) as late:
            accepted, _ = server.accept()
            with accepted:
                early.sendall(b"still heard")
                assert accepted.recv(100) == b"still heard"
            server.settimeout(0.2)
            with pytest.raises(TimeoutError):
                server.accept()
            accept_new_connections(server)
            # The client's system tries again after a second.
            server.settimeout(5)
            accepted, where = server.accept()
            accepted.close()
            assert where == late.getsockname()


def test_where_there_is_no_filter_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not drop_new_connections(server)


def test_what_is_no_socket_any_more_lets_nobody_in_and_no_harm_is_done() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.close()
    assert not drop_new_connections(server)
    accept_new_connections(server)


# TCP keepalive


def probing(sock: socket.socket) -> tuple[bool, int, int, int]:
    """Whether its peer is probed; after what idleness, how often and how many times."""
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    idle, interval, count = (sock.getsockopt(socket.IPPROTO_TCP, option) for option in options)
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)), idle, interval, count


needs_options = pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="another name")


@needs_options
@pytest.mark.parametrize(
    ("seconds", "idle", "interval"),
    [(60, 60, 15), (350, 350, 88), (2, 2, 1), (0.001, 1, 1), (32767, 32767, 8192)],
)
def test_a_peer_is_probed_after_that_idleness_and_given_up_after_as_long_again(
    seconds: float, idle: int, interval: int
) -> None:
    with tcp_pair() as (one, other):
        keep_alive(one, seconds)
        assert probing(one) == (True, idle, interval, 4)
        assert not probing(other)[0]


@needs_options
def test_0_ends_the_probing() -> None:
    with tcp_pair() as (one, _):
        keep_alive(one, 60)
        keep_alive(one, 0)
        assert not probing(one)[0]


@needs_options
def test_who_comes_to_a_listener_is_probed_as_that_says_at_the_moment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for seconds in (60, 7, 0):
            keep_alive(server, seconds)
            with socket.create_connection(server.getsockname()):
                accepted, _ = server.accept()
                with accepted:
                    assert probing(accepted)[0] is (seconds > 0)
                    assert seconds == 0 or probing(accepted)[1] == seconds


def test_a_unix_socket_has_no_peer_that_could_be_lost() -> None:
    one, other = socket.socketpair()
    with one, other:
        keep_alive(one, 60)
        assert not one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_system_without_the_options_probes_at_its_own_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for option in ("_IDLE", "_INTERVAL", "_COUNT"):
        monkeypatch.setattr(sockets, option, None)
    with tcp_pair() as (one, other):
        before = probing(other)[1:]
        keep_alive(one, 60)
        assert probing(one) == (True, *before)


def test_a_connection_that_is_gone_is_not_probed() -> None:
    with tcp_pair() as (one, _):
        one.close()
        keep_alive(one, 60)
