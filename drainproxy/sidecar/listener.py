"""The listening sockets of one `--forward`."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import Any

from drainproxy.config import Address
from drainproxy.relay.counters import Counters
from drainproxy.sidecar import sockets
from drainproxy.sidecar.acceptor import Acceptor, Factory

# In seconds: a TCP handshake in progress has so long to reach the accept queue.
HANDSHAKE = 0.2

# ip_unprivileged_port_start, unless somebody lowers it.
_FIRST_UNPRIVILEGED = 1024
# The setting that the address comes from.
_SETTING = "forward"


class Listener:
    """Listens on one address. It can be closed without losing queued connections, and reopened."""

    def __init__(
        self,
        address: Address,
        factory: Factory,
        keepalive: float = 0.0,
        counters: Counters | None = None,
    ) -> None:
        self.address = address
        self._factory = factory
        self._keepalive = keepalive
        self._counters = counters or Counters()
        self._sockets: list[socket.socket] = []
        # Kept after their sockets are closed, since accepted connections may have no session yet.
        self._acceptors: list[Acceptor] = []
        self._closing: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether the listener is bound, and is not closing."""
        return bool(self._sockets) and self._closing is None

    @property
    def accepting(self) -> bool:
        """Whether a connection may be in the accept queue, or has no session yet."""
        return self._closing is not None or any(each.entering for each in self._acceptors)

    async def open(self) -> None:
        """Bind and listen; raises OSError with the address if that fails."""
        if self._closing is not None:
            self._stop_closing()
            for sock in self._sockets:
                sockets.accept_new_connections(sock)
        if self._sockets:
            return
        self._sockets = bind(self.address, _SETTING)
        self.keep_alive(self._keepalive)
        # Port 0 is chosen once, so that clients find us on the same port after an undrain.
        port = self._sockets[0].getsockname()[1]
        self.address = Address(self.address.host, port)
        self._acceptors = []
        try:
            for sock in self._sockets:
                self._acceptors.append(Acceptor(sock, self._factory, self._counters))
        except OSError as error:
            self._close()
            raise _named(error, self.address, _SETTING) from None

    def keep_alive(self, seconds: float) -> None:
        """Send keepalive probes on connections that are accepted from now on, once they have been
        idle for so many seconds; 0 for never."""
        self._keepalive = seconds
        for sock in self._sockets:
            sockets.keep_alive(sock, seconds)

    def close(self, patience: float = 0.0) -> None:
        """Accept the connections in the queue, then refuse new ones. Closing resets handshakes in
        progress, and connections that arrive after our last accept. So for `patience` seconds
        before, no new handshake may begin: those clients retry after a second, and are refused."""
        self._stop_closing()
        if patience and self._sockets and all(map(sockets.drop_new_connections, self._sockets)):
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(patience, self._close)
        else:
            self._close()

    def _stop_closing(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _close(self) -> None:
        """Close now. Unlike `asyncio.Server.wait_closed`, wait for no connection to end."""
        self._closing = None
        if self._sockets:
            for acceptor in self._acceptors:
                acceptor.close()
            for sock in self._sockets:
                sock.close()
        self._sockets = []


def bind(address: Address, setting: str) -> list[socket.socket]:
    """Bound sockets for `address`; an empty host means all interfaces, IPv6 and IPv4 in one socket.

    Raises OSError that names the address and the setting that it comes from.
    """
    try:
        return (
            _bound_to_all(_resolved(address)) if address.host else [_all_interfaces(address.port)]
        )
    except OSError as error:
        raise _named(error, address, setting) from None


def _bound_to_all(resolved: Sequence[tuple[int, Any]]) -> list[socket.socket]:
    """A socket for each address of a host, all at one port; with port 0 the kernel chooses that of
    the first, which the others share."""
    bound: list[socket.socket] = []
    try:
        for family, (host, port, *scope) in resolved:
            chosen = port or (bound[0].getsockname()[1] if bound else 0)
            bound.append(_bound(family, (host, chosen, *scope)))
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    return bound


def _named(error: OSError, address: Address, setting: str) -> OSError:
    problem = f"{setting}: cannot listen on {address}: {error.strerror or error}"
    if error.errno == errno.EACCES and address.port < _FIRST_UNPRIVILEGED:
        problem += f"; below {_FIRST_UNPRIVILEGED} it takes the capability NET_BIND_SERVICE"
    return OSError(error.errno, problem)


def _all_interfaces(port: int) -> socket.socket:
    try:
        return _bound(socket.AF_INET6, ("::", port), dual=True)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bound(socket.AF_INET, ("0.0.0.0", port))


def _resolved(address: Address) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


def _bound(family: int, where: Any, *, dual: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        sock.setblocking(False)
        sock.bind(where)
    except BaseException:
        sock.close()
        raise
    return sock
