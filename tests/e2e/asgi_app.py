"""An ASGI app for uvicorn: it sends bodies and WebSocket messages back."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """HTTP and WebSocket, nothing else."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        more = True
        while more:
            asked = await receive()
            more = asked.get("more_body", False)
            body = asked.get("body", b"")
            await send({"type": "http.response.body", "body": body, "more_body": more})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (said := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": said["text"]})
