"""What the clients say is what happened to them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf

import pytest
from aiohttp import WSCloseCode, web

from drainproxy.rehearsal import scores
from drainproxy.rehearsal.app import application
from drainproxy.rehearsal.asking import Lost
from drainproxy.rehearsal.balancer import Balancer, Endpoint
from drainproxy.rehearsal.clients import (
    GOODBYES_OF_THE_DEAD,
    Client,
    Events,
    Questions,
    Requests,
    Target,
)
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.scores import Clock, Score
from tests.rehearsal.lived import has_failed, lived, three

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[Target]:
    (port,) = free_ports(1)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield Target(port, 0, pause=0.01, question_every=0.05)
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a client's first request is drawn, and every 50th would be a download."""
    monkeypatch.setattr(Requests, "DOWNLOAD_EVERY", 1_000_000_000)


def answering(path: str, handler: Handler) -> web.Application:
    app = web.Application()
    app.router.add_route("*", path, handler)
    return app


def has_heard_goodbye(score: Score) -> bool:
    return score.goodbyes > 1


@pytest.mark.parametrize("kind", [Requests, Questions, Events])
async def test_of_an_app_that_answers_nothing_is_lost(kind: type[Client]) -> None:
    async with served(application(version="v7")) as service:
        score = await lived(kind, service, three)
    assert not score.failed
    assert score.requests >= 3
    assert {v for second in score.seconds.values() for v in second.answered} == {"v7"}
    assert score.longest_gap > 0


@pytest.mark.parametrize("kind", [Requests, Questions, Events])
async def test_where_nobody_listens_it_is_refused(kind: type[Client]) -> None:
    (port,) = free_ports(1)
    score = await lived(kind, Target(port, 0), has_failed)
    assert set(score.failed) == {scores.REFUSED}


@pytest.mark.parametrize(
    ("headers", "how"), [({}, scores.APP_5XX), ({"Proxy-Status": "x"}, scores.PROXY_5XX)]
)
@pytest.mark.parametrize(
    ("kind", "path"), [(Requests, "/echo"), (Questions, "/ws"), (Events, "/events")]
)
async def test_an_error_is_the_apps_or_the_proxys(
    kind: type[Client], path: str, headers: dict[str, str], how: str
) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=503, headers=headers)

    async with served(answering(path, fail)) as service:
        score = await lived(kind, service, has_failed)
    assert score.failed[how] == score.failed.total()


async def test_an_answer_to_somebody_else_is_wrong() -> None:
    async def confuse(_: web.Request) -> web.Response:
        return web.Response(text="not yours")

    async with served(answering("/echo", confuse)) as service:
        score = await lived(Requests, service, has_failed)
    assert set(score.failed) == {scores.WRONG}


async def test_connection_close_is_a_goodbye() -> None:
    async def echo(request: web.Request) -> web.Response:
        response = web.Response(body=await request.read())
        response.force_close()
        return response

    async with served(answering("/echo", echo)) as service:
        score = await lived(Requests, service, has_heard_goodbye)
    assert not score.failed
    assert score.goodbyes == score.exchanges > 1


async def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_connection_that_ends_before_an_answer_was_fresh_or_was_used_before() -> None:
    async with served(answering("/echo", drop)) as service:
        score = await lived(Requests, service, has_failed)
    assert set(score.failed) == {scores.REFUSED}

    seen = Counter[str]()

    async def once(request: web.Request) -> web.StreamResponse:
        seen["requests"] += 1
        if seen["requests"] > 1:
            return await drop(request)
        return web.Response(body=await request.read())

    async with served(answering("/echo", once)) as service:
        score = await lived(Requests, service, has_failed)
    assert score.failed[scores.RESET_BEFORE] == 1


async def test_a_body_that_breaks_off_is_a_reset_after_bytes() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"half")
        return await drop(request)

    async with served(answering("/echo", half)) as service:
        score = await lived(Requests, service, has_failed)
    assert set(score.failed) == {scores.RESET_AFTER}


async def closing(request: web.Request, code: int) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(await socket.receive_str())
    await socket.close(code=code)
    return socket


async def test_1001_is_a_goodbye_and_any_other_code_is_not() -> None:
    async def go_away(request: web.Request) -> web.WebSocketResponse:
        return await closing(request, WSCloseCode.GOING_AWAY)

    async with served(answering("/ws", go_away)) as service:
        score = await lived(Questions, service, has_heard_goodbye)
    assert (score.failed.total(), score.goodbyes > 1) == (0, True)

    async def fail(request: web.Request) -> web.WebSocketResponse:
        return await closing(request, WSCloseCode.INTERNAL_ERROR)

    async with served(answering("/ws", fail)) as service:
        score = await lived(Questions, service, has_failed)
    assert set(score.failed) == {"ws 1011"}


async def test_a_websocket_that_breaks_off_is_1006() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_str()
        return await drop(request)

    async with served(answering("/ws", break_off)) as service:
        score = await lived(Questions, service, has_failed)
    assert set(score.failed) == {"ws 1006"}


@pytest.mark.parametrize(
    ("last", "lost"),
    [("retry: 1\n\n", 0), ("", 1), ("id: 2\n\n", 1)],
    ids=["told to come again", "without a word", "with a gap"],
)
async def test_an_event_stream_may_end_if_it_says_when_to_come_again(last: str, lost: int) -> None:
    async def two(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"id: 0\ndata: 0\n\n{last}".encode())
        return response

    def enough(score: Score) -> bool:
        return score.failed.total() + score.goodbyes > 1

    async with served(answering("/events", two)) as service:
        score = await lived(Events, service, enough)
    assert bool(score.failed) == bool(lost)
    assert bool(score.goodbyes) != bool(lost)


@pytest.mark.parametrize(("after", "crossed"), [(0.0, True), (0.3, False)])
async def test_a_question_that_meets_a_close_on_the_wire_is_asked_again_but_no_later_one(
    after: float, crossed: bool
) -> None:
    async def leave_unanswered(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_str()
        # The time between question and Close is what is tested.
        await asyncio.sleep(after)
        await socket.close(code=WSCloseCode.GOING_AWAY)
        return socket

    def enough(score: Score) -> bool:
        return score.failed.total() + score.crossed > 0

    async with served(answering("/ws", leave_unanswered)) as service:
        score = await lived(Questions, service, enough)
    assert bool(score.crossed) == crossed
    assert set(score.failed) == (set() if crossed else {scores.UNANSWERED})


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async def lead_away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://nowhere.invalid/"})

    async with served(answering("/", lead_away)) as service:
        score = await lived(Requests, replace(service, built_in=False), three)
    assert not score.failed


async def test_what_is_no_event_stream_is_a_wrong_answer() -> None:
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.headers["Accept"])
        return web.Response(text="<p>hello", content_type="text/html")

    async with served(answering("/events", page)) as service:
        score = await lived(Events, replace(service, built_in=False), has_failed)
    assert list(score.reasons) == ["wrong answer: no event stream, but text/html"]
    assert asked[0] == "text/event-stream"


@pytest.mark.parametrize("kind", [Requests, Questions, Events])
async def test_the_version_is_the_one_that_the_balancer_knows_before_what_an_app_says(
    kind: type[Client],
) -> None:
    # An app that says v1 for ever.
    (port,) = free_ports(1)
    balancer = Balancer()
    await balancer.listen({"http": port})
    async with served(application(version="v1")) as service:
        where = {"http": ("127.0.0.1", service.http_port)}
        await balancer.put(Endpoint("v2-7", where, "v2"))
        behind = replace(service, http_port=port, version_at=balancer.version_at)
        score = await lived(kind, behind, three)
        await balancer.close()
    assert {v for second in score.seconds.values() for v in second.answered} == {"v2"}


async def test_a_request_is_lost_with_the_app_if_that_was_killed_after_it_was_sent() -> None:
    class Kept(Requests):
        """On a connection that was used before: a fresh one could be a refusal."""

        async def work(self) -> None:
            raise Lost(scores.RESET_BEFORE, "so it is")

    for last_kill, lost_with_it in ((inf, True), (1e9, True), (-1.0, False), (-inf, False)):
        score, stop = Score(Clock()), asyncio.Event()
        score.clock.last_kill = last_kill
        await Kept(Target(1, 0), score, stop).once()
        assert bool(score.with_app) == lost_with_it
        assert bool(score.failed) != lost_with_it


@pytest.mark.parametrize("how", [scores.REFUSED, scores.RESET_AFTER])
async def test_no_refusal_and_no_event_stream_is_lost_with_an_app(how: str) -> None:
    class Stream(Events):
        async def _listen(self) -> None:
            raise Lost(how, "so it is")

    class Refused(Requests):
        async def work(self) -> None:
            raise Lost(scores.REFUSED, "so it is")

    for kind in (Stream, Refused):
        score = Score(Clock())
        score.clock.last_kill = inf
        await kind(Target(1, 0), score, asyncio.Event()).once()
        assert not score.with_app
        assert score.failed


@pytest.mark.parametrize(("close", "polite"), [(1012, True), (1014, True), (1011, False)])
async def test_where_apps_are_killed_a_websocket_may_hear_that_they_were(
    close: int, polite: bool
) -> None:
    async def say(request: web.Request) -> web.WebSocketResponse:
        return await closing(request, close)

    def enough(score: Score) -> bool:
        return score.failed.total() + score.goodbyes > 0

    async with served(answering("/ws", say)) as service:
        known = replace(service, goodbyes=GOODBYES_OF_THE_DEAD)
        score = await lived(Questions, known, enough)
        assert bool(score.goodbyes) == polite
        assert (await lived(Questions, service, enough)).failed[f"ws {close}"]
