"""The demo app answers as it says."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import grpc.aio
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from drainproxy.rehearsal.app import PIECE, application, content
from drainproxy.rehearsal.grpc_app import COUNT, ECHO
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.processes import answers

Client = TestClient[Request, Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(application())) as client:
        yield client


@pytest.mark.parametrize("size", [0, 1, 7, 8, PIECE - 1, PIECE, PIECE + 3, 5 * PIECE])
def test_the_content_has_the_size_that_was_asked_for(size: int) -> None:
    assert len(b"".join(content(size))) == size


def test_no_two_words_of_the_content_are_equal_so_that_a_gap_shows() -> None:
    whole = b"".join(content(5 * PIECE))
    words = [whole[at : at + 8] for at in range(0, len(whole), 8)]
    assert len(set(words)) == len(words)


async def test_the_page_for_browsers_uses_both_streams(client: Client) -> None:
    answer = await client.get("/")
    page = await answer.text()

    assert answer.content_type == "text/html"
    assert "new WebSocket(" in page
    assert "new EventSource(" in page


async def test_short_answers(client: Client) -> None:
    assert await (await client.get("/hello")).text() == "hello\n"
    assert await (await client.post("/echo?seconds=0.01", data=b"question")).read() == b"question"


async def test_a_download_announces_its_length(client: Client) -> None:
    answer = await client.get("/download?size=40000&seconds=0.01")

    assert answer.headers["Content-Length"] == "40000"
    assert await answer.read() == b"".join(content(40000))


async def test_a_download_comes_chunked_if_asked(client: Client) -> None:
    answer = await client.get("/download?size=40000&seconds=0.01&chunked=1")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert await answer.read() == b"".join(content(40000))


async def test_events_are_numbered_and_end_when_asked(client: Client) -> None:
    answer = await client.get("/events?seconds=0.4")

    assert answer.content_type == "text/event-stream"
    assert await answer.text() == (
        "id: 0\ndata: 0\n\nid: 1\ndata: 1\n\nevent: end\ndata: that was all\n\n"
    )


async def test_events_without_an_end_go_on(client: Client) -> None:
    answer = await client.get("/events")

    for number in range(3):
        event = await answer.content.readuntil(b"\n\n")
        assert event == b"id: %d\ndata: %d\n\n" % (number, number)
    answer.close()


@pytest.mark.parametrize("number", ["nan", "-1", "inf", "many", ""])
async def test_a_number_that_is_none_is_a_bad_request(client: Client, number: str) -> None:
    assert (await client.get("/download", params={"size": number})).status == 400


async def test_a_websocket_sends_every_message_back(client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_str("question")
        assert await socket.receive_str() == "question"
        await socket.send_bytes(b"\x00\xff")
        assert await socket.receive_bytes() == b"\x00\xff"


@contextmanager
def running(
    root: Path, port: int, echo_port: int, grpc_port: int
) -> Iterator[subprocess.Popen[bytes]]:
    app = subprocess.Popen(
        [
            *(sys.executable, "-m", "drainproxy.rehearsal.app"),
            *(f"--port={port}", f"--tcp-port={echo_port}", f"--grpc-port={grpc_port}"),
        ],
        cwd=root,
        stderr=subprocess.PIPE,
    )
    try:
        yield app
    finally:
        app.kill()
        app.communicate()


async def test_it_is_silent_until_sigterm_ends_it_and_its_websockets_hear_so(root: Path) -> None:
    port, echo_port, grpc_port = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    with running(root, port, echo_port, grpc_port) as app:
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(20):
                while not await answers(session, url + "/hello"):
                    assert app.poll() is None
                await assert_bytes_come_back(echo_port)
                await assert_calls_are_answered(grpc_port)
                await assert_that_leaving_disturbs_nobody(session, url + "/events")
                async with session.ws_connect(url + "/ws") as socket:
                    app.send_signal(signal.SIGTERM)
                    assert (await socket.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
        _, errors = await asyncio.to_thread(app.communicate, None, 20)
        assert (app.returncode, errors) == (0, b"")


async def assert_that_leaving_disturbs_nobody(session: aiohttp.ClientSession, url: str) -> None:
    leaving, staying = await session.get(url), await session.get(url)
    await leaving.content.readuntil(b"\n\n")
    leaving.close()
    # While three more come here the app finds out that nobody is there to get the others.
    await staying.content.readuntil(b"id: 3")
    staying.close()


async def assert_calls_are_answered(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert await channel.unary_unary(ECHO)(b"question") == b"question"
        assert [n async for n in channel.unary_stream(COUNT)(b"2")] == [b"0", b"1"]


async def assert_bytes_come_back(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"bytes")
    writer.write_eof()
    assert await reader.read() == b"bytes"
    writer.close()
    await writer.wait_closed()
