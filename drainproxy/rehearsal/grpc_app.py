"""The gRPC part of the demo app, whose messages are plain bytes.

- `Echo` unary: the message comes back after 20 ms
- `Count` server stream: as many numbers as the message says, one every 200 ms
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from drainproxy.rehearsal.faults import FAULT_HEADER, NONE, SLOW, Faults

SERVICE = "drainproxy.Demo"
ECHO, COUNT = f"/{SERVICE}/Echo", f"/{SERVICE}/Count"
# Which version answers, as metadata before the first message.
VERSION_KEY = "app-version"
FAULT_KEY = FAULT_HEADER.lower()
# Seconds from a call of Echo to its answer, and between two numbers of Count.
ANSWERS_AFTER = 0.02
NUMBER_EVERY = 0.2


async def served(
    port: int, version: str, shutdown_timeout: float, faults: Faults = NONE
) -> AsyncIterator[None]:
    """Serve on this loopback port until it goes on; calls then have `shutdown_timeout` seconds."""
    metadata = ((VERSION_KEY, version), *(((FAULT_KEY, SLOW),) if faults.slow else ()))

    async def begin(context: Any) -> None:
        if await faults.strike(asyncio.sleep):
            await context.abort(grpc.StatusCode.INTERNAL, "this version fails, as it was told to")
        await context.send_initial_metadata(metadata)

    async def echo(message: bytes, context: Any) -> bytes:
        await begin(context)
        await asyncio.sleep(ANSWERS_AFTER)
        return message

    async def count(message: bytes, context: Any) -> AsyncIterator[bytes]:
        await begin(context)
        for number in range(int(message)):
            yield b"%d" % number
            await asyncio.sleep(NUMBER_EVERY)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield
    await server.stop(shutdown_timeout)
