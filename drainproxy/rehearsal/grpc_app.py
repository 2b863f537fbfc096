"""The gRPC part of the demo app, whose messages are plain bytes.

- `Echo` unary: the message comes back after 20 ms
- `Count` server stream: as many numbers as the message says, one every 200 ms
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

SERVICE = "drainproxy.Demo"
ECHO, COUNT = f"/{SERVICE}/Echo", f"/{SERVICE}/Count"
# Seconds from a call of Echo to its answer, and between two numbers of Count.
ANSWERS_AFTER = 0.02
NUMBER_EVERY = 0.2


async def served(port: int, shutdown_timeout: float) -> AsyncIterator[None]:
    """Serve on this loopback port until it goes on; calls then have `shutdown_timeout` seconds."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(_echo),
        "Count": grpc.unary_stream_rpc_method_handler(_count),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield
    await server.stop(shutdown_timeout)


async def _echo(message: bytes, _: Any) -> bytes:
    await asyncio.sleep(ANSWERS_AFTER)
    return message


async def _count(message: bytes, _: Any) -> AsyncIterator[bytes]:
    for number in range(int(message)):
        yield b"%d" % number
        await asyncio.sleep(NUMBER_EVERY)
