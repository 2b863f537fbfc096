"""Connects to the app: one connection for each client connection, opened when it is first
needed."""

import asyncio
import errno
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from drainproxy.config import Address, UnixSocket
from drainproxy.relay.upstream import UpstreamProtocol
from drainproxy.sidecar import dial
from drainproxy.sidecar.presence import Presence
from drainproxy.sidecar.sockets import keep_alive

Opened = tuple[asyncio.Transport, Any]

# Errors after which the app may accept soon: it restarts, its socket is not there yet, its queue is
# full, or we have no port left. Nothing was sent, so connecting can be retried.
_IN_A_MOMENT = frozenset(
    {
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOENT, errno.EAGAIN),
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL),
        # Several addresses of a name failed, each with its own error.
        None,
    }
)
# In seconds: the pause before a retry. It doubles, with jitter, so that sessions do not retry at
# the same time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.32


class Upstream:
    """Connects to one app, for all its sessions. `timeout` and `keepalive` return connect-timeout
    and tcp-keepalive, in seconds. `source`: app-source. `may_return`: whether an app that is away
    may come back, which our own child does not."""

    def __init__(
        self,
        target: Address | UnixSocket,
        timeout: Callable[[], float],
        keepalive: Callable[[], float] = lambda: 0.0,
        source: str | None = None,
        presence: Presence | None = None,
        may_return: Callable[[], bool] = lambda: True,
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._keepalive = keepalive
        self._presence = presence or Presence(str(target), time.monotonic)
        self._may_return = may_return
        self._tasks: dict[UpstreamProtocol, asyncio.Task[None]] = {}
        # An app on "localhost" listens on 127.0.0.1 or ::1: the one that answered last is tried
        # first.
        self._hosts = _hosts(target)
        self._source = source
        self._from_source = {host for host in self._hosts if source and dial.fits(source, host)}

    def connect(self, side: UpstreamProtocol) -> None:
        """Begin to connect; `connection_made` or `refused` of `side` is called with the result."""
        self._tasks[side] = asyncio.get_running_loop().create_task(self._connect(side))

    def give_up(self, side: UpstreamProtocol) -> None:
        """Give up a connection that is not made yet, and release its descriptor."""
        task = self._tasks.pop(side, None)
        if task is not None:
            task.cancel()

    async def _connect(self, side: UpstreamProtocol) -> None:
        try:
            await self._try_until(asyncio.get_running_loop().time() + self._timeout(), side)
        except TimeoutError:
            self._presence.failed("it has not accepted the connection in time")
            side.refused("the app did not accept the connection in time")
        except (OSError, UnicodeError) as error:
            # UnicodeError: a host name that no resolver accepts.
            self._presence.failed(getattr(error, "strerror", None) or str(error))
            side.refused(_reason(error))
        finally:
            self._tasks.pop(side, None)

    async def _try_until(self, end: float, side: UpstreamProtocol) -> None:
        """Connect, with retries while the app is away for a moment. OSError or TimeoutError if it
        has not accepted by `end`, on the loop's clock."""
        now, pause = asyncio.get_running_loop().time, _FIRST_PAUSE
        async with asyncio.timeout_at(end):
            while True:
                try:
                    await self._open(lambda: side)
                    break
                except OSError as error:
                    if error.errno not in _IN_A_MOMENT:
                        raise
                    self._presence.away(_reason(error), refused=True)
                    if now() + pause >= end or not self._may_return():
                        raise
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, _LONGEST_PAUSE)
        self._presence.there()

    async def _open(self, protocol: Callable[[], UpstreamProtocol]) -> None:
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
