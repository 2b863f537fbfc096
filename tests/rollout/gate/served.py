"""A gate that serves, in front of a Prometheus that answers as a test wants it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, web

from drainproxy.rollout.gate.prometheus import PrometheusServer
from drainproxy.rollout.gate.record import RecordSource
from drainproxy.rollout.gate.serve import Gate, Token
from tests.rollout.gate.fake_prometheus import Handler, answer, serving, silent
from tests.rollout.gate.fleet import Fleet


def prometheus(bad: int, canary: str, requests: int = 1000) -> Handler:
    """As of the moment that is asked about: so many requests of a canary, which this matcher
    selects, and so many errors, beside a stable version without any."""
    its, others = Fleet().requests(requests, bad), Fleet(5).requests(1000)

    async def handler(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        query, now = str(form["query"]), float(str(form["time"]))
        fleet = its if canary in query else others
        return answer(fleet.scraped(query.partition("{")[0], now))

    return handler


@asynccontextmanager
async def gate(
    handler: Handler, token: Path | None = None, record: RecordSource | None = None
) -> AsyncIterator[ClientSession]:
    """A client of a gate whose Prometheus does that."""
    # One that answers may be slow on a busy machine.
    timeout = 1.0 if handler is silent else 15.0
    async with serving(handler) as url:
        runner = web.AppRunner(
            Gate(PrometheusServer(url, timeout=timeout), Token(token), record).application(),
            shutdown_timeout=0.1,
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
                yield client
        finally:
            await runner.cleanup()
