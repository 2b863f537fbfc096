"""An app with an answer of every kind: `python -m drainproxy.rehearsal.app --port 9000`.

- `GET /` a page for browsers, with a WebSocket and an EventSource
- `GET /hello` a short answer; `POST /echo[?seconds=0.02]` the body, after a while
- `GET /download?size=262144&seconds=5[&chunked=1]` a slow one, with Content-Length or chunked
- `GET /events[?seconds=6]` an event every 200 ms; after `seconds`, if given, the event `end`
- `GET /ws` a WebSocket that sends every message back
- every answer has the header `App-Version`, gRPC the metadata `app-version`: `--app-version`
- `--tcp-port` a port that sends every byte back; `--grpc-port` one for the calls of `grpc_app`
- `--fails 0.05`, `--slow 0.3` and `--drops-websockets` are the faults of `faults`
"""

import argparse
import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler

from drainproxy.rehearsal.faults import FAULT_HEADER, NONE, SLOW, Faults

# Which version answers.
VERSION_HEADER = "App-Version"
# Seconds between two events of /events.
EVENT_EVERY = 0.2
# How many bytes of /download are sent at once.
PIECE = 16384
# What is still being answered at SIGTERM gets this long, in seconds.
_SHUTDOWN_TIMEOUT = 1.0

_sockets: web.AppKey[WeakSet[web.WebSocketResponse]] = web.AppKey("sockets")
_faults: web.AppKey[Faults] = web.AppKey("faults")
# Each client of a crowd has a connection of its own behind the sidecar.
_BACKLOG = 1024


def content(size: int) -> Iterator[bytes]:
    """What `/download?size=SIZE` sends, piece by piece: numbered words, so that a gap shows."""
    for start in range(0, size, PIECE):
        words = struct.pack(f">{PIECE // 8}Q", *range(start // 8, (start + PIECE) // 8))
        yield words[: size - start]


def application(
    tcp_port: int | None = None,
    grpc_port: int | None = None,
    version: str = "v1",
    faults: Faults = NONE,
) -> web.Application:
    """The app; it also listens on the other ports, on loopback, for as long as it runs."""
    app = web.Application(middlewares=[_spoilt] if faults else [])
    app[_sockets] = WeakSet()
    app[_faults] = faults
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/hello", _hello),
            web.post("/echo", _echo),
            web.get("/download", _download),
            web.get("/events", _events),
            web.get("/ws", _ws),
        ]
    )
    app.on_response_prepare.append(partial(_say_version, version))
    app.on_shutdown.append(_close_sockets)
    if tcp_port is not None:
        app.cleanup_ctx.append(lambda _: _tcp_echo(tcp_port))
    if grpc_port is not None:
        from drainproxy.rehearsal import grpc_app

        app.cleanup_ctx.append(
            lambda _: grpc_app.served(grpc_port, version, _SHUTDOWN_TIMEOUT, faults)
        )
    return app


async def _say_version(version: str, request: web.Request, response: web.StreamResponse) -> None:
    response.headers[VERSION_HEADER] = version
    if request.app[_faults].slow:
        response.headers[FAULT_HEADER] = SLOW


@web.middleware
async def _spoilt(request: web.Request, handler: Handler) -> web.StreamResponse:
    if await request.app[_faults].strike(asyncio.sleep):
        return web.Response(status=500, text="this version fails, as it was told to\n")
    return await handler(request)


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(Path(__file__).with_name("page.html"))


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello\n")


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    await asyncio.sleep(_number(request, "seconds", 0.0))
    return web.Response(body=body)


async def _download(request: web.Request) -> web.StreamResponse:
    size, seconds = int(_number(request, "size", 262144.0)), _number(request, "seconds", 5.0)
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    if _number(request, "chunked", 0.0):
        response.enable_chunked_encoding()
    else:
        response.content_length = size
    await response.prepare(request)
    with _while_connected():
        for piece in content(size):
            await response.write(piece)
            await asyncio.sleep(seconds * len(piece) / size)
        await response.write_eof()
    return response


async def _events(request: web.Request) -> web.StreamResponse:
    """Without `seconds` until the client leaves, as most event streams are."""
    seconds = _number(request, "seconds", 0.0)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    with _while_connected():
        for number in range(round(seconds / EVENT_EVERY)) if seconds else itertools.count():
            await response.write(b"id: %d\ndata: %d\n\n" % (number, number))
            await asyncio.sleep(EVENT_EVERY)
        await response.write(b"event: end\ndata: that was all\n\n")
        await response.write_eof()
    return response


async def _ws(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    request.app[_sockets].add(socket)
    async for message in socket:
        if request.app[_faults].drops_websockets and request.transport is not None:
            request.transport.abort()
            break
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def _close_sockets(app: web.Application) -> None:
    sockets = app[_sockets]
    for socket in tuple(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY)


async def _tcp_echo(port: int) -> AsyncIterator[None]:
    server = await asyncio.start_server(_echo_bytes, "127.0.0.1", port, backlog=_BACKLOG)
    yield
    server.close()


async def _echo_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with _while_connected():
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
    writer.close()


def _while_connected() -> AbstractContextManager[None]:
    """That the client leaves in the middle is no error of ours."""
    return suppress(ConnectionError)


def _number(request: web.Request, name: str, default: float) -> float:
    text = request.query.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise web.HTTPBadRequest(text=f"{name} is a number from 0 to a billion\n")
    return value


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m drainproxy.rehearsal.app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--tcp-port", type=int, help="echo every byte on this loopback port too")
    parser.add_argument("--grpc-port", type=int, help="answer gRPC on this loopback port too")
    parser.add_argument("--app-version", default="v1", help="what it says that it is")
    parser.add_argument("--fails", type=float, default=0.0, help="the share that fails, 0 to 1")
    parser.add_argument("--slow", type=float, default=0.0, help="seconds that answers come later")
    parser.add_argument("--drops-websockets", action="store_true", help="at their first message")
    given = parser.parse_args()
    faults = Faults(given.fails, given.slow, given.drops_websockets)
    web.run_app(
        application(given.tcp_port, given.grpc_port, given.app_version, faults),
        host=given.host,
        port=given.port,
        print=None,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )


if __name__ == "__main__":
    main()
