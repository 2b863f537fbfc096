"""The connections of the admin port: limited in number, and none may stay silent for long.

A probe is answered however many clients are connected: over the limit, a new connection replaces
one without a request, or one whose response does not end. Authorised requests that wait for a drain
are never replaced. aiohttp gets a connection with its first bytes, so silent ones cost it nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any

from drainproxy.relay.address import address_text
from drainproxy.relay.context import OnRefusal
from drainproxy.relay.counters import Counters
from drainproxy.sidecar.after_reads import call_after_reads
from drainproxy.sidecar.sockets import has_unread

# In seconds: a request must be complete, an answer that waits for no drain must end, and the next
# request must come.
_REQUEST, _ANSWER, _KEEPALIVE = 10.0, 30.0, 75.0
_SWEEP_EVERY = 1.0

# The states of a connection: no request yet, answered, request under way, waiting for a drain
# (authorised, so it is never closed for another).
SILENT, ANSWERED, ASKING, WAITING = range(4)


class AdminConnection(asyncio.Protocol):
    """One connection. `at`: its state, entered at `since`, which may last until `deadline`."""

    def __init__(self, connections: "AdminConnections") -> None:
        self._connections = connections
        self.transport: Any = None
        # aiohttp's protocol.
        self.handler: Any = None
        self._requesting = False
        self.at, self.since, self.deadline = SILENT, 0.0, inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client has connected."""
        self.transport = transport
        self.enter(SILENT, _REQUEST)
        self._connections.came(self)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or of several."""
        if self.handler is None:
            self.handler = self._connections.handler_of(self)
            self.handler.connection_made(self.transport)
        if self.at == ANSWERED and not self._requesting:
            # Only with the first byte of a request: further ones must not prolong it.
            self._requesting = True
            self.deadline = self._connections.now() + _REQUEST
        self.handler.data_received(data)

    def eof_received(self) -> Any:
        """The client has ended its sending side."""
        return None if self.handler is None else self.handler.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        self._connections.left(self)
        if self.handler is not None:
            self.handler.connection_lost(error)

    def pause_writing(self) -> None:
        """The client does not read."""
        if self.handler is not None:
            self.handler.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.handler is not None:
            self.handler.resume_writing()

    def enter(self, at: int, seconds: float) -> None:
        """Enter another state, for so many seconds at most."""
        self.at, self.since, self._requesting = at, self._connections.now(), False
        self.deadline = self.since + seconds


class AdminConnections:
    """All connections, `most` at once. `handler` makes aiohttp's protocol for one; `refusal` logs
    those that are closed for others."""

    def __init__(
        self,
        most: int,
        handler: Callable[[], Any],
        counters: Counters,
        now: Callable[[], float],
        refusal: OnRefusal,
    ) -> None:
        self.most = most
        self.now = now
        self._handler = handler
        self._counters = counters
        self._refusal = refusal
        self._connections: set[AdminConnection] = set()
        self._by_handler: dict[Any, AdminConnection] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        # A connection has changed its state, or has ended.
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    def connection(self) -> AdminConnection:
        """The protocol of a new connection."""
        return AdminConnection(self)

    async def close(self, seconds: float) -> None:
        """End all connections; answers under way have `seconds`. None may be left when aiohttp's
        own shutdown timeout ends: it would log a traceback for each."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._until(lambda: all(each.at < ASKING for each in self._connections), seconds)
        for connection in self._connections:
            connection.transport.abort()
        await self._until(lambda: not self._connections, seconds)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    # Called by connections

    def came(self, connection: AdminConnection) -> None:
        """A client has connected; if there are too many connections, one of them is closed."""
        self._connections.add(connection)
        if self._closed:
            connection.transport.abort()
        elif len(self._connections) > self.most:
            words = f"the admin port has {self.most} connections: another one gets its place"
            self._refuse(self._to_close(connection), "admin-connections", words)
        if self._sweeping is None and not self._closed:
            self._sweep_later()

    def left(self, connection: AdminConnection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self._by_handler.pop(connection.handler, None)
        self._changed.set()

    def handler_of(self, connection: AdminConnection) -> Any:
        """aiohttp's protocol for a connection whose first bytes have arrived."""
        handler = self._handler()
        self._by_handler[handler] = connection
        return handler

    # Called by the application for the connection of aiohttp's `handler`

    def asks(self, handler: Any) -> None:
        """A request is being handled."""
        self._turn(handler, ASKING, _ANSWER)

    def may_wait(self, handler: Any) -> None:
        """The request is authorised to ask for a drain, and may wait for its end."""
        self._turn(handler, WAITING, inf)

    def answered(self, handler: Any) -> None:
        """The request was handled, and its answer is being sent."""
        self._turn(handler, ANSWERED, _KEEPALIVE)

    def _turn(self, handler: Any, at: int, seconds: float) -> None:
        connection = self._by_handler.get(handler)
        if connection is not None:
            connection.enter(at, seconds)
            self._changed.set()

    # Which connection is closed for another

    def _to_close(self, newest: AdminConnection) -> AdminConnection:
        """The connection to close: the one that has been without a request for the longest, else
        the one whose answer ended first, else the one whose answer takes longest."""
        others = [each for each in self._connections if each is not newest and each.at != WAITING]
        others.sort(key=lambda each: (each.at, each.since))
        # A connection whose request has arrived unread is about to be answered.
        idle = (each for each in others if each.at < ASKING and not has_unread(each.transport))
        asking = (each for each in others if each.at == ASKING)
        return next(idle, None) or next(asking, None) or newest

    def _refuse(self, connection: AdminConnection, reason: str, words: str) -> None:
        self._counters.rejected[reason] += 1
        peer = address_text(connection.transport.get_extra_info("peername"))
        self._refusal(reason, peer, words)
        self._end(connection)

    def _end(self, connection: AdminConnection) -> None:
        self._connections.discard(connection)
        connection.transport.abort()

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(_SWEEP_EVERY, call_after_reads, loop, self._sweep)

    def _sweep(self) -> None:
        """End connections whose time is over; without connections no timer runs."""
        self._sweeping = None
        if self._closed:
            return
        now = self.now()
        for connection in [each for each in self._connections if each.deadline <= now]:
            if connection.at == SILENT:
                words = f"it has asked the admin port for nothing within {_REQUEST:g} s"
                self._refuse(connection, "header-timeout", words)
            else:
                self._end(connection)
        if self._connections:
            self._sweep_later()
