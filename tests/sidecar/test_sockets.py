"""What only the sockets below the transports know."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drainproxy.sidecar.sockets import last_words, let_in, let_nobody_in, reset, undelivered


class Sink:
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
        sink: Any = Sink(one, waiting=7)
        assert 7 < undelivered(sink) <= sent + 7
        other.setblocking(False)
        async with asyncio.timeout(10):
            while undelivered(sink) > 7:
                await asyncio.get_running_loop().sock_recv(other, 1 << 20)


def test_last_words_are_what_nobody_has_read() -> None:
    with tcp_pair() as (one, other):
        sink: Any = Sink(one)
        assert last_words(sink) == b""
        other.sendall(b"413")
        assert last_words(sink) == b"413"
        assert last_words(sink) == b""


def test_a_sink_without_a_socket_has_only_its_own_buffer() -> None:
    gone: Any = Sink(None, waiting=3)
    assert (undelivered(gone), last_words(gone)) == (3, b"")
    reset(gone)
    assert gone.aborted


def test_a_socket_that_is_closed_has_nothing_under_way() -> None:
    with tcp_pair() as (one, _):
        sink: Any = Sink(one)
        one.close()
        assert (undelivered(sink), last_words(sink)) == (0, b"")


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
        assert let_nobody_in(server)
        with begun(server.getsockname()) as late:
            accepted, _ = server.accept()
            with accepted:
                early.sendall(b"still heard")
                assert accepted.recv(100) == b"still heard"
            server.settimeout(0.2)
            with pytest.raises(TimeoutError):
                server.accept()
            let_in(server)
            # The client's system tries again after a second.
            server.settimeout(5)
            accepted, where = server.accept()
            accepted.close()
            assert where == late.getsockname()


def test_where_there_is_no_filter_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not let_nobody_in(server)


def test_what_is_no_socket_any_more_lets_nobody_in_and_no_harm_is_done() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.close()
    assert not let_nobody_in(server)
    let_in(server)
