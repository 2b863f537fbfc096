"""WebSockets on a stream of HTTP/2 (RFC 8441): hypercorn speaks that, the client is h2."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic
from typing import cast

import pytest
from h2.errors import ErrorCodes
from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamEnded
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

from drainproxy.drain.ledger import KINDS
from tests.e2e.asgi_websocket import CODE, REASON
from tests.e2e.h2_client import H2Client, h2_client
from tests.e2e.http2_apps import hypercorn
from tests.e2e.process import BUSY, Sidecar, sidecar

CONNECT = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "a.example"),
    ("sec-websocket-version", "13"),
]
GET = [(":method", "GET"), *CONNECT[2:5]]


@pytest.fixture(scope="module")
def running() -> Iterator[Sidecar]:
    with hypercorn("tests.e2e.asgi_websocket:app") as port, sidecar(f"127.0.0.1:{port}") as proxy:
        yield proxy


@pytest.fixture
async def client(running: Sidecar) -> AsyncIterator[H2Client]:
    """It knows that the app takes WebSockets."""
    async with h2_client(running.port) as connected:
        announced = await connected.until(RemoteSettingsChanged)
        enabled = announced.changed_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        assert enabled.new_value == 1
        yield connected


class WebSocket:
    """One that is open, on a stream of its own."""

    def __init__(self, client: H2Client, stream: int) -> None:
        self._client = client
        self._stream = stream
        self._frames = Connection(ConnectionType.CLIENT)

    def say(self, event: Event) -> None:
        """Send a frame."""
        self._client.send(self._stream, self._frames.send(event))

    async def hear(self) -> Event:
        """The next frame."""
        while True:
            for event in self._frames.events():
                return event
            came = await self._client.until(DataReceived, self._stream)
            self._frames.receive_data(came.data)

    def leave(self) -> None:
        """Reset the stream: what else a client says after a Close ends hypercorn's connection."""
        self._client.h2.reset_stream(self._stream, ErrorCodes.CANCEL)
        self._client.flush()

    async def ended(self) -> None:
        """Wait until the app has ended the stream."""
        await self._client.until(StreamEnded, self._stream)


async def opened(client: H2Client) -> WebSocket:
    stream = client.request(CONNECT, end=False)
    answer = await client.until(ResponseReceived, stream)
    # The types of h2 know nothing of header_encoding.
    assert (":status", "200") in cast(list[tuple[str, str]], answer.headers)
    return WebSocket(client, stream)


async def close(socket: WebSocket) -> None:
    socket.say(CloseConnection(code=1000, reason="enough"))
    assert await socket.hear() == CloseConnection(code=1000, reason="enough")
    socket.leave()


async def test_messages_come_back(client: H2Client) -> None:
    socket = await opened(client)
    for text in ("hello", "", "gr\u00fc\u00df \u6f22", "long " * 2000):
        socket.say(TextMessage(data=text))
        heard = ""
        while True:
            part = await socket.hear()
            assert isinstance(part, TextMessage)
            heard += part.data
            if part.message_finished:
                break
        assert heard == text
    await close(socket)


async def test_the_app_may_close(client: H2Client) -> None:
    socket = await opened(client)
    socket.say(TextMessage(data="enough"))
    assert await socket.hear() == CloseConnection(code=CODE, reason=REASON)
    await socket.ended()
    socket.leave()
    await client.until(StreamEnded, client.request(GET))


async def test_a_ping_is_answered(client: H2Client) -> None:
    socket = await opened(client)
    socket.say(Ping(payload=b"anybody?"))
    assert await socket.hear() == Pong(payload=b"anybody?")
    await close(socket)


async def test_sockets_and_requests_share_a_connection(client: H2Client) -> None:
    sockets = [await opened(client) for _ in range(5)]
    for number, socket in enumerate(sockets):
        socket.say(TextMessage(data=f"{number}"))
        stream = client.request(GET)
        await client.until(StreamEnded, stream)
    for number, socket in reversed([*enumerate(sockets)]):
        assert await socket.hear() == TextMessage(data=f"{number}")
        await close(socket)
    await client.until(StreamEnded, client.request(GET))


@pytest.mark.parametrize("echoes", [True, False])
async def test_in_a_drain_a_socket_hears_close_and_is_booked_as_it_ended(
    echoes: bool, tmp_path: Path
) -> None:
    report_file = tmp_path / "report.json"
    drain = ("--drain-delay", "0s", "--drain-quiet", "100ms", "--drain-spread", "0s")
    with (
        hypercorn("tests.e2e.asgi_websocket:app") as port,
        sidecar(f"127.0.0.1:{port}", *drain, "--report-file", str(report_file)) as leaving,
    ):
        async with h2_client(leaving.port) as client:
            await client.until(RemoteSettingsChanged)
            socket = await opened(client)
            began = monotonic()
            leaving.process.send_signal(signal.SIGTERM)
            assert await socket.hear() == CloseConnection(code=1001, reason="going away")
            if echoes:
                socket.say(CloseConnection(code=1001))
                await socket.ended()
                assert monotonic() - began < BUSY, "nobody waits for the app to leave"
            assert await asyncio.to_thread(leaving.process.wait, 20) == 0
    report = json.loads(report_file.read_text())
    how = "goodbye" if echoes else "cut"
    assert {way for way, count in report["ended"]["websocket"].items() if count} == {how}
    assert report["verdict"] == ("clean" if echoes else "cut 1")


async def test_a_question_that_is_left_open_for_too_long_is_named_in_the_report() -> None:
    drain = ("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "0s")
    with (
        hypercorn("tests.e2e.asgi_websocket:app") as port,
        sidecar(f"127.0.0.1:{port}", *drain, "--websocket-answer-timeout", "100ms") as leaving,
    ):
        async with h2_client(leaving.port) as client:
            await client.until(RemoteSettingsChanged)
            socket = await opened(client)
            socket.say(TextMessage(data="think"))
            # A control frame is no question and no answer (RFC 6455 5.5); behind it the other came.
            socket.say(Ping())
            assert await socket.hear() == Pong()
            drained = asyncio.create_task(asyncio.to_thread(leaving.post, "/drain?wait=1"))
            assert await socket.hear() == CloseConnection(code=1001, reason="going away")
            socket.say(CloseConnection(code=1001))
            await socket.ended()
            _, report = await drained
        assert (report["verdict"], report["unanswered"]) == ("unanswered 1", 1)
        assert [(each["kind"], each["ending"]) for each in report["blockers"]] == [
            ("websocket", "unanswered")
        ]


async def test_an_event_stream_ends_after_a_whole_event_with_a_word_when_to_come_again() -> None:
    drain = ("--drain-delay", "0s", "--drain-quiet", "100ms", "--drain-spread", "0s")
    with (
        hypercorn("tests.e2e.pod_app:app") as port,
        sidecar(f"127.0.0.1:{port}", *drain) as leaving,
    ):
        async with h2_client(leaving.port) as client:
            fields = [(":method", "GET"), (":scheme", "http"), (":path", "/events?seconds=60")]
            stream = client.request([*fields, (":authority", "a.example")])
            heard = (await client.until(DataReceived, stream)).data
            leaving.process.send_signal(signal.SIGTERM)
            while b"retry" not in heard:
                heard += (await client.until(DataReceived, stream)).data
            await client.until(StreamEnded, stream)
            assert await asyncio.to_thread(leaving.process.wait, 20) == 0
    *events, retry, rest = heard.split(b"\n\n")
    assert rest == b""
    assert re.fullmatch(rb"retry: \d{3,4}", retry)
    assert [event.partition(b"\n")[0] for event in events] == [
        b"id: %d" % number for number in range(len(events))
    ]


async def test_sockets_that_are_closed_or_left_are_in_flight_no_longer(running: Sidecar) -> None:
    async with h2_client(running.port) as connected:
        await close(await opened(connected))
        await opened(connected)
    await asyncio.to_thread(running.until_in_flight, **dict.fromkeys(KINDS, 0))
