"""gRPC clients while the sidecar leaves: whoever has another address to go to notices nothing."""

import asyncio
import gc
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import grpc
import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_calls import grpc_app, path
from tests.e2e.grpc_load import Load, channels, ended
from tests.e2e.process import BUSY, PATIENCE, Process, Sidecar, sidecar
from tests.e2e.test_drain import drain

CHANNELS, CONVERSATIONS, RATE = 10, 25, 100.0
# The shortest and the longest conversation, in messages.
SHORTEST, LONGEST = 20, 45
# Before the signal, in seconds.
WARM = 0.5


class App(NamedTuple):
    """The app, and where it is."""

    process: Process
    port: int

    @property
    def address(self) -> str:
        """What to forward to."""
        return f"127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    port = free_ports(1)[0]
    with grpc_app(port) as process:
        yield App(process, port)


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """A connection lives as long as one of its calls, and that may be held by a traceback."""
    yield
    gc.collect()


# A channel with two addresses


@pytest.mark.parametrize(
    ("policy", "quiet"),
    [
        ("round_robin", "500ms"),
        ("pick_first", "0s"),
        pytest.param("round_robin", "0s", marks=pytest.mark.slow),
        pytest.param("pick_first", "500ms", marks=pytest.mark.slow),
    ],
)
async def test_with_another_address_nobody_notices_that_one_leaves(
    policy: str, quiet: str, app: App, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = (*drain("300ms", quiet, "8s"), "--report-file", str(report))
    with sidecar(app.address) as staying, sidecar(app.address, *options) as leaving:
        target = f"ipv4:127.0.0.1:{leaving.port},127.0.0.1:{staying.port}"
        async with (
            channels(CHANNELS, target, ("grpc.lb_policy_name", policy)) as opened,
            channels(1, f"127.0.0.1:{leaving.port}") as (direct,),
        ):
            load = Load(opened)
            last = direct.stream_stream(path("Chat"))(timeout=2 * PATIENCE)
            await said(last, b"first of all")
            late_calls = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(load.call(RATE, lambda: not late_calls.is_set()))
                talks = [
                    tasks.create_task(load.talk(number, SHORTEST + number % (LONGEST - SHORTEST)))
                    for number in range(CONVERSATIONS)
                ]
                await asyncio.sleep(WARM)
                streams = await asyncio.to_thread(blocking, leaving)
                before = await asyncio.to_thread(ended, leaving)
                # On a busy machine some prefer the other address from the start.
                connections = await asyncio.to_thread(
                    leaving.metric, 'drainproxy_connections{kind="http2"}'
                )
                leaving.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(leaving.until_phase, "closed")
                after = await asyncio.to_thread(ended, leaving)
                await asyncio.wait(talks)
                # The calls have found the other address.
                await asyncio.to_thread(
                    staying.process.until, lambda: ended(staying)["Echo 0"] > RATE / 4
                )
                late_calls.set()
            # All others are through; this one is still waited for.
            await asyncio.to_thread(leaving.until_in_flight, grpc=1)
            by_leaving = await asyncio.to_thread(ended, leaving)
            by_staying = await asyncio.to_thread(ended, staying)
            goodbyes = await asyncio.to_thread(
                leaving.metric, 'drainproxy_goodbyes_total{kind="http2",why="drain"}'
            )
            await said(last, b"last of all")
            await last.done_writing()
            assert await last.read() is grpc.aio.EOF
            assert await last.code() is grpc.StatusCode.OK
        done = monotonic()
        assert await asyncio.to_thread(leaving.process.wait) == 0
        assert monotonic() - done < BUSY

    # What the clients saw
    assert load.unsent <= 1
    assert load.talked == CONVERSATIONS
    assert load.answered > RATE
    # What the sidecars counted
    assert by_leaving + by_staying == {"Echo 0": load.answered, "Chat 0": CONVERSATIONS}
    assert by_leaving["Echo 0"] > 0
    assert goodbyes >= connections > 1
    assert {kind for kind, _, _ in streams} == {"grpc"}
    ages = [age for _, method, age in streams if method == path("Chat")]
    assert ages
    assert min(ages) > 0
    told = json.loads(report.read_text())
    assert told["verdict"] == "clean"
    ways = told["ended"]["grpc"]
    most, least = by_leaving.total() + 1 - before.total(), by_leaving.total() + 1 - after.total()
    assert least <= ways["finished"] <= most
    assert sum(ways.values()) == ways["finished"]
    assert told["in_flight_at_start"]["grpc"] >= 1


async def said(call: Any, message: bytes) -> None:
    """Say something, and hear the answer."""
    await call.write(message)
    assert await call.read() == b"you said " + message


def blocking(running: Sidecar) -> list[tuple[str, str, float]]:
    """What a drain would wait for: kind, method and age in seconds."""
    told = running.get("/status")[1]["blocking"]
    return [(each["kind"], each["path"], each["age"]) for each in told]


async def test_a_channel_names_all_its_addresses_in_the_authority(app: App) -> None:
    with sidecar(app.address) as running:
        target = f"ipv4:127.0.0.1:{running.port},127.0.0.1:{running.port}"
        async with grpc.aio.insecure_channel(target) as opened:
            assert await opened.unary_unary(path("Echo"))(b"hello", timeout=PATIENCE) == b"hello"


async def test_idle_channels_part_and_find_the_other_address(app: App) -> None:
    with sidecar(app.address) as staying, sidecar(app.address, *drain()) as leaving:
        target = f"ipv4:127.0.0.1:{leaving.port},127.0.0.1:{staying.port}"
        async with channels(5, target) as opened:
            for each in opened:
                assert await each.unary_unary(path("Echo"))(b"one", timeout=PATIENCE) == b"one"
            assert (await asyncio.to_thread(ended, leaving)) == {"Echo 0": 5}
            began = monotonic()
            leaving.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(leaving.process.wait) == 0
            assert monotonic() - began < BUSY
            for each in opened:
                assert await each.unary_unary(path("Echo"))(b"two", timeout=PATIENCE) == b"two"
            assert (await asyncio.to_thread(ended, staying)) == {"Echo 0": 5}


# Calls that do not end

HELD, WAITING = 4, 3


@asynccontextmanager
async def endless(port: int) -> AsyncIterator[list[Any]]:
    """Calls that the app has begun to answer, and others; all of them on one channel."""
    async with channels(1, f"127.0.0.1:{port}") as (opened,):
        held = [opened.stream_stream(path("Hold"))(timeout=PATIENCE) for _ in range(HELD)]
        for number, call in enumerate(held):
            await call.write(b"held %d" % number)
            assert await call.read() == b"held %d" % number
        wait = opened.unary_unary(path("Wait"))
        yield [*held, *(wait(b"waiting %d" % n, timeout=PATIENCE) for n in range(WAITING))]


async def ends(calls: list[Any]) -> set[tuple[grpc.StatusCode, str]]:
    """How calls have ended, each in its time."""
    return {(await call.code(), await call.details()) for call in calls}


async def test_at_the_deadline_calls_become_unavailable(app: App) -> None:
    with sidecar(app.address, *drain(timeout="2s")) as running:
        async with endless(running.port) as calls:
            await asyncio.to_thread(running.until_in_flight, grpc=HELD + WAITING)
            began = monotonic()
            drained = asyncio.create_task(asyncio.to_thread(running.post, "/drain?wait=1"))
            details = "drainproxy: the time to drain is over"
            assert await ends(calls) == {(grpc.StatusCode.UNAVAILABLE, details)}
            assert monotonic() - began < 2 + BUSY
            report = (await drained)[1]
        assert report["verdict"] == f"cut {HELD + WAITING}"
        assert report["ended"]["grpc"]["cut"] == HELD + WAITING
        blockers = Counter((each["kind"], each["path"]) for each in report["blockers"])
        assert blockers == {("grpc", path("Hold")): HELD, ("grpc", path("Wait")): WAITING}
        # A method is not named before the app has begun to answer it.
        assert ended(running) == {"Hold 14": HELD, "other 14": WAITING}
        cut = running.metric('drainproxy_cut_total{kind="grpc",why="deadline"}')
        assert cut == HELD + WAITING
    # The app has stopped to work on them.
    async with channels(1, app.address) as (direct,):
        cancelled = direct.unary_unary(path("Cancelled"))
        names = [b"held %d" % n for n in range(HELD)] + [b"waiting %d" % n for n in range(WAITING)]
        for name in names:
            assert await cancelled(name, timeout=PATIENCE) == name


@pytest.mark.parametrize("leaving", [False, True])
async def test_when_the_app_is_killed_calls_become_unavailable(
    leaving: bool, tmp_path: Path
) -> None:
    report, port = tmp_path / "report.json", free_ports(1)[0]
    options = (*drain(), "--report-file", str(report))
    with grpc_app(port) as process, sidecar(f"127.0.0.1:{port}", *options) as running:
        async with endless(running.port) as calls:
            await asyncio.to_thread(running.until_in_flight, grpc=HELD + WAITING)
            if leaving:
                running.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(running.until_phase, "closed")
            process.send_signal(signal.SIGKILL)
            ((code, details),) = await ends(calls)
            assert code is grpc.StatusCode.UNAVAILABLE
            assert details.startswith("drainproxy: the app closed")
        if leaving:
            assert await asyncio.to_thread(running.process.wait) == 0
            told = json.loads(report.read_text())
            assert told["verdict"] == "clean"
            assert told["ended"]["grpc"]["app_left"] == HELD + WAITING
