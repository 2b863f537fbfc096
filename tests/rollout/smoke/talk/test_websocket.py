"""WebSockets: opened, spoken on and ended, and what goes wrong with that."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from drainproxy.rollout.smoke.stage import Stage
from drainproxy.rollout.smoke.talk.heard import Heard
from tests.rollout.smoke.talk.asked import SHORT, asked
from tests.rollout.smoke.talk.servers import (
    ALERT,
    SETTINGS,
    Script,
    dripping,
    gone,
    reset,
    says,
    serving,
    silent,
)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """What is asked for by path."""
    async with serve(_answer, "127.0.0.1", 0, select_subprotocol=_choose) as server:
        yield next(iter(server.sockets)).getsockname()[1]


def _choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("b") if "b" in offered else None


# One path for each way in which a server behaves.
async def _answer(socket: ServerConnection) -> None:  # noqa: C901
    assert socket.request is not None
    path = socket.request.path
    if path == "/full":
        await socket.close(1013, "try again")
    elif path == "/lost":
        socket.transport.abort()
    elif path == "/late":
        await socket.send(await socket.recv())
        await socket.close(1011, "broken")
    elif path == "/dropped":
        await socket.send(await socket.recv())
        socket.transport.abort()
    elif path == "/bye":
        await socket.close()
    elif path == "/flood":
        with suppress(ConnectionClosed):
            while True:
                await socket.send("x" * 1000)
                await asyncio.sleep(0)  # it never waits by itself
    elif path == "/wordless":
        await socket.wait_closed()
    elif path == "/code":
        async for message in socket:
            await socket.close(int(message), "as you like")
    else:
        async for message in socket:
            await socket.send(message)


@pytest.mark.parametrize(
    "text",
    [
        "[{websocket: /echo}]",
        "[{websocket: {url: /echo, send: hello}, expect: {messages: hell}}]",
        "[{websocket: {url: /echo, send: [a, b, c]}, expect: {messages: [a, c]}}]",
        "[{websocket: {url: /echo, send: !!binary aGk=}, expect: {messages: hi}}]",
        "[{websocket: {url: /echo, subprotocols: [a, b]}, expect: {subprotocol: b}}]",
        "[{websocket: {url: /echo, close: 3001}, expect: {close-code: 3001}}]",
        "[{websocket: /full, expect: {close-code: 1013}}]",
        "[{websocket: /bye}]",
        "[{websocket: /flood}]",
        "[{websocket: {url: /code, send: '4000'}, expect: {close-code: 4000}}]",
        "[{websocket: {url: 'ws://127.0.0.1:${PORT}/echo'}}]",
    ],
)
async def test_what_a_websocket_should_do_it_does(port: int, text: str) -> None:
    assert await asked(port, text) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[{websocket: {url: /echo, send: [a, b]}, expect: {messages: [b, a]}}]",
            "open, but no message that holds 'a' within 0.3 s",
        ),
        (
            "[{websocket: /flood, expect: {messages: hello}}]",
            "open, but no message that holds 'hello' (",
        ),
        (
            "[{websocket: /wordless, expect: {messages: hello}}]",
            "open, but no message that holds 'hello' within 0.3 s",
        ),
        (
            "[{websocket: /echo, expect: {close-code: 1000}}]",
            "open, but the server sent no Close within 0.3 s",
        ),
        (
            "[{websocket: /full, expect: {messages: a}}]",
            "the WebSocket ended with Close 1013 (try again) before a message came that holds 'a'",
        ),
        (
            "[{websocket: /lost, expect: {messages: a}}]",
            "the WebSocket ended with a lost connection, without a Close, before a message came",
        ),
        ("[{websocket: /full}]", "it opened, and the server ended it with Close 1013"),
        ("[{websocket: /lost}]", "it opened, and the server ended it with a lost connection"),
        ("[{websocket: {url: /full, close: 3001}}]", "it opened, and the server ended it with"),
        (
            "[{websocket: {url: /late, send: a}, expect: {messages: a}}]",
            "it opened, and the server ended it with Close 1011",
        ),
        (
            "[{websocket: {url: /dropped, send: a}, expect: {messages: a}}]",
            "it opened, and the server ended it with a lost connection",
        ),
        ("[{websocket: /lost, expect: {close-code: 1000}}]", "ended with a lost connection, not"),
        ("[{websocket: /full, expect: {close-code: 1000}}]", "ended with Close 1013, not Close 10"),
    ],
)
async def test_what_a_websocket_does_not_do_is_said(port: int, text: str, problem: str) -> None:
    (told,) = await asked(port, text, SHORT)
    assert told.startswith(problem)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (silent, "the WebSocket never opened: no answer to the upgrade within 0.3 s"),
        (dripping, " within 0.3 s"),
        (gone, "closed the connection before an answer to the upgrade"),
        (
            says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nno ws"),
            "the upgrade was answered with 404, not 101: no ws",
        ),
        (says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "the upgrade went wrong: "),
        (says(b"nonsense\r\n\r\n"), "did not answer in HTTP: it began with 'nonsense'"),
        (says(ALERT), "did not answer in HTTP but by an alert of TLS: is it https:// or wss://?"),
        (says(SETTINGS), "did not answer in HTTP/1 but in HTTP/2"),
        (reset, "closed the connection before an answer to the upgrade"),
        (says(b"HTTP/1.1 2"), "closed the connection within its answer to the upgrade"),
        (says(b"HTTP/1.1 200 OK\r\nA: b\r\n"), "closed the connection within its answer to the"),
        (says(b"HTTP/1.1 200 OK\r\n b\r\n\r\n"), "the answer to the upgrade cannot be read: "),
        (
            says(b"HTTP/1.0 404 Not Found\r\n\r\n"),
            "the upgrade was answered with 404 in HTTP/1.0, not with 101 in HTTP/1.1",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            "the upgrade was answered with 200, not 101: hi",
        ),
        (
            says(b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"),
            "redirected to ftp://x/",
        ),
    ],
)
async def test_a_websocket_that_does_not_open_is_one_line(script: Script, problem: str) -> None:
    never = script in (silent, dripping)
    async with serving(script) as port:
        (told,) = await asked(port, "[{websocket: /ws}]", SHORT if never else 10.0)
    assert problem in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("pieces", "waiting_for"),
    [
        ([], "the WebSocket never opened: no connection"),
        ([b"HTT", b"P/1.1 2"], "the WebSocket never opened: no connection"),
        ([b"HTTP/1.1 101 Switching Protocols\r\n"], "the WebSocket never opened: no connection"),
        (
            [b"HTTP/1.1 20", b"0 OK\r\n"],
            "the upgrade was answered with 200, not 101, and that did not end",
        ),
        (
            [b"non", b"sense", b"x" * 100],
            "a:1 did not answer in HTTP: it began with 'nonsense"
            + "x" * 32
            + "'; nothing else came",
        ),
    ],
)
def test_while_an_answer_does_not_end_its_beginning_says_what_it_is(
    pieces: list[bytes], waiting_for: str
) -> None:
    stage = Stage()
    heard = Heard("a:1", stage, secure=False)
    for piece in pieces:
        heard.take(piece)
    assert stage.waiting_for == waiting_for


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("websocket", "the WebSocket never opened: no connection with TLS within 0.3 s"),
        ("http", "no connection with TLS within 0.3 s"),
        ("sse", "no connection with TLS within 0.3 s"),
    ],
)
async def test_who_takes_a_connection_and_speaks_no_tls_is_told_from_who_answers_nothing(
    kind: str, problem: str
) -> None:
    async with serving(silent) as port:
        assert await asked(port, f"[{{{kind}: /}}]", SHORT, scheme="https") == (problem,)


async def test_redirects_without_end_are_told() -> None:
    again = says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    async with serving(again) as port:
        (told,) = await asked(port, "[{websocket: /ws}]")
    assert "redirect" in told


async def test_where_nobody_listens_that_is_said() -> None:
    async with serving(gone) as port:
        pass
    (told,) = await asked(port, "[{websocket: /ws}]")
    assert told == f"nothing listens at 127.0.0.1:{port}: connection refused"
