"""Accepts connections of a listening socket.

The loop's own server is not used: when uvloop runs out of file descriptors, it closes waiting
connections silently, or retries as fast as it can.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from drainproxy.drain.rate_limits import RateLimit
from drainproxy.relay.counters import Counters

Factory = Callable[[], Any]

# The kernel caps it at net.core.somaxconn.
_BACKLOG = 4096
# In seconds: accepting is tried again so long after a failure.
RETRY_AFTER = 0.1
# In seconds: a failure is logged so often at most.
_SAY_EVERY = 10.0
# accept(2): the queue is empty, or the connection was lost before it was accepted.
_NOBODY = frozenset(
    {
        *(errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ECONNABORTED, errno.ECONNRESET),
        *(errno.ENETDOWN, errno.EPROTO, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
        *(errno.EOPNOTSUPP, errno.ENETUNREACH, errno.EPERM, errno.ETIMEDOUT),
    }
)

log = logging.getLogger("drainproxy")


class Acceptor:
    """Listens on a bound socket until `close`; each connection gets a protocol of `factory`.

    While file descriptors or memory are used up, connections wait in the accept queue.
    """

    def __init__(self, sock: socket.socket, factory: Factory, counters: Counters) -> None:
        self._sock = sock
        self._factory = factory
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[Any]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._lines = RateLimit(1, _SAY_EVERY)
        sock.listen(_BACKLOG)
        self._resume()

    @property
    def entering(self) -> bool:
        """Whether a connection was accepted that has no protocol yet."""
        return bool(self._entering)

    def close(self) -> None:
        """Accept the connections in the queue, and stop listening."""
        self._pause()
        while self._take():
            continue
        # A failed accept would otherwise schedule a retry.
        self._pause()
        self._sock.close()

    def _resume(self) -> None:
        self._retry = None
        self._loop.add_reader(self._sock, self._take)

    def _pause(self) -> None:
        self._loop.remove_reader(self._sock)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _take(self) -> bool:
        """Accept one connection in this turn, so that many at once do not block the loop; False if
        there is none."""
        try:
            connection, _ = self._sock.accept()
        except OSError as error:
            if error.errno not in _NOBODY:
                self._later(error)
            return False
        connection.setblocking(False)
        entering = self._loop.connect_accepted_socket(self._factory, connection)
        task = self._loop.create_task(entering)
        self._entering.add(task)
        task.add_done_callback(partial(self._entered, connection))
        return True

    def _entered(self, connection: socket.socket, task: asyncio.Task[Any]) -> None:
        self._entering.discard(task)
        if task.cancelled():
            connection.close()
        elif (error := task.exception()) is not None:
            connection.close()
            log.warning("cannot accept a connection: %s", error)

    def _later(self, error: OSError) -> None:
        """Pause and retry later: the socket stays readable, so the loop would retry at once for
        ever."""
        self._pause()
        self._retry = self._loop.call_later(RETRY_AFTER, self._resume)
        self._counters.accept_failures += 1
        if self._lines.spend(self._loop.time()):
            log.error("cannot accept connections at the moment: %s", error.strerror)
