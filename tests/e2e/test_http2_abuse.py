"""Abuses of HTTP/2: whoever tries one is sent away; neither the app nor others suffer from it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.frames import (
    END_STREAM,
    LARGEST_WINDOW,
    PREFACE,
    Code,
    Kind,
    Setting,
    continuation,
    headers,
    ping,
    rst_stream,
    window_update,
)
from tests.e2e.cost import KNOWN, Cost
from tests.e2e.http2_attacks import (
    ATTACKS,
    CONTROL_FRAMES,
    EMPTY_FRAMES,
    FRAMES,
    MAX_RESETS,
    MAX_STREAMS,
    Attack,
    requests,
)
from tests.e2e.http2_counting_app import AppEnd, counting_app
from tests.e2e.http2_ends import DEFAULT_WINDOW
from tests.e2e.http2_raw_client import ClientEnd, http2_client, neighbour
from tests.e2e.process import Sidecar, sidecar

MOST_MEMORY = 10 << 20
# Seconds of CPU: most take a hundredth of one.
MOST_WORK = 0.5
# Seconds that somebody else may wait for an answer.
SLOWEST = 3.0
# The client's own, and its word on those of the app.
SETTINGS = {Kind.SETTINGS: 2}

pytestmark = pytest.mark.skipif(not KNOWN, reason="memory is read in /proc")


class Ground(NamedTuple):
    """A sidecar, and the port at which it looks for its app."""

    running: Sidecar
    app_port: int


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running:
        yield Ground(running, port)


class Scene(NamedTuple):
    """The attacker, what the app has of him, and what he costs."""

    attacker: ClientEnd
    app: AppEnd
    cost: Cost


@asynccontextmanager
async def attacked(
    ground: Ground, *settings: tuple[int, int], acknowledges: bool = True
) -> AsyncIterator[Scene]:
    """What holds whatever the attack: it is cheap, others are served all the while and afterwards,
    and the app is let go of."""
    running = ground.running
    async with counting_app(ground.app_port) as app, neighbour(running.port) as other:
        cost = Cost(running)
        async with http2_client(running.port) as attacker:
            await attacker.greet(*settings, acknowledges=acknowledges)
            seen = await app.connection(1)
            yield Scene(attacker, seen, cost)
            await seen.until(lambda: seen.ended)
        assert cost.memory < MOST_MEMORY
        assert cost.work < MOST_WORK
        assert other.slowest < SLOWEST
        assert seen.most_open <= MAX_STREAMS
    await asyncio.to_thread(running.until_in_flight, http2=0, grpc=0)
    assert "Traceback" not in running.process.output


def beyond(attack: Attack, app: AppEnd) -> dict[int, int]:
    """The frames that reached the app, of those types of which there were too many."""
    allowed = SETTINGS | dict(attack.reached)
    return {kind: count for kind, count in app.frames.items() if count > allowed.get(kind, 0)}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_the_attacker_hears_goaway_and_the_app_gets_no_more_than_the_budget(
    attack: Attack, ground: Ground
) -> None:
    async with attacked(ground, acknowledges=attack.acknowledges) as (attacker, app, cost):
        await attack.do(attacker)
        await attacker.until(lambda: attacker.ended)
        await app.until(lambda: app.ended)
        assert attacker.goaway == attack.code
        assert attacker.last == app.highest
        assert cost.rejected[attack.reason] == 1
        assert beyond(attack, app) == {}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("rapid reset", MAX_RESETS + 1), ("empty HEADERS", MAX_RESETS + 1)),
        *(
            ("PING", CONTROL_FRAMES + 1),
            ("empty CONTINUATIONs", 9),
            ("empty DATA", EMPTY_FRAMES + 1),
        ),
    ],
)
async def test_the_log_has_a_line_with_the_peer_and_the_number(
    name: str, number: int, ground: Ground
) -> None:
    attack = ATTACKS[name]
    # Another attacker may have had the same port. Refusals of streams have lines of their own.
    before = len(ground.running.process.output)
    async with attacked(ground) as (attacker, _, _):
        host, port = attacker.transport.get_extra_info("sockname")
        await attack.do(attacker)
        await attacker.until(lambda: attacker.ended)
    output = ground.running.process.output[before:]
    ended = f"warning {attack.reason}: its connection is ended"
    (line,) = [each for each in output.splitlines() if ended in each]
    assert f"peer={host}:{port} number={number}" in line


async def test_who_asks_for_good_things_too_is_sent_away_once_the_others_are_more_than_half(
    ground: Ground,
) -> None:
    async with attacked(ground) as (attacker, app, cost):
        for _ in range(MAX_RESETS // 50):
            streams = [attacker.ask("/hello") for _ in range(50)]
            assert {await attacker.answered(each) for each in streams} == {"200"}
        attacker.ask("/hold")
        await attacker.flood(
            b"".join(
                headers(each, attacker.block("/hold")) + rst_stream(each)
                for each in (attacker.stream() for _ in range(MAX_RESETS + 1))
            )
        )
        # Of 1,002 streams 501 were reset: half of them, and no more.
        await app.until(lambda: app.frames[Kind.RST_STREAM] == MAX_RESETS + 1)
        assert cost.rejected == {}
        await requests(rst_stream)(attacker)
        await attacker.until(lambda: attacker.ended)
        assert attacker.goaway == Code.ENHANCE_YOUR_CALM
        assert cost.rejected == {"max-resets": 1}


# Who never reads


@pytest.mark.parametrize(
    "name",
    ["rapid reset", "PING", "SETTINGS", "CONNECT", "empty HEADERS", "streams beyond the limit"],
)
async def test_an_attacker_who_does_not_read_is_sent_away_no_later(
    name: str, ground: Ground
) -> None:
    attack = ATTACKS[name]
    async with attacked(ground) as (attacker, app, cost):
        attacker.transport.pause_reading()
        await attack.do(attacker)
        await app.until(lambda: app.ended)
        assert cost.rejected[attack.reason] == 1
        assert beyond(attack, app) == {}
        attacker.transport.resume_reading()
        await attacker.until(lambda: attacker.ended)
        assert attacker.goaway == attack.code


async def test_answers_that_nobody_reads_hold_back_the_app_and_no_flood_of_pings_helps(
    ground: Ground,
) -> None:
    attack = ATTACKS["PING"]
    async with attacked(ground, (Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW)) as scene:
        attacker, app, cost = scene
        attacker.transport.pause_reading()
        attacker.send(window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW))
        for _ in range(MAX_STREAMS):
            attacker.ask(f"/{1 << 30}")
        await app.until(lambda: app.stuck)
        await attacker.flood(ping() * FRAMES)
        await app.until(lambda: app.ended)
        assert cost.rejected == {attack.reason: 1}


# Who is slow


@pytest.fixture(scope="module")
def hasty() -> Iterator[Ground]:
    """Waits for nothing longer than half a second."""
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}", "--header-timeout", "500ms") as running:
        yield Ground(running, port)


BLOCK = ClientEnd().block("/hold")
BEGUN = {
    "a header block": headers(1, BLOCK, END_STREAM),
    "a header block with CONTINUATIONs": headers(1, BLOCK, END_STREAM) + continuation(1, b"", 0),
    "the head of a frame": ping()[:5],
    "PING": ping()[:12],
    "HEADERS": headers(1, BLOCK)[:20],
}


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
async def test_what_has_begun_must_end_in_time(begun: bytes, hasty: Ground) -> None:
    async with attacked(hasty) as (attacker, app, cost):
        attacker.send(begun)
        await attacker.until(lambda: attacker.ended)
        assert attacker.goaway == Code.ENHANCE_YOUR_CALM
        assert cost.rejected == {"header-timeout": 1}
        assert app.frames == SETTINGS


async def test_a_byte_now_and_then_buys_no_time(hasty: Ground) -> None:
    async with attacked(hasty) as (attacker, app, cost):
        slow = iter(headers(1, BLOCK + bytes(4000), 0))
        while not attacker.ended:
            attacker.send(bytes([next(slow)]))
            await asyncio.sleep(0.02)
        assert attacker.goaway == Code.ENHANCE_YOUR_CALM
        assert cost.rejected == {"header-timeout": 1}
        assert app.frames == SETTINGS


@pytest.mark.parametrize("length", [1, len(PREFACE) - 1])
async def test_a_part_of_the_preface_reaches_no_app(length: int, hasty: Ground) -> None:
    running = hasty.running
    async with counting_app(hasty.app_port) as app, neighbour(running.port):
        cost = Cost(running)
        async with http2_client(running.port) as attacker:
            attacker.send(PREFACE[:length])
            await attacker.until(lambda: attacker.ended)
        assert attacker.frames == {}
        assert len(app.connections) == 1
        assert cost.rejected == {"header-timeout": 1}
