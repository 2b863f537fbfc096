"""The clients notice whatever goes wrong for them, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from drainproxy.rehearsal import clients
from drainproxy.rehearsal.app import application, content
from drainproxy.rehearsal.balancer import Backend, Balancer
from drainproxy.rehearsal.clients import (
    Client,
    Download,
    Events,
    Lines,
    Questions,
    Requests,
    Score,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NOWHERE = Backend(1, 1, 1, 1)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[Balancer]:
    async with TestServer(app) as server:
        assert server.port is not None
        yield Balancer([Backend(server.port, 1, 1, 1)])


@asynccontextmanager
async def answered_by(handler: Handler) -> AsyncIterator[Balancer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with served(app) as balancer:
        yield balancer


@asynccontextmanager
async def talked_to_by(talk: Talk) -> AsyncIterator[Balancer]:
    async def talk_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(talk_and_close, "127.0.0.1", 0)
    try:
        yield Balancer([Backend(1, server.sockets[0].getsockname()[1], 1, 1)])
    finally:
        server.close()


def download(balancer: Balancer, score: Score, stop: asyncio.Event) -> Download:
    return Download(balancer, score, stop, seconds=0.02, chunked=True, size=40_000)


def events(balancer: Balancer, score: Score, stop: asyncio.Event) -> Events:
    return Events(balancer, score, stop, seconds=0.4)


def questions(balancer: Balancer, score: Score, stop: asyncio.Event) -> Questions:
    return Questions(balancer, score, stop, every=0.01)


def lines(balancer: Balancer, score: Score, stop: asyncio.Event) -> Lines:
    return Lines(balancer, score, stop, seconds=0.2)


Make = Callable[[Balancer, Score, asyncio.Event], Client]
ENDLESS: list[Make] = [Requests, questions]
FINITE: list[Make] = [download, events]


async def score_of(make: Make, balancer: Balancer) -> Score:
    """What a client lives through until it ends."""
    score = Score()
    await asyncio.wait_for(make(balancer, score, asyncio.Event()).run(), 20)
    return score


async def score_until(make: Make, balancer: Balancer, enough: Callable[[Score], bool]) -> Score:
    """What a client without an end of its own lives through until it is enough."""
    score, stop = Score(), asyncio.Event()
    running = asyncio.create_task(make(balancer, score, stop).run())
    for _ in range(2000):
        if enough(score) or running.done():
            break
        await asyncio.sleep(0.005)
    stop.set()
    await asyncio.wait_for(running, 20)
    assert enough(score), score
    return score


def many_answers(score: Score) -> bool:
    return score.done >= 5


def a_loss(score: Score) -> bool:
    return bool(score.lost)


@pytest.mark.parametrize("make", ENDLESS)
async def test_who_is_served_well_loses_nothing_until_it_is_stopped(make: Make) -> None:
    async with served(application()) as balancer:
        assert (await score_until(make, balancer, many_answers)).lost == []


@pytest.mark.parametrize("make", FINITE)
async def test_who_is_served_well_loses_nothing_and_ends(make: Make) -> None:
    async with served(application()) as balancer:
        score = await score_of(make, balancer)

    assert score.lost == []
    assert score.done
    assert score.served_at


async def test_lines_that_come_back_lose_nothing() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)

    async with talked_to_by(echo) as balancer:
        score = await score_of(lines, balancer)

    assert (score.done, score.lost) == (1, [])
    assert score.served_at


@pytest.mark.parametrize("make", ENDLESS)
async def test_nobody_there_is_a_loss_each_time(make: Make) -> None:
    score = await score_until(make, Balancer([NOWHERE]), lambda score: len(score.lost) >= 2)
    assert score.done == 0


@pytest.mark.parametrize("make", [*FINITE, lines])
async def test_nobody_there_is_one_loss_for_who_wants_one_thing(make: Make) -> None:
    score = await score_of(make, Balancer([NOWHERE]))
    assert (score.done, len(score.lost)) == (0, 1)
    assert not score.served_at


@pytest.mark.parametrize("make", [*ENDLESS, *FINITE])
async def test_a_refusal_is_a_loss(make: Make) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async with answered_by(refuse) as balancer:
        run = score_until(make, balancer, a_loss) if make in ENDLESS else score_of(make, balancer)
        assert (await run).done == 0


@pytest.mark.parametrize("make", [*ENDLESS, *FINITE])
async def test_a_connection_that_breaks_is_a_loss(make: Make) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with answered_by(hang_up) as balancer:
        run = score_until(make, balancer, a_loss) if make in ENDLESS else score_of(make, balancer)
        assert len((await run).lost) >= 1


async def test_a_request_goes_out_once_on_a_connection_that_broke() -> None:
    asked = 0

    async def answer_the_first(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked > 1 and request.transport is not None:
            request.transport.abort()
        return web.Response(body=await request.read())

    async with answered_by(answer_the_first) as balancer:
        score = await score_until(Requests, balancer, lambda score: len(score.lost) >= 3)

    assert (score.done, len(score.lost)) == (1, asked - 1)


async def test_somebody_elses_answer_is_a_loss() -> None:
    async def mix_up(_: web.Request) -> web.Response:
        return web.Response(body=b"for somebody else")

    async with answered_by(mix_up) as balancer:
        assert (await score_until(Requests, balancer, a_loss)).done == 0


async def test_a_request_that_hears_close_goes_where_the_balancer_says() -> None:
    async def say_close(request: web.Request) -> web.Response:
        answer = web.Response(body=await request.read())
        answer.force_close()
        return answer

    async with answered_by(say_close) as balancer:
        score = await score_until(Requests, balancer, lambda score: score.goodbyes >= 3)

    assert score.done == score.goodbyes
    assert score.lost == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"".join(content(39_999)),
        b"".join(content(40_001)),
        b"".join(content(39_999)) + b"!",
        b"".join(content(40_008))[8:],
    ],
    ids=["empty", "short", "long", "changed", "shifted"],
)
async def test_a_download_that_is_not_what_it_should_be_is_a_loss(body: bytes) -> None:
    async def other_bytes(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with answered_by(other_bytes) as balancer:
        assert len((await score_of(download, balancer)).lost) == 1


@pytest.mark.parametrize(
    "stream",
    [
        "id: 0\ndata: 0\n\nid: 1\ndata: 1\n\n",
        "id: 0\ndata: 0\n\nevent: end\ndata: x\n\n",
        "id: 1\ndata: 1\n\nid: 0\ndata: 0\n\nevent: end\ndata: x\n\n",
    ],
    ids=["no end", "a gap", "another order"],
)
async def test_events_with_a_gap_or_without_their_end_are_a_loss(stream: str) -> None:
    async def events_as_given(_: web.Request) -> web.Response:
        return web.Response(text=stream)

    async with answered_by(events_as_given) as balancer:
        assert len((await score_of(events, balancer)).lost) == 1


def websocket(talk: Callable[[web.WebSocketResponse], Awaitable[None]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await talk(socket)
        return socket

    return handler


async def test_1001_in_a_pause_is_a_goodbye_and_the_next_connection_goes_on() -> None:
    async def answer_once(socket: web.WebSocketResponse) -> None:
        await socket.send_str(await socket.receive_str())
        await socket.close(code=1001)

    async with answered_by(websocket(answer_once)) as balancer:
        score = await score_until(questions, balancer, lambda score: score.goodbyes >= 3)

    assert score.lost == []
    assert score.done >= 3


async def test_1001_instead_of_an_answer_is_a_loss() -> None:
    async def listen_only(socket: web.WebSocketResponse) -> None:
        await socket.receive_str()
        await socket.close(code=1001)

    async with answered_by(websocket(listen_only)) as balancer:
        score = await score_until(questions, balancer, a_loss)

    assert (score.goodbyes, score.done) == (0, 0)


async def test_any_other_code_is_a_loss() -> None:
    async def restart(socket: web.WebSocketResponse) -> None:
        await socket.send_str(await socket.receive_str())
        await socket.close(code=1012)

    async with answered_by(websocket(restart)) as balancer:
        assert (await score_until(questions, balancer, a_loss)).goodbyes == 0


@pytest.mark.parametrize("answers", [["wrong"], ["question 1", "and more"]])
async def test_a_message_that_was_not_asked_for_is_a_loss(answers: list[str]) -> None:
    async def say(socket: web.WebSocketResponse) -> None:
        for answer in answers:
            await socket.send_str(answer)
        await socket.receive()

    async with answered_by(websocket(say)) as balancer:
        await score_until(questions, balancer, a_loss)


async def test_no_answer_is_a_loss_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PATIENCE", 0.2)

    async def keep_silent(socket: web.WebSocketResponse) -> None:
        await socket.receive_str()
        await socket.receive()

    async with answered_by(websocket(keep_silent)) as balancer:
        assert "no answer within 0.2 s" in (await score_until(questions, balancer, a_loss)).lost


@pytest.mark.parametrize("said", [b"", b"another line\n", b"line 0\nand more\n"])
async def test_a_line_that_does_not_come_back_as_it_went_is_a_loss(said: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)

    async with talked_to_by(say) as balancer:
        assert len((await score_of(lines, balancer)).lost) == 1


async def test_a_client_has_begun_with_its_first_answer_or_loss() -> None:
    async with served(application()) as balancer:
        for backend in (balancer, Balancer([NOWHERE])):
            client = download(backend, Score(), asyncio.Event())
            running = asyncio.create_task(client.run())
            await asyncio.wait_for(client.begun.wait(), 10)
            await running
