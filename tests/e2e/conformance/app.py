"""What hypercorn runs for the conformance tests, as like as can be to what nghttpd does.

`/` has a page, POST gets its body back, `x-said` comes back as `x-heard`.
"""

from collections.abc import Awaitable, Callable

from tests.e2e.asgi_app import Message

PAGE = b"0123456789" * 100


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """HTTP alone."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = b""
    while (asked := await receive())["type"] == "http.request":
        body += asked["body"]
        if not asked["more_body"]:
            break
    else:
        return
    found = scope["path"] == "/"
    told = PAGE if found and scope["method"] != "POST" else body
    fields = [(b"content-length", b"%d" % len(told))]
    fields += [(b"x-heard", value) for name, value in scope["headers"] if name == b"x-said"]
    status = 200 if found else 404
    await send({"type": "http.response.start", "status": status, "headers": fields})
    told = b"" if scope["method"] == "HEAD" else told
    await send({"type": "http.response.body", "body": told, "more_body": False})
