"""An ASGI app that sends messages back, but for "think"; at "enough" it closes with CODE."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

CODE, REASON = 4000, "as you like"


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """WebSockets, and requests that are answered with nothing."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (said := await receive())["type"] == "websocket.receive":
            if said["text"] == "enough":
                await send({"type": "websocket.close", "code": CODE, "reason": REASON})
                return
            if said["text"] != "think":
                await send({"type": "websocket.send", "text": said["text"]})
