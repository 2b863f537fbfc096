"""The floor of any proxy in Python: two sockets tied together on uvloop, nothing read.

python -m loadtests.bench.pipe LISTEN_PORT APP_PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One end of a pair; what it receives is written to its `peer`."""

    peer: Side
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.transport.close()


class Accepted(asyncio.Protocol):
    """The client's end until the app's end stands, then a `Side` takes its place.

    Pausing in `connection_made` would do nothing: uvloop begins to read after it.
    """

    def __init__(self, app_port: int) -> None:
        self._app_port = app_port
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        self._early.append(data)
        self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connecting.cancel()

    async def _connect(self) -> None:
        client, app = Side(), Side()
        client.transport = self._transport
        client.peer, app.peer = app, client
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: app, "127.0.0.1", self._app_port)
        except OSError:
            self._transport.abort()
            return
        self._transport.set_protocol(client)
        app.transport.writelines(self._early)
        self._transport.resume_reading()


async def serve(port: int, app_port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Accepted(app_port), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
