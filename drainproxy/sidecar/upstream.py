"""Reaches the app: one connection for each client connection, opened when it is first needed."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any

from drainproxy.config import Address, UnixSocket
from drainproxy.relay.app_side import AppSide
from drainproxy.sidecar import dial
from drainproxy.sidecar.sockets import keep_alive

Opened = tuple[asyncio.Transport, Any]


class Upstream:
    """Connects to one app, for as many pairs as ask; `timeout` gives connect-timeout in seconds,
    `keepalive` tcp-keepalive; `source` is app-source."""

    def __init__(
        self,
        target: Address | UnixSocket,
        timeout: Callable[[], float],
        keepalive: Callable[[], float] = lambda: 0.0,
        source: str | None = None,
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._keepalive = keepalive
        self._tasks: dict[AppSide, asyncio.Task[None]] = {}
        # Apps that bind "localhost" take 127.0.0.1 or ::1: what answered last is tried first.
        self._hosts = _hosts(target)
        self._source = source
        self._from_source = {host for host in self._hosts if source and dial.fits(source, host)}

    def connect(self, side: AppSide) -> None:
        """Connect for `side`, which is told how it went."""
        self._tasks[side] = asyncio.get_running_loop().create_task(self._connect(side))

    def give_up(self, side: AppSide) -> None:
        """Nobody waits for that any more: it would take a descriptor for nobody."""
        task = self._tasks.pop(side, None)
        if task is not None:
            task.cancel()

    async def _connect(self, side: AppSide) -> None:
        try:
            async with asyncio.timeout(self._timeout()):
                await self._open(lambda: side)
        except TimeoutError:
            side.refused("the app did not accept the connection in time")
        except (OSError, UnicodeError) as error:
            # UnicodeError: a host name that no resolver takes.
            side.refused(_reason(error))
        finally:
            self._tasks.pop(side, None)

    async def _open(self, protocol: Callable[[], AppSide]) -> None:
        loop = asyncio.get_running_loop()
        factory: Any = protocol
        if isinstance(self._target, UnixSocket):
            await loop.create_unix_connection(factory, self._target.path)
            return
        port = self._target.port

        async def open_to(host: str) -> Opened:
            if host not in self._from_source:
                return await loop.create_connection(factory, host, port)
            assert self._source is not None
            sock = await dial.connected(self._source, host, port)
            return await loop.create_connection(factory, sock=sock)

        transport, _ = await self._first_that_answers(open_to)
        if (sock := transport.get_extra_info("socket")) is not None:
            keep_alive(sock, self._keepalive())

    async def _first_that_answers(self, open_to: Callable[[str], Awaitable[Opened]]) -> Opened:
        *others, last = self._hosts
        for host in others:
            try:
                return await open_to(host)
            except OSError as error:
                if error.errno not in dial.NOT_THERE:
                    raise
        opened = await open_to(last)
        self._hosts = [last, *others]
        return opened


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "no descriptor is left for a connection to the app"
    return "the app does not accept connections"


def _hosts(target: Address | UnixSocket) -> list[str]:
    if isinstance(target, UnixSocket):
        return []
    if target.host in ("", "localhost"):
        return ["127.0.0.1", "::1"]
    return [target.host]
