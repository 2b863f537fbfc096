"""What only the sockets below the transports know."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drainproxy.sidecar.sockets import last_words, reset, undelivered


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
