"""An ASGI app with work that takes a while.

POST /echo?seconds=1      the body, after a while
GET /events?seconds=5     an event every 100 ms, then the event `end`; with `&from=3` from that on,
                          with `&ids=0` without ids
/ws                       a WebSocket that sends every message back
gRPC, over HTTP/2         .../Call a message every 100 ms, .../Wait no answer, else the message
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Seconds between two events, or messages.
EVERY = 0.1
# A gRPC message of one byte.
MESSAGE = b"\0\0\0\0\1x"


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Bodies and messages come back, after a while; events are numbered from `from` on."""
    if scope["type"] == "lifespan":
        return
    query = {name: float(text) for name, text in parse_qsl(scope["query_string"].decode())}
    if scope["type"] == "websocket":
        await _echo_messages(receive, send)
    elif (b"content-type", b"application/grpc") in scope["headers"]:
        await _answer_call(scope["path"], receive, send)
    elif scope["path"] == "/events":
        numbers = range(int(query.get("from", 0)), round(query["seconds"] / EVERY))
        await _send_events(numbers, send, ids=bool(query.get("ids", 1)))
    else:
        body = await _whole(receive)
        await asyncio.sleep(query.get("seconds", 0.0))
        length = b"%d" % len(body)
        await _begin(send, (b"content-length", length))
        await send({"type": "http.response.body", "body": body})


async def _echo_messages(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (said := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": said["text"]})


async def _send_events(numbers: range, send: Send, *, ids: bool) -> None:
    await _begin(send, (b"content-type", b"text/event-stream"))
    for number in numbers:
        event = b"id: %d\n" % number if ids else b""
        event += b"data: event %d\n\n" % number
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(EVERY)  # the pace of the app
    await send({"type": "http.response.body", "body": b"event: end\ndata: that was all\n\n"})


async def _answer_call(path: str, receive: Receive, send: Send) -> None:
    if path.endswith("/Wait"):
        await asyncio.Event().wait()
    body = await _whole(receive)
    headers = [(b"content-type", b"application/grpc")]
    start = {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
    await send(start)
    while path.endswith("/Call"):
        await send({"type": "http.response.body", "body": MESSAGE, "more_body": True})
        await asyncio.sleep(EVERY)  # the pace of the app
    await send({"type": "http.response.body", "body": body})
    await send({"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")]})


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
    return body


async def _begin(send: Send, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
