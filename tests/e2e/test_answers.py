"""What the app answers reaches the client byte for byte; what else it sends reaches nobody."""

import asyncio

import pytest

from tests.e2e.process import Sidecar
from tests.e2e.tap import Peer, answering, client, conversation, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIKE_AN_ANSWER = b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def ask(
    target: str = "/", *fields: bytes, method: bytes = b"GET", version: bytes = b"1.1"
) -> bytes:
    line = b"%b %b HTTP/%b" % (method, target.encode(), version)
    return b"\r\n".join([line, b"Host: a.example", *fields]) + b"\r\n\r\n"


# Whole answers, after which the connection goes on

LASTING: dict[str, tuple[bytes, bytes]] = {
    "length": (b"GET", OK),
    "length 0": (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "no reason": (b"GET", b"HTTP/1.1 299\r\nContent-Length: 2\r\n\r\nok"),
    "odd but legal fields": (
        b"GET",
        b'HTTP/1.1 200 O\xff K\r\nA:\r\nB: \t\xff"\\ \r\ncontent-LENGTH:2\r\nx_y: z\r\n\r\nok',
    ),
    "a body that looks like an answer": (
        b"GET",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(LIKE_AN_ANSWER), LIKE_AN_ANSWER),
    ),
    "chunks": (b"GET", CHUNKED + b"2\r\nok\r\n00A\r\n0123456789\r\n0\r\n\r\n"),
    "chunks that look like an answer": (
        b"GET",
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LIKE_AN_ANSWER), LIKE_AN_ANSWER),
    ),
    "chunk extensions": (b"GET", CHUNKED + b'2;a;b="c;d"\r\nok\r\n0;e\r\n\r\n'),
    "trailers": (b"GET", CHUNKED + b"2\r\nok\r\n0\r\nDigest: x\r\nServer-Timing:\r\n\r\n"),
    "HEAD with a length": (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    "HEAD with chunked": (b"HEAD", CHUNKED),
    "HEAD without framing": (b"HEAD", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"),
    "HEAD and 404": (b"HEAD", b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n"),
    "204": (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "204 with a length": (b"DELETE", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
    "304": (b"GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"),
    "304 with a length": (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    "205": (b"POST", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
    "205 in no chunk": (b"POST", b"HTTP/1.1 205 Reset Content\r\n" + CHUNKED[17:] + b"0\r\n\r\n"),
    "103, 102 and the answer": (
        b"GET",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK,
    ),
    "100 that nobody waits for": (b"GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    "103 with a length": (b"GET", b"HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n" + OK),
    "keep-alive in words": (
        b"GET",
        OK[:17] + b"Connection: Keep-Alive\r\nKeep-Alive: x\r\n" + OK[17:],
    ),
}


def bytewise(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


@pytest.mark.parametrize("name", LASTING)
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "one byte at a time"])
async def test_an_answer_passes_as_it_is_and_so_does_the_next(
    name: str, cut: bool, plain: Sidecar, app_port: int
) -> None:
    method, answer = LASTING[name]
    pieces = bytewise(answer) if cut else [answer]
    async with tap(app_port, conversation([pieces, [OK]])) as app, client(plain.port) as peer:
        peer.send(ask(method=method))
        assert await peer.take(len(answer)) == answer
        peer.send(ask("/next"))
        assert await peer.take(len(OK)) == OK
        assert [app.received] == [ask(method=method) + ask("/next")]
        assert len(app.connections) == 1


async def test_ten_pipelined_requests_reach_the_app_one_by_one_and_are_answered_in_order(
    plain: Sidecar, app_port: int
) -> None:
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(10)]
    requests = [ask(f"/{number}") for number in range(10)]
    ahead: list[bytes] = []

    async def one_by_one(app: Peer) -> None:
        for answer in answers:
            await app.take_head()
            await asyncio.sleep(0.01)
            ahead.append(app.received[app.taken :])
            app.send(answer)

    async with tap(app_port, one_by_one) as app, client(plain.port) as peer:
        peer.send(b"".join(requests))
        assert await peer.take(len(b"".join(answers))) == b"".join(answers)
        assert app.received == b"".join(requests)
        assert ahead == [b""] * 10


async def test_a_client_that_half_closes_still_gets_its_answers(
    plain: Sidecar, app_port: int
) -> None:
    async def slowly(app: Peer) -> None:
        for _ in range(2):
            await app.take_head()
            await asyncio.sleep(0.3)
            app.send(OK)

    async with tap(app_port, slowly), client(plain.port) as peer:
        peer.send(ask() * 2)
        peer.end()
        assert await peer.take_the_rest() == OK * 2
        assert peer.error is None


# Expect: 100-continue

EXPECTING = ask("/", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST")


async def test_the_body_goes_on_after_the_app_s_100_continue(plain: Sidecar, app_port: int) -> None:
    async def script(app: Peer) -> None:
        await app.take_head()
        assert app.taken == len(app.received)
        app.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await app.take(5) == b"hello"
        app.send(OK)
        await app.take_head()
        app.send(OK)

    async with tap(app_port, script), client(plain.port) as peer:
        peer.send(EXPECTING)
        assert await peer.take_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"hello" + ask())
        assert await peer.take(2 * len(OK)) == OK * 2


async def test_after_a_417_nothing_can_follow_because_nobody_knows_whether_the_body_comes(
    plain: Sidecar, app_port: int
) -> None:
    refused = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno"
    async with tap(app_port, answering(refused, OK)) as app, client(plain.port) as peer:
        peer.send(EXPECTING)
        head = await peer.take_head()
        assert head == refused[:-4] + b"Connection: close\r\n\r\n"
        peer.send(ask("/next"))
        assert await peer.take_the_rest() == b"no"
        assert peer.error is None
        await app.left()
        assert app.received == EXPECTING


# Early answers


@pytest.mark.parametrize("leaves", [False, True], ids=["app reads on", "app closes"])
@pytest.mark.parametrize("says_close", [False, True], ids=["", "Connection: close"])
async def test_an_early_413_can_always_be_read(
    leaves: bool, says_close: bool, plain: Sidecar, app_port: int
) -> None:
    close = b"Connection: close\r\n" if says_close else b""
    refused = b"HTTP/1.1 413 Too Large\r\n%bContent-Length: 500\r\n\r\n%b" % (close, b"x" * 500)

    async def refuse(app: Peer) -> None:
        await app.take_head()
        await app.take(1000)
        app.send(refused)
        if leaves:
            app.close()

    upload = b"x" * 2_000_000
    async with tap(app_port, refuse):
        for _ in range(10):
            async with client(plain.port) as peer:
                peer.send(ask("/", b"Content-Length: 50000000", method=b"POST"))
                for _ in range(4):
                    peer.send(upload)
                    await asyncio.sleep(0)
                assert await peer.take(len(refused)) == refused


async def test_after_an_early_answer_the_whole_body_still_reaches_the_app(
    plain: Sidecar, app_port: int
) -> None:
    async def eager(app: Peer) -> None:
        await app.take_head()
        app.send(OK)
        assert await app.take(300_000) == b"x" * 300_000
        await app.take_head()
        app.send(OK)

    async with tap(app_port, eager) as app, client(plain.port) as peer:
        peer.send(ask("/", b"Content-Length: 300000", method=b"POST"))
        assert await peer.take(len(OK)) == OK
        peer.send(b"x" * 300_000 + ask("/next"))
        assert await peer.take(len(OK)) == OK
        assert len(app.connections) == 1


# Answers after which the connection ends


async def test_an_answer_without_framing_ends_with_the_connection(
    plain: Sidecar, app_port: int
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" + LIKE_AN_ANSWER * 1000

    async def script(app: Peer) -> None:
        await app.take_head()
        app.send(answer)
        app.close()

    async with tap(app_port, script), client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take_the_rest() == answer
        assert peer.error is None


@pytest.mark.parametrize(
    ("request_", "answer", "lasts"),
    [
        pytest.param(ask(version=b"1.0"), OK, False, id="1.0"),
        pytest.param(ask("/", b"Connection: close"), OK, False, id="client says close"),
        pytest.param(
            ask(), OK[:17] + b"Connection: close\r\n" + OK[17:], False, id="app says close"
        ),
        pytest.param(
            ask("/", b"Connection: keep-alive", version=b"1.0"), OK, False, id="1.0, alone"
        ),
        pytest.param(
            ask("/", b"Connection: keep-alive", version=b"1.0"),
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + OK[17:],
            True,
            id="1.0, both say keep-alive",
        ),
        pytest.param(ask(), b"HTTP/1.0 200 OK\r\n" + OK[17:], False, id="the app speaks 1.0"),
        pytest.param(
            ask(),
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + OK[17:],
            True,
            id="the app speaks 1.0 and says keep-alive",
        ),
        pytest.param(
            ask(),
            OK[:17] + b"Connection: close\r\nConnection: keep-alive\r\n" + OK[17:],
            False,
            id="the app says both",
        ),
    ],
)
async def test_a_connection_ends_after_the_answer_if_either_side_wants_it(
    request_: bytes, answer: bytes, lasts: bool, plain: Sidecar, app_port: int
) -> None:
    async with tap(app_port, answering(answer, answer)), client(plain.port) as peer:
        peer.send(request_)
        assert await peer.take(len(answer)) == answer
        if lasts:
            peer.send(request_)
            assert await peer.take(len(answer)) == answer
            assert not peer.ended
        else:
            assert await peer.take_the_rest() == b""
            assert peer.error is None


@pytest.mark.parametrize("who", ["client", "app"])
async def test_nothing_that_was_sent_after_the_last_request_reaches_the_app(
    who: str, plain: Sidecar, app_port: int
) -> None:
    last = ask("/", *([b"Connection: close"] if who == "client" else []))
    answer = OK[:17] + b"Connection: close\r\n" + OK[17:] if who == "app" else OK
    async with tap(app_port, answering(answer, OK)) as app, client(plain.port) as peer:
        peer.send(last + ask("/smuggled"))
        assert await peer.take_the_rest() == answer
        assert peer.error is None
        await app.left()
        assert app.received == last
        assert len(app.connections) == 1


async def test_a_client_of_1_0_gets_no_interim_answer(plain: Sidecar, app_port: int) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with tap(app_port, answering(early + OK)), client(plain.port) as peer:
        peer.send(ask(version=b"1.0"))
        assert await peer.take_the_rest() == OK


# Upgrades

OFFER = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
UPGRADE = ask("/chat", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x")
# RFC 9110 7.8: where nobody may switch it is not passed on.
OLD = UPGRADE.replace(b"1.1", b"1.0")


async def test_after_a_refused_upgrade_what_was_sent_ahead_is_the_next_request(
    plain: Sidecar, app_port: int
) -> None:
    refused = b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: tea\r\nContent-Length: 2\r\n\r\nno"

    async def script(app: Peer) -> None:
        await app.take_head()
        await asyncio.sleep(0.05)
        assert app.received == UPGRADE
        app.send(refused)
        await app.take_head()
        app.send(OK)

    async with tap(app_port, script) as app, client(plain.port) as peer:
        peer.send(UPGRADE + ask("/next"))
        assert await peer.take(len(refused + OK)) == refused + OK
        assert app.received == UPGRADE + ask("/next")


async def test_what_was_sent_ahead_of_a_101_reaches_the_app_after_it(
    plain: Sidecar, app_port: int
) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tea\r\n\r\n"
    upgrade = UPGRADE.replace(b"websocket", b"tea")

    async def script(app: Peer) -> None:
        await app.take_head()
        await asyncio.sleep(0.05)
        assert app.received == upgrade
        app.send(switched + b"hi")
        assert await app.take(len(ask())) == ask()
        app.send(b"bye")

    async with tap(app_port, script), client(plain.port) as peer:
        peer.send(upgrade + ask())
        assert await peer.take(len(switched) + 5) == switched + b"hibye"


@pytest.mark.parametrize(
    ("request_", "passed", "fields"),
    [
        (ask(), ask(), OFFER),
        (ask("/", b"Upgrade: websocket"), ask("/", b"Upgrade: websocket"), OFFER),
        (OLD, OLD.replace(OFFER, b""), OFFER),
        (UPGRADE, UPGRADE, b""),
    ],
    ids=["not asked", "asked without Connection", "asked in 1.0", "said without Upgrade"],
)
async def test_a_101_that_does_not_fit_the_request_is_a_502(
    request_: bytes, passed: bytes, fields: bytes, plain: Sidecar, app_port: int
) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n"
    async with tap(app_port, answering(switched + OK)) as app, client(plain.port) as peer:
        peer.send(request_ + ask("/smuggled"))
        assert (await peer.take_the_rest()).startswith(b"HTTP/1.1 502 ")
        await app.left()
        assert app.received == passed


# What nobody asked for


@pytest.mark.parametrize("answer", [OK, CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"])
async def test_a_second_answer_in_the_same_segment_goes_to_nobody(
    answer: bytes, plain: Sidecar, app_port: int
) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with tap(app_port, answering(answer + evil)) as app, client(plain.port) as peer:
        for index in range(2):
            peer.send(ask())
            assert await peer.take(len(answer)) == answer
            assert len(app.connections) == index + 1
        assert peer.received == answer * 2


async def test_a_second_answer_that_comes_later_goes_to_nobody(
    plain: Sidecar, app_port: int
) -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with tap(app_port, answering(OK)) as app, client(plain.port) as peer:
        peer.send(ask())
        assert await peer.take(len(OK)) == OK
        app.connections[0].send(evil)
        await app.left()
        peer.send(ask())
        assert await peer.take(len(OK)) == OK
        assert peer.received == OK * 2


async def test_what_an_app_says_unasked_goes_to_nobody(plain: Sidecar, app_port: int) -> None:
    answered = asyncio.Event()

    async def script(app: Peer) -> None:
        await app.take_head()
        app.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n")
        await answered.wait()
        app.send(b"evil")

    async with tap(app_port, script) as app, client(plain.port) as peer:
        peer.send(ask())
        head = await peer.take_head()
        answered.set()
        await app.left()
        assert peer.received == head
