"""Where new connections go: as in front of a deployment, to whoever says that it is ready."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from drainproxy.rehearsal.processes import answers


@dataclass(frozen=True, slots=True)
class Backend:
    """One sidecar on loopback, by its ports: HTTP and WebSocket, TCP, admin, gRPC."""

    port: int
    tcp_port: int
    admin_port: int
    grpc_port: int

    @property
    def http(self) -> str:
        """`http://HOST:PORT`, to which a path can be added."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket(self) -> str:
        """`ws://HOST:PORT`, to which a path can be added."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def admin(self) -> str:
        """`http://HOST:PORT` of the admin endpoints."""
        return f"http://127.0.0.1:{self.admin_port}"


class Balancer:
    """Picks the first backend that is ready; a connection that stands is never moved."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = tuple(backends)
        self._ready = set(backends)

    def pick(self) -> Backend:
        """Where the next new connection goes; if nobody is ready the first, as good as any."""
        return next(filter(self._ready.__contains__, self._backends), self._backends[0])

    def order(self) -> list[Backend]:
        """All of them, the one to `pick` first."""
        first = self.pick()
        return [first, *(backend for backend in self._backends if backend is not first)]

    async def watch(self, probe: aiohttp.ClientSession, every: float) -> None:
        """Ask each backend's `/readyz` every `every` seconds, until cancelled."""
        while True:
            for backend in self._backends:
                if await answers(probe, backend.admin + "/readyz"):
                    self._ready.add(backend)
                else:
                    self._ready.discard(backend)
            await asyncio.sleep(every)
