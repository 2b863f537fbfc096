"""A head that is too long, too many or too slow ends with the right status, and in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import BUSY, Sidecar, ask, sidecar
from tests.e2e.tap import Peer, Tap, client, silence, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
# Both timeouts, and how much later the end may be on a machine that is busy.
TIMEOUT = 1.0
MOST_BYTES, MOST_FIELDS = 4096, 100


@pytest.fixture(scope="module")
def app_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def strict(app_port: int) -> Iterator[Sidecar]:
    arguments = ["--header-timeout", "1s", "--request-timeout", "1s"]
    arguments += ["--max-header-bytes", str(MOST_BYTES), "--forwarded", "off"]
    with sidecar(f"127.0.0.1:{app_port}", *arguments) as running:
        yield running


async def answer_all(app: Peer) -> None:
    while await app.asked():
        await app.take_head()
        app.send(OK)


@pytest.fixture
async def app(app_port: int) -> AsyncIterator[Tap]:
    async with tap(app_port, answer_all) as tapped:
        yield tapped


async def refused(peer: Peer) -> int:
    """The status of the answer with which the connection ends."""
    head = await peer.take_head()
    assert b"\r\nConnection: close\r\n" in head
    await peer.take_the_rest()
    assert peer.error is None
    return int(head[9:12])


def head_of(length: int) -> bytes:
    """A head of `length` bytes."""
    return GET[:-2] + b"A: ".ljust(length - len(GET) - 2, b"x") + b"\r\n\r\n"


async def test_a_head_may_have_max_header_bytes_and_not_one_more(strict: Sidecar, app: Tap) -> None:
    async with client(strict.port) as peer:
        peer.send(head_of(MOST_BYTES))
        assert await peer.take(len(OK)) == OK
        assert app.received == head_of(MOST_BYTES)
        peer.send(head_of(MOST_BYTES + 1))
        assert await refused(peer) == 431
    assert app.received == head_of(MOST_BYTES)


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nA: ", 431),
        (b"GET /", 414),
        (b"BREW-COFFEE /", 414),
        (b"", 414),
    ],
    ids=["field", "target", "target of an unknown method", "method"],
)
async def test_what_does_not_end_is_refused_as_soon_as_it_is_too_long(
    start: bytes, status: int, strict: Sidecar, app: Tap
) -> None:
    async with client(strict.port) as peer:
        peer.send(start + b"x" * 100_000)
        assert await refused(peer) == status
    assert app.received == b""


@pytest.mark.parametrize(("count", "status"), [(MOST_FIELDS, 200), (MOST_FIELDS + 1, 431)])
async def test_a_head_has_a_hundred_fields_at_most(
    count: int, status: int, strict: Sidecar, app: Tap
) -> None:
    async with client(strict.port) as peer:
        peer.send(GET[:-2] + b"A: b\r\n" * (count - 1) + b"\r\n")
        assert int((await peer.take_head())[9:12]) == status


@pytest.fixture(scope="module")
def few(app_port: int) -> Iterator[Sidecar]:
    """A sidecar that takes ten fields, until an annotation says otherwise."""
    arguments = ["--max-fields", "10", "--forwarded", "off"]
    with sidecar(f"127.0.0.1:{app_port}", *arguments) as running:
        yield running


@pytest.mark.parametrize(("count", "status"), [(1, 200), (10, 200), (11, 431), (100, 431)])
async def test_max_fields_says_how_many_a_request_has(
    count: int, status: int, few: Sidecar, app: Tap
) -> None:
    async with client(few.port) as peer:
        peer.send(GET[:-2] + b"A: b\r\n" * (count - 1) + b"\r\n")
        assert int((await peer.take_head())[9:12]) == status


@pytest.mark.parametrize(("count", "status"), [(10, 200), (11, 502)])
async def test_max_fields_says_how_many_an_answer_has(
    count: int, status: int, few: Sidecar, app_port: int
) -> None:
    async def verbose(app: Peer) -> None:
        await app.take_head()
        app.send(OK.replace(b"\r\n\r\n", b"\r\n" + b"A: b\r\n" * (count - 1) + b"\r\n"))

    async with tap(app_port, verbose), client(few.port) as peer:
        peer.send(GET)
        assert int((await peer.take_head())[9:12]) == status


async def test_more_fields_than_a_hundred_pass_where_that_is_set(app_port: int, app: Tap) -> None:
    with sidecar(f"127.0.0.1:{app_port}", "--max-fields", "500") as running:
        async with client(running.port) as peer:
            for count, status in ((500, 200), (501, 431)):
                peer.send(GET[:-2] + b"A: b\r\n" * (count - 1) + b"\r\n")
                assert int((await peer.take_head())[9:12]) == status
                await peer.take(2)


async def test_an_annotation_changes_max_fields_for_those_who_are_connected(
    app_port: int, app: Tap, tmp_path: Path
) -> None:
    annotations = tmp_path / "annotations"
    annotations.write_text('drainproxy.io/max-fields="1"\n')
    arguments = ("--annotations-file", str(annotations), "--forwarded", "off")
    with sidecar(f"127.0.0.1:{app_port}", *arguments) as running:
        async with client(running.port) as peer:
            peer.send(GET)
            assert await peer.take(len(OK)) == OK
            annotations.write_text('drainproxy.io/max-fields="3"\n')
            await asyncio.to_thread(
                running.process.until, lambda: "annotations applied" in running.process.output
            )
            peer.send(GET[:-2] + b"A: b\r\n" * 2 + b"\r\n")
            assert await peer.take(len(OK)) == OK
            peer.send(GET[:-2] + b"A: b\r\n" * 3 + b"\r\n")
            assert await refused(peer) == 431


async def ends_in_time(peer: Peer, began: float) -> float:
    """How many seconds after `began` the connection ends with a 408."""
    assert await refused(peer) == 408
    return monotonic() - began


async def test_a_head_of_one_byte_at_a_time_ends_with_408_at_header_timeout(
    strict: Sidecar, app: Tap
) -> None:
    async def drip(start: bytes) -> float:
        began = monotonic()
        async with client(strict.port) as peer:
            dripping = asyncio.create_task(peer.drip(start + b"x" * 1000, pause=0.02))
            try:
                return await ends_in_time(peer, began)
            finally:
                dripping.cancel()

    starts = [GET[:-2] + b"A: ", b"GET /", b"POST / HTTP/1.1\r\nHost: a\r\nA", b"\r\nGET / HTTP"]
    for took in await asyncio.gather(*map(drip, starts)):
        assert TIMEOUT - 0.1 < took < TIMEOUT + BUSY
    assert app.received == b""


async def test_the_time_that_detection_took_counts(strict: Sidecar, app: Tap) -> None:
    async with client(strict.port) as peer:
        peer.send(b"GE")
        await asyncio.sleep(0.8 * TIMEOUT)
        peer.send(b"T / HTTP/1.1\r\n")
        assert await ends_in_time(peer, monotonic()) < 0.9 * TIMEOUT


async def test_the_second_head_has_its_own_header_timeout(strict: Sidecar, app: Tap) -> None:
    async with client(strict.port) as peer:
        peer.send(GET)
        assert await peer.take(len(OK)) == OK
        await asyncio.sleep(1.5 * TIMEOUT)
        began = monotonic()
        peer.send(b"GET / HTTP/1.1\r\nA: ")
        assert TIMEOUT - 0.1 < await ends_in_time(peer, began) < TIMEOUT + BUSY
    assert app.received == GET


async def test_a_client_that_says_little_is_let_go(strict: Sidecar, app: Tap) -> None:
    async def stay(start: bytes) -> float:
        began = monotonic()
        async with client(strict.port) as peer:
            peer.send(start)
            await peer.until(lambda: peer.ended)
            return monotonic() - began

    for took in await asyncio.gather(*map(stay, [b"G", b"\r\n", b"BREW", b"PRI * HTTP/2"])):
        assert TIMEOUT - 0.1 < took < TIMEOUT + BUSY
    assert app.received == b""


async def test_an_app_that_is_silent_is_a_504_at_request_timeout(
    strict: Sidecar, app_port: int
) -> None:
    async with tap(app_port, silence) as app, client(strict.port) as peer:
        began = monotonic()
        peer.send(GET)
        assert await refused(peer) == 504
        assert TIMEOUT - 0.1 < monotonic() - began < TIMEOUT + BUSY
        await app.left()
        assert app.received == GET


async def test_an_answer_that_has_begun_may_take_longer_than_request_timeout(
    strict: Sidecar, app_port: int
) -> None:
    async def slowly(app: Peer) -> None:
        await app.take_head()
        app.send(OK[:-2])
        await asyncio.sleep(1.5 * TIMEOUT)
        app.send(OK[-2:])

    async with tap(app_port, slowly), client(strict.port) as peer:
        peer.send(GET)
        assert await peer.take(len(OK)) == OK


async def test_an_upload_may_take_longer_than_both_timeouts(strict: Sidecar, app_port: int) -> None:
    async def after_the_body(app: Peer) -> None:
        await app.take_head()
        await app.take(30)
        app.send(OK)

    async with tap(app_port, after_the_body), client(strict.port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
        await peer.drip(b"x" * 30, pause=1.5 * TIMEOUT / 30)
        assert await peer.take(len(OK)) == OK


async def test_empty_lines_without_end_hold_up_nobody_else(strict: Sidecar, app: Tap) -> None:
    async with client(strict.port) as flood, client(strict.port) as peer:
        flood.send(GET)
        assert await flood.take(len(OK)) == OK
        flood.send(b"\r\n" * 2_000_000)
        await asyncio.sleep(0.05)
        began = monotonic()
        peer.send(GET)
        assert await peer.take(len(OK)) == OK
        assert monotonic() - began < BUSY


async def test_every_refusal_is_counted(strict: Sidecar, app: Tap) -> None:
    sample = 'drainproxy_rejected_total{reason="malformed"}'
    before = await asyncio.to_thread(strict.metric, sample)
    for head in (b"GET /\r\n\r\n", head_of(MOST_BYTES + 1)):
        async with client(strict.port) as peer:
            peer.send(head)
            await refused(peer)
    assert await asyncio.to_thread(strict.metric, sample) == before + 2
    assert (await asyncio.to_thread(ask, strict.admin, "/livez"))[0] == 200
