"""HAProxy as the balancer: TCP mode, and its servers changed at run time through its own socket.

Management guide, "Unix Socket commands": `set server BACKEND/SERVER addr|weight|state`.
"""

import asyncio
import csv
import shutil
from collections.abc import Mapping
from pathlib import Path

from drainproxy.rehearsal.balancer import Address, Endpoint
from drainproxy.rehearsal.processes import Process, Processes, StartFailed

_SLOTS = 40
_READY_WITHIN, _LOOK_EVERY = 5.0, 0.02
# HAProxy's weights are 0 to 256.
_FULL_WEIGHT = 200

_CONFIG = """
global
  stats socket {socket} mode 600 level admin
  maxconn 4000
defaults
  mode tcp
  balance roundrobin
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  # As kube-proxy: a connection that nobody takes is not tried elsewhere.
  retries 0
  no option redispatch
"""

_SERVICE = """
frontend {service}-in
  bind 127.0.0.1:{port}
  default_backend {service}
backend {service}
  server-template replica 1-{slots} 127.0.0.1:1 disabled
"""


class HAProxy:
    """The same as `Balancer`, by somebody else."""

    # It does not tell us of those.
    refused = unplaced = 0

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._socket = folder / "haproxy.sock"
        self._services: tuple[str, ...] = ()
        self._slots: dict[str, int] = {}
        self._process: Process | None = None

    async def listen(self, ports: Mapping[str, int]) -> None:
        """Start it; StartFailed if it is not installed or a port is taken."""
        program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise StartFailed("--balancer haproxy: haproxy is not installed")
        self._services = tuple(ports)
        services = [
            _SERVICE.format(service=service, port=port, slots=_SLOTS)
            for service, port in ports.items()
        ]
        config = self._folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(socket=self._socket) + "".join(services))
        self._process = self._processes.start("haproxy", program, "-db", "-f", str(config))
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not self._socket.exists():
                    self._process.check()
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            raise StartFailed(f"haproxy was not ready within {_READY_WITHIN:g} s") from None

    async def put(self, endpoint: Endpoint, weight: float = 1.0) -> None:
        """Send it this share of the new connections."""
        slot = self._slots.setdefault(endpoint.name, len(self._slots) + 1)
        for service in self._services:
            await self._enable(f"{service}/replica{slot}", endpoint.addresses[service], weight)

    async def _enable(self, server: str, address: Address, weight: float) -> None:
        host, port = address
        await self._say(f"set server {server} addr {host} port {port}")
        share = max(1, round(weight * _FULL_WEIGHT)) if weight else 0
        await self._say(f"set server {server} weight {share}")
        await self._say(f"set server {server} state ready")

    async def retire(self, endpoint: Endpoint) -> None:
        """Send it no new connections: it has no such rule."""
        await self.remove(endpoint)

    async def remove(self, endpoint: Endpoint) -> None:
        """Send it no new connections."""
        for service in self._services:
            await self._say(f"set server {service}/replica{self._slots[endpoint.name]} state maint")

    async def connections(self) -> Mapping[str, int]:
        """How many are open now, by the endpoint's name."""
        names = {f"replica{slot}": name for name, slot in self._slots.items()}
        found: dict[str, int] = {}
        stats = (await self._say("show stat")).lstrip("# ")
        for row in csv.DictReader(stats.splitlines()):
            if (name := names.get(row["svname"])) and int(row["scur"]):
                found[name] = found.get(name, 0) + int(row["scur"])
        return found

    def version_at(self, port: int) -> str:
        """It would tell who is where, but not as fast as clients ask."""
        return ""

    async def close(self) -> None:
        """It ends with the other processes."""

    async def _say(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        writer.write(f"{command}\n".encode())
        answer = await reader.read()
        writer.close()
        return answer.decode().strip()
