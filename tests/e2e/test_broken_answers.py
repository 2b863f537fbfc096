"""An answer that breaks is a 502 or an end that the client can see; never a whole wrong body."""

import asyncio

import pytest

from tests.e2e.process import Sidecar
from tests.e2e.tap import Peer, answering, client, silence, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ask(*fields: bytes, method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" / HTTP/1.1", b"Host: a.example", *fields]) + b"\r\n\r\n"


UPGRADE = ask(b"Connection: Upgrade", b"Upgrade: websocket")


def status_of(head: bytes) -> int:
    return int(head[9:12])


TRUNCATED: dict[str, bytes] = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "chunk": CHUNKED + b"5\r\nhel",
    "between chunks": CHUNKED + b"5\r\nhello\r\n",
    "before the last line": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "trailer": CHUNKED + b"0\r\nDigest: x\r\n",
}


@pytest.mark.parametrize("name", TRUNCATED)
@pytest.mark.parametrize("resets", [False, True], ids=["FIN", "RST"])
async def test_a_truncated_answer_is_never_completed(
    name: str, resets: bool, plain: Sidecar, app_port: int
) -> None:
    answer, arrived = TRUNCATED[name], asyncio.Event()

    async def script(app: Peer) -> None:
        await app.take_head()
        app.send(answer)
        await arrived.wait()
        if resets:
            app.reset()
        else:
            app.close()

    async with tap(app_port, script) as app, client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take(len(answer)) == answer
        arrived.set()
        assert await peer.take_the_rest() == b""
        assert len(app.connections) == 1


async def test_a_reset_of_an_answer_without_framing_is_a_reset_for_the_client(
    plain: Sidecar, app_port: int
) -> None:
    arrived = asyncio.Event()

    async def script(app: Peer) -> None:
        await app.take_head()
        app.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await arrived.wait()
        app.reset()

    async with tap(app_port, script), client(plain.port) as peer:
        peer.send(ask())
        await peer.take_through(b"hel")
        arrived.set()
        await peer.until(lambda: peer.ended)
        assert isinstance(peer.error, ConnectionResetError)


@pytest.mark.parametrize(
    "bad",
    [b"0x5\r\nhello\r\n", b"5\nhello\r\n", b"4\r\nhello\r\n", b"0\r\nContent-Length: 5\r\n\r\n"],
)
async def test_a_broken_chunk_is_an_abort_and_no_end(
    bad: bytes, plain: Sidecar, app_port: int
) -> None:
    first, arrived = CHUNKED + b"3\r\nabc\r\n", asyncio.Event()

    async def script(app: Peer) -> None:
        await app.take_head()
        app.send(first)
        await arrived.wait()
        app.send(bad + b"0\r\n\r\n")

    async with tap(app_port, script), client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take(len(first)) == first
        arrived.set()
        assert await peer.take_the_rest() == b""


BROKEN_HEADS: dict[str, bytes] = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "two CL": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
    "CL minus": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "CL and TE": CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "TE gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "TE on 1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "obs-fold": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "bare CR": b"HTTP/1.1 200 OK\r\nA: b\rContent-Length: 0\r\n\r\n",
    "NUL": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
    "two CL in a list": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 4\r\n\r\nhello",
    "bare LF at the end": b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\nhello",
    "bare LF, and no end": b"HTTP/1.1 200 OK\r\nContent-Length: 5\n",
    "no HTTP, and no end": b"SSH-2.0-OpenSSH\r\n",
    "no HTTP, and no line": b"\x15\x03\x01\0\x02\x02\x46",
    "HTTP/1.1 without a status, and no end": b"HTTP/1.1 OK\r\nA: b\r\n",
    "blank in a name": b"HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello",
    "101 fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
    "a head over the limit": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    "a head that does not end": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000,
    "interim answers to nothing": b"HTTP/1.1 102 Processing\r\n\r\n" * 33 + b"HTTP/1.1 OK\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN_HEADS)
async def test_a_broken_head_becomes_a_502(name: str, plain: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering(BROKEN_HEADS[name])), client(plain.port) as peer:
        peer.send(ask())
        while (head := await peer.take_head()).startswith(b"HTTP/1.1 102 "):
            pass
        assert status_of(head) == 502
        assert b"\r\nConnection: close\r\n" in head
        assert (await peer.take_the_rest()).startswith(b"drainproxy: the app's ")
        assert peer.error is None


# Apps that go away


QUESTIONS = pytest.mark.parametrize(
    ("request_", "tries"),
    [
        (ask(), 2),
        (ask(method=b"DELETE"), 2),
        (ask(method=b"POST"), 1),
        (ask(b"Content-Length: 5") + b"hello", 1),
        (UPGRADE, 1),
    ],
    ids=["GET", "DELETE", "POST", "GET with a body", "upgrade"],
)


async def leaves_at_once(app: Peer) -> None:
    await app.take_head()
    app.close()


@QUESTIONS
async def test_an_app_that_closes_a_fresh_connection_without_an_answer_is_a_502_at_once(
    request_: bytes, tries: int, plain: Sidecar, app_port: int
) -> None:
    async with tap(app_port, leaves_at_once) as app, client(plain.port) as peer:
        peer.send(request_)
        assert status_of(await peer.take_head()) == 502
        await peer.take_the_rest()
        (only,) = app.connections
        assert only.received[: len(request_)] == request_


@QUESTIONS
async def test_an_app_that_closes_a_kept_connection_without_an_answer_is_asked_once_more_if_safe(
    request_: bytes, tries: int, plain: Sidecar, app_port: int
) -> None:
    async def answers_once(app: Peer) -> None:
        await app.take_head()
        if len(tap_.connections) == 1:
            app.send(OK)
            await app.take_head()
        app.close()

    async with tap(app_port, answers_once) as tap_, client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take(len(OK)) == OK
        peer.send(request_)
        assert status_of(await peer.take_head()) == 502
        await peer.take_the_rest()
        seen = tap_.received.removeprefix(ask())
        assert seen.count(request_[: request_.index(b"\r\n\r\n")]) == tries


async def test_who_asks_for_events_hits_an_app_that_dies_of_it_once_and_may_come_again(
    plain: Sidecar, app_port: int
) -> None:
    """WHATWG HTML 9.2.3: an EventSource does so after an error of the network only."""
    async with tap(app_port, leaves_at_once) as app, client(plain.port) as peer:
        peer.send(ask(b"Accept: text/event-stream"))
        assert await peer.take_the_rest() == b""
        assert len(app.connections) == 1


async def test_a_replayed_request_is_answered_and_the_client_knows_nothing_of_it(
    plain: Sidecar, app_port: int
) -> None:
    async def resets_when_asked_again(app: Peer) -> None:
        await app.take_head()
        app.send(OK)
        await app.take_head()
        app.reset()

    async with tap(app_port, resets_when_asked_again) as app, client(plain.port) as peer:
        for _ in range(2):
            peer.send(ask())
            assert await peer.take(len(OK)) == OK
        assert [connection.received for connection in app.connections] == [ask() * 2, ask()]


async def test_a_request_is_not_replayed_once_an_answer_has_begun(
    plain: Sidecar, app_port: int
) -> None:
    async def half_a_line(app: Peer) -> None:
        await app.take_head()
        app.send(OK)
        # The next one comes on a connection that was kept: only such a request may be replayed.
        await app.take_head()
        app.send(b"HTTP/1.1 2")
        await asyncio.sleep(0.05)
        app.close()

    async with tap(app_port, half_a_line) as app, client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take(len(OK)) == OK
        peer.send(ask())
        assert status_of(await peer.take_head()) == 502
        assert len(app.connections) == 1


async def test_an_app_that_closes_an_idle_connection_costs_the_client_nothing(
    plain: Sidecar, app_port: int
) -> None:
    async def once(app: Peer) -> None:
        await app.take_head()
        app.send(OK)
        app.close()

    async with tap(app_port, once) as app, client(plain.port) as peer:
        for index in range(3):
            peer.send(ask(method=b"POST"))
            assert await peer.take(len(OK)) == OK
            await app.connections[index].lost()
        assert len(app.connections) == 3
        assert not peer.ended


async def test_an_app_that_is_down_is_a_503_that_says_when_to_come_again(plain: Sidecar) -> None:
    async with client(plain.port) as peer:
        peer.send(ask())
        head = await peer.take_head()
        assert status_of(head) == 503
        assert b"\r\nRetry-After: " in head
        assert 0 < len(await peer.take_the_rest()) < 200


async def test_a_client_that_resets_takes_the_app_s_connection_with_it(
    plain: Sidecar, app_port: int
) -> None:
    async with tap(app_port, silence) as app, client(plain.port) as peer:
        peer.send(ask())
        await (await app.connection()).asked()
        peer.reset()
        await app.left()
