"""New connections go to the first sidecar that is ready."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from drainproxy.rehearsal.balancer import Backend, Balancer

# What /readyz answers, by the port that is asked; the test turns it.
Readiness = dict[int, int]


@asynccontextmanager
async def two_backends() -> AsyncIterator[tuple[list[Backend], Readiness]]:
    readiness: Readiness = {}

    async def readyz(request: web.Request) -> web.Response:
        return web.Response(status=readiness[request.url.port or 0])

    async with AsyncExitStack() as stack:
        for _ in range(2):
            app = web.Application()
            app.router.add_get("/readyz", readyz)
            server = await stack.enter_async_context(TestServer(app))
            assert server.port is not None
            readiness[server.port] = 200
        yield [Backend(1, 2, port, 3) for port in readiness], readiness


@asynccontextmanager
async def watched(backends: list[Backend]) -> AsyncIterator[Balancer]:
    balancer = Balancer(backends)
    async with aiohttp.ClientSession() as probe:
        watching = asyncio.create_task(balancer.watch(probe, 0.005))
        yield balancer
        assert not watching.done()
        watching.cancel()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def test_all_goes_to_the_first_as_long_as_it_is_ready() -> None:
    async with two_backends() as ((first, second), readiness), watched([first, second]) as balancer:
        readiness[second.admin_port] = 503
        await asyncio.sleep(0.05)
        assert balancer.pick() is first


async def test_what_is_not_ready_gets_nothing_new_until_it_is_again() -> None:
    async with two_backends() as ((first, second), readiness), watched([first, second]) as balancer:
        readiness[first.admin_port] = 503
        await until(lambda: balancer.pick() is second)
        readiness[first.admin_port] = 200
        await until(lambda: balancer.pick() is first)


async def test_whoever_can_go_to_several_begins_with_the_one_that_is_picked() -> None:
    async with two_backends() as ((first, second), readiness), watched([first, second]) as balancer:
        assert balancer.order() == [first, second]
        readiness[first.admin_port] = 503
        await until(lambda: balancer.order() == [second, first])


async def test_what_does_not_answer_is_not_ready() -> None:
    async with two_backends() as ((_, second), _):
        gone = Backend(1, 2, 1, 3)
        async with watched([gone, second]) as balancer:
            await until(lambda: balancer.pick() is second)


async def test_if_nobody_is_ready_the_first_has_to_do() -> None:
    async with two_backends() as ((first, second), readiness), watched([first, second]) as balancer:
        readiness[first.admin_port] = 503
        await until(lambda: balancer.pick() is second)
        readiness[second.admin_port] = 503
        await until(lambda: balancer.pick() is first)
