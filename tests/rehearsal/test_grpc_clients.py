"""The clients of gRPC notice whatever goes wrong for them, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from drainproxy.rehearsal import clients
from drainproxy.rehearsal.balancer import Backend, Balancer
from drainproxy.rehearsal.clients import Client, Score
from drainproxy.rehearsal.grpc_app import NUMBER_EVERY, SERVICE, served
from drainproxy.rehearsal.grpc_clients import Calls, Numbers
from drainproxy.rehearsal.processes import free_ports

Make = Callable[[Balancer, Score, asyncio.Event], Client]
Echo = Callable[[bytes, Any], Awaitable[bytes]]
Count = Callable[[bytes, Any], AsyncIterator[bytes]]

# In what the numbers below are for; the app sends one every NUMBER_EVERY.
SECONDS = 3 * NUMBER_EVERY


def numbers(balancer: Balancer, score: Score, stop: asyncio.Event) -> Numbers:
    return Numbers(balancer, score, stop, seconds=SECONDS)


def to(*ports: int) -> Balancer:
    return Balancer([Backend(1, 1, 1, port) for port in ports])


class Turning(Balancer):
    """As one balancer, and after `turn` as the other."""

    def __init__(self, *balancers: Balancer) -> None:
        self._now, self._then = balancers

    def turn(self) -> None:
        self._now = self._then

    def order(self) -> list[Backend]:
        return self._now.order()


@asynccontextmanager
async def demo_app() -> AsyncIterator[int]:
    (port,) = free_ports(1)
    async with asynccontextmanager(served)(port, 5.0):
        yield port


@asynccontextmanager
async def answered_by(
    echo: Echo | None = None, count: Count | None = None, options: Sequence[tuple[str, int]] = ()
) -> AsyncIterator[int]:
    methods = {}
    if echo:
        methods["Echo"] = grpc.unary_unary_rpc_method_handler(echo)
    if count:
        methods["Count"] = grpc.unary_stream_rpc_method_handler(count)
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(None)


@asynccontextmanager
async def at_work(make: Make, balancer: Balancer) -> AsyncIterator[Score]:
    """What a client lives through; at the end of the block it is told to stop."""
    score, stop = Score(), asyncio.Event()
    running = asyncio.create_task(make(balancer, score, stop).run())
    yield score
    stop.set()
    await asyncio.wait_for(running, 20)


async def score_of(make: Make, balancer: Balancer) -> Score:
    """What a client lives through until it ends."""
    async with at_work(make, balancer) as score:
        pass
    return score


async def until(condition: Callable[[], object]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def test_calls_that_are_answered_lose_nothing_until_they_are_stopped() -> None:
    async with demo_app() as port, at_work(Calls, to(port)) as score:
        await until(lambda: score.done >= 5)

    assert (score.lost, score.goodbyes) == ([], 0)


async def test_numbers_without_a_gap_lose_nothing_and_end() -> None:
    async with demo_app() as port:
        score = await score_of(numbers, to(port))

    assert (score.done, score.lost, score.goodbyes) == (3, [], 0)
    assert score.served_at


async def test_after_a_goodbye_calls_go_where_the_balancer_says_and_nothing_is_lost() -> None:
    asked: list[str] = []

    def echo(name: str) -> Echo:
        async def method(message: bytes, _: Any) -> bytes:
            asked.append(name)
            return message

        return method

    async with (
        answered_by(echo("first"), options=[("grpc.max_connection_age_ms", 200)]) as first,
        answered_by(echo("second")) as second,
    ):
        balancer = Turning(to(first, second), to(second, first))
        async with at_work(Calls, balancer) as score:
            await until(lambda: score.done)
            balancer.turn()
            await until(lambda: "second" in asked)

    assert asked == sorted(asked)
    assert (score.goodbyes, score.lost) == (1, [])


async def test_who_is_not_there_is_passed_over() -> None:
    async with demo_app() as port, at_work(Calls, to(1, port)) as score:
        await until(lambda: score.done >= 2)

    assert score.lost == []


async def test_a_stream_goes_on_to_its_end_after_a_goodbye() -> None:
    async with AsyncExitStack() as leaving:
        port = await leaving.enter_async_context(demo_app())
        async with at_work(numbers, to(port)) as score:
            await until(lambda: score.done)
            await leaving.aclose()

    assert (score.done, score.lost) == (3, [])


async def test_nobody_there_is_a_loss_each_time_with_its_status() -> None:
    async with at_work(Calls, to(1, 2)) as score:
        await until(lambda: len(score.lost) >= 2)

    assert (score.done, score.goodbyes) == (0, 0)
    assert all(why.startswith("UNAVAILABLE: ") for why in score.lost)


async def test_nobody_there_is_one_loss_for_a_stream() -> None:
    score = await score_of(numbers, to(1))

    assert (score.done, len(score.lost)) == (0, 1)
    assert not score.served_at


async def test_a_call_goes_out_once_and_its_status_is_told() -> None:
    asked = 0

    async def refuse(_: bytes, context: Any) -> bytes:
        nonlocal asked
        asked += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return b""

    async with answered_by(refuse) as port, at_work(Calls, to(port)) as score:
        await until(lambda: len(score.lost) >= 3)

    assert set(score.lost) == {"UNAVAILABLE: not now"}
    assert (score.done, len(score.lost)) == (0, asked)


@pytest.mark.parametrize("make", [Calls, numbers])
async def test_a_connection_that_breaks_during_a_call_is_a_loss(make: Make) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with at_work(make, to(port)) as score:
        await until(lambda: score.lost)
    server.close()

    assert score.done == 0


async def test_somebody_elses_answer_is_a_loss() -> None:
    async def mix_up(_: bytes, context: Any) -> bytes:
        return b"for somebody else"

    async with answered_by(mix_up) as port, at_work(Calls, to(port)) as score:
        await until(lambda: score.lost)

    assert score.done == 0


@pytest.mark.parametrize(
    ("sent", "done"),
    [([0, 1], 2), ([0, 2, 3], 1), ([1, 0, 2], 0), ([0, 1, 2, 3], 3), ([], 0)],
    ids=["too short", "a gap", "another order", "too long", "nothing"],
)
async def test_other_numbers_than_were_asked_for_are_a_loss(sent: list[int], done: int) -> None:
    async def send(_: bytes, context: Any) -> AsyncIterator[bytes]:
        for number in sent:
            yield b"%d" % number

    async with answered_by(count=send) as port:
        score = await score_of(numbers, to(port))

    assert (score.done, len(score.lost)) == (done, 1)
    assert not score.served_at


async def test_a_stream_that_fails_in_the_middle_is_a_loss_with_its_status() -> None:
    async def fail(_: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"0"
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")

    async with answered_by(count=fail) as port:
        score = await score_of(numbers, to(port))

    assert (score.done, score.lost) == (1, ["RESOURCE_EXHAUSTED: enough"])


async def test_no_answer_is_a_loss_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PATIENCE", 0.2)

    async def keep_silent(_: bytes, context: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    async with answered_by(keep_silent) as port, at_work(Calls, to(port)) as score:
        await until(lambda: score.lost)

    assert score.lost[0] == "no answer within 0.2 s"
