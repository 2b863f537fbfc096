"""Reaches the app: one connection for each client connection, opened when it is first needed."""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from drainproxy.config import Address, UnixSocket
from drainproxy.relay.hub import Sink
from drainproxy.relay.pair import AppSide

# On, with no time to linger: closing sends RST, so that nobody takes what came for the whole.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(sink: Sink) -> None:
    """Close a connection with RST."""
    transport: Any = sink
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def last_words(sink: Sink) -> bytes:
    """What still waits in the system's buffer of a connection that a write found broken."""
    transport: Any = sink
    sock = transport.get_extra_info("socket")
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            return same.recv(65536, socket.MSG_DONTWAIT)
    except OSError:
        return b""


class Upstream:
    """Connects to one app, for as many pairs as ask; `timeout` gives connect-timeout in seconds."""

    def __init__(self, target: Address | UnixSocket, timeout: Callable[[], float]) -> None:
        self._target = target
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()
        # Apps that bind "localhost" take 127.0.0.1 or ::1: what answered last is tried first.
        self._hosts = _hosts(target)

    def connect(self, side: AppSide) -> None:
        """Connect for `side`, which is told how it went."""
        task = asyncio.get_running_loop().create_task(self._connect(side))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, side: AppSide) -> None:
        try:
            async with asyncio.timeout(self._timeout()):
                await self._open(lambda: side)
        except TimeoutError:
            side.refused("the app did not accept the connection in time")
        except OSError:
            side.refused("the app does not accept connections")

    async def _open(self, protocol: Callable[[], AppSide]) -> None:
        loop = asyncio.get_running_loop()
        factory: Any = protocol
        if isinstance(self._target, UnixSocket):
            await loop.create_unix_connection(factory, self._target.path)
            return
        port = self._target.port
        await self._first_that_answers(lambda host: loop.create_connection(factory, host, port))

    async def _first_that_answers(self, open_to: Callable[[str], Awaitable[object]]) -> None:
        for host in self._hosts[:-1]:
            try:
                await open_to(host)
                return
            except ConnectionRefusedError:
                continue
        await open_to(self._hosts[-1])
        self._hosts = self._hosts[-1:] + self._hosts[:-1]


def _hosts(target: Address | UnixSocket) -> list[str]:
    if isinstance(target, UnixSocket):
        return []
    if target.host in ("", "localhost"):
        return ["127.0.0.1", "::1"]
    return [target.host]
