"""A load balancer of connections like kube-proxy: it chooses once per connection, and moves
none."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol, cast

from drainproxy.rehearsal.rota import Rota

# Closing with this is a reset: whoever was on the line hears what a broken connection sounds like.
_AT_ONCE = struct.pack("ii", 1, 0)
_BACKLOG = 1024

Address = tuple[str, int]


class Endpoint(NamedTuple):
    """A replica as the balancer knows it: by service (`http`, `grpc`) where it listens."""

    name: str
    addresses: Mapping[str, Address]
    version: str = ""

    def __hash__(self) -> int:
        return hash(self.name)


class AnyBalancer(Protocol):
    """What stands in front of the replicas; services are `http` and `grpc`."""

    # Connections that no replica took, as far as it tells, and those for which there was none.
    refused: int
    unplaced: int

    async def listen(self, ports: Mapping[str, int]) -> None:
        """Take connections for each service; OSError or StartFailed if that cannot be."""

    async def put(self, endpoint: Endpoint, weight: float = 1.0) -> None:
        """Send it this share of the new connections; weights count against each other."""

    async def retire(self, endpoint: Endpoint) -> None:
        """It terminates, and is ready: send it new connections only while there is nobody else."""

    async def remove(self, endpoint: Endpoint) -> None:
        """Send it no new connections."""

    async def connections(self) -> Mapping[str, int]:
        """How many are open now, by the endpoint's name."""

    def version_at(self, port: int) -> str:
        """The version that a client on this port was sent to last; empty if it does not tell."""

    async def close(self) -> None:
        """Take no more connections; those that are open end with the process."""


class Balancer:
    """Listens on loopback, one port per service. What is open stays where it is."""

    def __init__(self) -> None:
        self._rota = Rota[Endpoint]()
        # Whoever terminates and is still ready: kube-proxy falls back on these (KEP-1669).
        self._terminating = Rota[Endpoint]()
        self._servers: list[asyncio.Server] = []
        self.open: Counter[str] = Counter()
        # By the client's port: it is asked for also when the connection has ended.
        self._sent_to: dict[int, Endpoint] = {}
        # Connections that no replica took: kube-proxy has them refused, we can only reset them.
        self.refused = self.unplaced = 0

    async def listen(self, ports: Mapping[str, int]) -> None:
        """Take connections for each service; OSError if a port is taken."""
        loop = asyncio.get_running_loop()
        for service, port in ports.items():
            server = await loop.create_server(
                lambda service=service: _Front(self, service),  # type: ignore[misc]
                "127.0.0.1",
                port,
                backlog=_BACKLOG,
            )
            self._servers.append(server)

    async def put(self, endpoint: Endpoint, weight: float = 1.0) -> None:
        """Send it this share of the new connections; weights count against each other."""
        self._rota.put(endpoint, weight)

    async def retire(self, endpoint: Endpoint) -> None:
        """It terminates, and is ready: send it new connections only while there is nobody else."""
        self._rota.remove(endpoint)
        self._terminating.put(endpoint, 1.0)

    async def remove(self, endpoint: Endpoint) -> None:
        """Send it no new connections."""
        self._rota.remove(endpoint)
        self._terminating.remove(endpoint)

    async def connections(self) -> Mapping[str, int]:
        """How many are open now, by the endpoint's name."""
        return dict(+self.open)

    async def close(self) -> None:
        """Take no more connections; those that are open end with the process."""
        for server in self._servers:
            server.close()

    def version_at(self, port: int) -> str:
        """The version that a client on this port was sent to last."""
        endpoint = self._sent_to.get(port)
        return endpoint.version if endpoint else ""

    def sent(self, port: int, endpoint: Endpoint) -> None:
        """A client on this port stays there now."""
        self._sent_to[port] = endpoint
        self.open[endpoint.name] += 1

    def pick(self) -> Endpoint | None:
        """Whose turn it is."""
        return self._rota.next() or self._terminating.next()


class _Half(asyncio.Protocol):
    """One side of a connection: what comes goes out on the other, ends and resets as well."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Half | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        other = self.other
        if other is not None and other.transport is not None:
            with suppress(OSError, RuntimeError):
                other.transport.write_eof()
            if other.ended:
                other.transport.close()
                return False
        return True

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            with suppress(RuntimeError):
                self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        other = self.other
        if other is not None and other.transport is not None:
            if error is None:
                other.transport.close()
            else:
                reset(other.transport)


class _Front(_Half):
    """The client's side; what it says before a replica has taken the connection is kept."""

    def __init__(self, balancer: Balancer, service: str) -> None:
        super().__init__()
        self._balancer = balancer
        self._service = service
        self._endpoint: Endpoint | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            super().data_received(data)

    async def _connect(self) -> None:
        endpoint, back = self._balancer.pick(), _Half()
        back.other = self
        try:
            if endpoint is None:
                self._balancer.unplaced += 1
                raise ConnectionRefusedError("there is no endpoint")
            await asyncio.get_running_loop().create_connection(
                lambda: back, *endpoint.addresses[self._service]
            )
        except OSError:
            self._balancer.refused += 1
            if self.transport is not None:
                reset(self.transport)
            return
        if self.transport is None:  # it left meanwhile
            if back.transport is not None:
                back.transport.close()
            return
        self._endpoint = endpoint
        self._balancer.sent(self.transport.get_extra_info("peername")[1], endpoint)
        self.other = back
        if back.transport is None:
            return reset(self.transport)
        back.transport.writelines(self._early)
        if self.ended:
            back.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._endpoint is not None:
            self._balancer.open[self._endpoint.name] -= 1


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once and so that the other side hears of it."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
