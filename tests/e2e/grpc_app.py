"""A gRPC app whose messages are plain bytes: `python -m tests.e2e.grpc_app PORT`.

Echo       unary: the message comes back
Told       unary: the metadata that came, as JSON; metadata before and after the message
Fail       unary: ends with the [status, details] of the message, which is JSON
Late       server stream: a message, then the same end
Count      server stream: as many messages as the message says
Tick       server stream: a message every 100 ms, without end
Total      client stream: the number of messages and the SHA-256 of them all
Chat       both: each message is answered; "die" ends the process, in the middle of the call
Wait       unary: never answered
Hold       both: each message is answered, and after the client's last one nothing
Cancelled  unary: answered when the app has seen the cancellation of the Wait or Hold so named

It also serves grpc.health.v1.Health/Watch: it is well, and that does not change.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import grpc

SERVICE = "drainproxy.Test"
HEALTH, SERVING = "grpc.health.v1.Health", b"\x08\x01"
INITIAL = (("x-initial", "one"), ("x-initial", "two"), ("x-initial-bin", bytes(range(256))))
TRAILING = (("x-trailing", "last"), ("x-trailing-bin", b"\xff\x00"))

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Pings may come every 10 ms, not every five minutes.
    ("grpc.http2.min_ping_interval_without_data_ms", 10),
    ("grpc.keepalive_permit_without_calls", 1),
]

_cancelled: defaultdict[bytes, asyncio.Event] = defaultdict(asyncio.Event)


async def echo(request: bytes, context: Any) -> bytes:
    return request


async def told(request: bytes, context: Any) -> bytes:
    await context.send_initial_metadata(INITIAL)
    context.set_trailing_metadata(TRAILING)
    came = [
        (name, value.hex() if isinstance(value, bytes) else value)
        for name, value in context.invocation_metadata()
    ]
    return json.dumps(came).encode()


async def fail(request: bytes, context: Any) -> None:
    code, details = json.loads(request)
    await context.abort(grpc.StatusCode[code], details, TRAILING)


async def late(request: bytes, context: Any) -> AsyncIterator[bytes]:
    yield b"one"
    await fail(request, context)


async def count(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for number in range(int(request)):
        yield b"%d" % number


async def tick(request: bytes, context: Any) -> AsyncIterator[bytes]:
    while True:
        yield b"tick"
        # The pace of this stream.
        await asyncio.sleep(0.25)


async def total(requests: AsyncIterator[bytes], context: Any) -> bytes:
    number, digest = 0, hashlib.sha256()
    async for request in requests:
        number += 1
        digest.update(request)
    return b"%d %s" % (number, digest.hexdigest().encode())


async def chat(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        if request == b"die":
            os._exit(1)
        yield b"you said " + request


async def wait(request: bytes, context: Any) -> bytes:
    return await _until_cancelled(request)


async def hold(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    name = b""
    try:
        async for name in requests:
            yield name
    except (asyncio.CancelledError, GeneratorExit):
        # The latter where grpc.aio was still writing the answer when the end came.
        _cancelled[name].set()
        raise
    yield await _until_cancelled(name)


async def watch(request: bytes, context: Any) -> AsyncIterator[bytes]:
    yield SERVING
    await _until_cancelled(request)


async def _until_cancelled(name: bytes) -> bytes:
    never: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    try:
        return await never
    except asyncio.CancelledError:
        _cancelled[name].set()
        raise


async def cancelled(request: bytes, context: Any) -> bytes:
    await _cancelled[request].wait()
    return request


HANDLERS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Told": grpc.unary_unary_rpc_method_handler(told),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Late": grpc.unary_stream_rpc_method_handler(late),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Tick": grpc.unary_stream_rpc_method_handler(tick),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Wait": grpc.unary_unary_rpc_method_handler(wait),
    "Hold": grpc.stream_stream_rpc_method_handler(hold),
    "Cancelled": grpc.unary_unary_rpc_method_handler(cancelled),
}


async def main(port: int) -> None:
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, HANDLERS),))
    health = {"Watch": grpc.unary_stream_rpc_method_handler(watch)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(HEALTH, health),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
