"""A server that answers as Prometheus does, or as one that is ill."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from drainproxy.rollout.gate.samples import Series

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, ssl: Any = None) -> AsyncIterator[str]:
    """The address of a server whose API does that."""
    app = web.Application()
    app.router.add_post("/api/v1/query", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http{'s' if ssl else ''}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def answer(series: list[Series], **more: Any) -> web.Response:
    """A matrix."""
    result = [
        {"metric": dict(each.labels), "values": [[at, str(value)] for at, value in each.samples]}
        for each in series
    ]
    data = {"resultType": "matrix", "result": result}
    return web.json_response({"status": "success", "data": data, **more})


def saying(found: dict[str, list[Series]]) -> Handler:
    """What is known, by the name of the metric that a query begins with."""

    async def handler(request: web.Request) -> web.StreamResponse:
        query = str((await request.post())["query"])
        return answer(found.get(query.partition("{")[0], []))

    return handler


async def silent(_: web.Request) -> web.StreamResponse:
    """It takes the question and never answers."""
    await asyncio.sleep(60)
    raise AssertionError("nobody waits so long")
