"""An app that is away for a moment: nobody hears of it who can wait, and the log says it."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.e2e.either_app import EVENT, MESSAGE, either_app
from tests.e2e.either_client import (
    CALL,
    EITHER,
    EVENTS,
    HTTP1,
    HTTP2,
    PAGE,
    WAIT,
    WEBSOCKET,
    Asked,
    asked,
    close_code,
    whole,
)
from tests.e2e.process import PATIENCE, Sidecar, ask, sidecar

# Whoever waits for its end is waited for.
WAITS = (
    *("--websocket-drain", "wait", "--sse-drain", "wait"),
    *("--drain-timeout", "60s", "--drain-delay", "30s"),
)
# Nothing is asked of an app that is away but what a client asks first.
FIRST = [(over, question) for over, question in EITHER if question not in (WEBSOCKET, WAIT)]


@pytest.fixture(scope="module")
def waiting(app_port: int) -> Iterator[Sidecar]:
    """A sidecar whose drains wait for all that has no end."""
    with sidecar(f"127.0.0.1:{app_port}", *WAITS) as running:
        yield running


async def until(running: Sidecar, words: str) -> None:
    """Wait until the log says this."""
    await asyncio.to_thread(running.process.until, lambda: words in running.process.output)


async def test_who_asks_while_the_app_is_away_is_answered_when_it_is_back(
    waiting: Sidecar, app_port: int
) -> None:
    async def answered(over: str, question: str) -> tuple[str, bytes]:
        async with asked(waiting.port, over, question) as it:
            return (await it.head())[":status"], await it.piece()

    async with either_app(app_port):
        assert await answered(HTTP1, PAGE) == ("200", b"ok")
    await until(waiting, f"the app at 127.0.0.1:{app_port} is away")
    asking = [asyncio.create_task(answered(*each)) for each in FIRST]
    await asyncio.to_thread(waiting.until_in_flight, http1=2, http2=2, grpc=1)
    async with either_app(app_port), asyncio.timeout(PATIENCE):
        told = await asyncio.gather(*asking)
        await until(waiting, f"the app at 127.0.0.1:{app_port} is back")
    begun = {PAGE: b"ok", EVENTS: EVENT, CALL: MESSAGE}
    expected = [("200", begun[question]) for _, question in FIRST]
    expected[FIRST.index((HTTP2, PAGE))] = ("200", b"")
    assert told == expected


async def test_who_asks_hears_that_the_app_stays_away_and_the_log_says_who_was_refused(
    app_port: int,
) -> None:
    """RFC 9110 15.6.4; gRPC, "Statuscodes": UNAVAILABLE."""
    with sidecar(f"127.0.0.1:{app_port}", "--connect-timeout", "50ms") as running:
        for over, question in FIRST:
            async with asked(running.port, over, question) as it:
                head = await it.head()
                if question == CALL:
                    assert head["grpc-status"] == "14"
                else:
                    assert head[":status"] == "503"
                    assert int(head["retry-after"]) > 0
        log = running.process.output
        assert "refused: 503 the app does not accept connections reason=app peer=" in log
        assert log.count("refused: 503 ") == len(FIRST)
        assert running.metric('drainproxy_rejected_total{reason="app-away"}') == len(FIRST)


@pytest.mark.parametrize(("restarts", "code"), [(False, 1014), (True, 1012)])
async def test_whoever_is_served_by_an_app_that_dies_hears_of_it_in_its_own_way(
    restarts: bool, code: int, waiting: Sidecar, app_port: int
) -> None:
    """IANA, WebSocket Close Code Number Registry: 1012 is a restart, 1014 a bad gateway. At the end
    of its stream an EventSource connects again (WHATWG HTML 9.2.3)."""
    hook: asyncio.Task[object] | None = None
    there: dict[tuple[str, str], Asked] = {}
    async with AsyncExitStack() as clients:
        async with either_app(app_port):
            for over, question in (each for each in EITHER if each[1] != PAGE):
                it = await clients.enter_async_context(asked(waiting.port, over, question))
                there[over, question] = it
                if question != WAIT:
                    await it.head()
                if question in (EVENTS, CALL):
                    await it.piece()
            await asyncio.to_thread(waiting.until_in_flight, websocket=2, sse=2, grpc=2)
            if restarts:
                hook = asyncio.create_task(asyncio.to_thread(ask, waiting.admin, "/prestop?of=app"))
                # Whether the hook of the sidecar follows is known after half a second.
                await asyncio.to_thread(
                    waiting.process.until, lambda: "restarts" in str(waiting.get("/readyz")[1])
                )
        # The app is gone.
        assert [await close_code(there[over, WEBSOCKET]) for over in (HTTP1, HTTP2)] == [code] * 2
        for over in (HTTP1, HTTP2):
            assert (await whole(there[over, EVENTS])).startswith(b"retry: ")
        assert await whole(there[HTTP2, CALL]) == b""
        assert there[HTTP2, CALL].trailers["grpc-status"] == "14"
        assert (await there[HTTP2, WAIT].head())["grpc-status"] == "14"
    if hook is not None:
        await asyncio.to_thread(waiting.post, "/undrain")
        await hook
