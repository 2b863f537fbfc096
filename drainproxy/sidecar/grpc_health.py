"""`grpc.health.v1.Health`: the state of `/readyz` for probes and clients that speak gRPC.

grpcio takes 12 MB, so it is imported only if this is enabled. It runs on our own loop (grpc.aio),
since the threaded server needs a thread for each watcher.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from errno import EADDRINUSE
from types import ModuleType
from typing import Any

from drainproxy.config import Address, Settings
from drainproxy.extras import install_hint
from drainproxy.sidecar.listener import bind
from drainproxy.sidecar.readiness import Readiness
from drainproxy.sidecar.wiring import descriptors
from drainproxy.wire.grpc_health import (
    NOT_SERVING,
    SERVICE_UNKNOWN,
    SERVING,
    Malformed,
    requested_service,
    response,
)

SERVICE = "grpc.health.v1.Health"
# In seconds: a watcher is told of a change so soon.
LOOK_EVERY = 0.1
# In seconds: how long `stop` waits for clients that do not react to GOAWAY.
_GRACE = 0.2
# In milliseconds: how long the HTTP/2 handshake may take, and a connection be without a call.
_BEGIN_WITHIN, _IDLE = 2000, 10_000

log = logging.getLogger("drainproxy")


def problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The problems of the settings on this machine, as (setting, problem): grpcio is missing."""
    if settings.grpc_health is None:
        return
    try:
        _grpc()
    except ImportError as error:
        yield "grpc-health", f"needs grpcio, {install_hint('grpc-health')}: {error}"


class GrpcHealth:
    """The server, from `start` to `stop`; without the setting `grpc-health` both do nothing."""

    def __init__(self, settings: Settings, readiness: Readiness) -> None:
        self._address = settings.grpc_health
        self._readiness = readiness
        self._most = descriptors(settings).health
        self._server: Any = None
        self._over = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        """Listen; OSError, with a message for an operator, if this fails."""
        if self._address is None:
            return
        self._grpc = _grpc()
        server = self._grpc.aio.server(options=_options(self._most))
        server.add_generic_rpc_handlers((self._handlers(),))
        for host in _hosts(self._address):
            self.port = _listen(server, host)
        await server.start()
        self._server = server
        log.info("gRPC health checks are on port %d", self.port)

    async def stop(self) -> None:
        """End the watches, whose clients know of the drain, and stop the server."""
        self._over.set()
        if self._server is not None:
            await self._server.stop(_GRACE)

    def _handlers(self) -> Any:
        grpc = self._grpc
        methods = {
            "Check": grpc.unary_unary_rpc_method_handler(self._check),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def _check(self, request: bytes, context: Any) -> bytes:
        if service := await self._service(request, context):
            await context.abort(self._grpc.StatusCode.NOT_FOUND, f"no service {service!r} here")
        return response(_status(await self._readiness.problem()))

    async def _watch(self, request: bytes, context: Any) -> None:
        if await self._service(request, context):
            await context.write(response(SERVICE_UNKNOWN))
            # The protocol lets the call go on: the service might become known later.
            await self._over.wait()
            return
        status, said = _status(await self._readiness.problem()), 0
        while True:
            if status != said:
                await context.write(response(status))
                said = status
            elif self._over.is_set():
                return
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._over.wait()
            # The state may have changed during the write.
            problem = self._readiness.known()
            if problem is not None:
                status = _status(problem)

    async def _service(self, request: bytes, context: Any) -> str:
        """The name of the requested service; only the empty one is known, which is the sidecar."""
        try:
            return requested_service(request)
        except Malformed as error:
            await context.abort(self._grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise


def _options(most: int) -> tuple[tuple[str, int], ...]:
    """Options of the server: at most `most` connections, since they take file descriptors from
    others, and none may be idle for long, so that a probe finds a place."""
    return (
        # Two servers on one port would each get a part of the probes.
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", most),
        ("grpc.server_handshake_timeout_ms", _BEGIN_WITHIN),
        ("grpc.max_connection_idle_ms", _IDLE),
    )


def _status(problem: str) -> int:
    return NOT_SERVING if problem else SERVING


def _grpc() -> ModuleType:
    import grpc.aio

    module: ModuleType = grpc
    return module


def _hosts(address: Address) -> list[str]:
    """`HOST:PORT` of each socket that is to listen. Binding is tried here, because grpcio writes
    its reasons for a failure to stderr."""
    found = []
    for sock in bind(address, "grpc-health"):
        with sock:
            found.append(str(Address(*sock.getsockname()[:2])))
    return found


def _listen(server: Any, host: str) -> int:
    try:
        port: int = server.add_insecure_port(host)
    except RuntimeError as error:
        raise OSError(EADDRINUSE, f"grpc-health: cannot listen on {host}: {error}") from None
    return port
