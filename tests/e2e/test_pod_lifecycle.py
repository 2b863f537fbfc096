"""An injected pod is deleted under load, in the kubelet's order, and nobody loses anything.

Clients think of a balancer: who is told to go connects to the other pod, which has its own app.
"""

import asyncio
import re
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_load import Load, channels, ended
from tests.e2e.kubelet import Deleted, Pod, running_pod
from tests.e2e.pod_app import EVERY
from tests.e2e.test_drain_under_load import Asker, Scene, http_session, talk_websocket

ASKERS, WEBSOCKETS, STREAMS = 20, 10, 5
CHANNELS, CONVERSATIONS, RATE = 5, 20, 100.0
# Seconds: of the pod, and of the slow work that is in flight when it is deleted.
GRACE, IN_FLIGHT = 12, 2.5
DRAIN = {"drain-delay": "500ms", "drain-quiet": "500ms", "drain-spread": "1s"}
AT_ONCE = {"drain-delay": "0s", "drain-quiet": "0s"}


def uvicorn(port: int) -> tuple[str, ...]:
    return ("uvicorn", "--port", str(port), "--lifespan", "off", "tests.e2e.pod_app:app")


def grpcio(port: int) -> tuple[str, ...]:
    return ("tests.e2e.grpc_app", str(port))


@contextmanager
def pods(app: Callable[[int], tuple[str, ...]], folder: Path) -> Iterator[tuple[Pod, Pod]]:
    """The one that will be deleted, and the one that stays."""
    first, second = free_ports(2)
    with (
        running_pod(app(first), first, folder / "leaving", GRACE, DRAIN) as leaving,
        running_pod(app(second), second, folder / "staying", GRACE, AT_ONCE) as staying,
    ):
        yield leaving, staying


async def listen(scene: Scene, start: asyncio.Barrier) -> None:
    """Every event once, in order, from one pod or from two: `from` is what Last-Event-ID is for."""
    port, seen, over = scene.leaving, 0, False
    await start.wait()
    async with http_session() as session:
        while not over:
            query = {"seconds": IN_FLIGHT, "from": seen}
            async with session.get(f"http://127.0.0.1:{port}/events", params=query) as answer:
                # Raises if the body has no end.
                text = await answer.text()
            assert text.endswith("\n\n"), "it ended within an event"
            numbers = list(map(int, re.findall(r"^id: (\d+)$", text, re.MULTILINE)))
            assert numbers == list(range(seen, seen + len(numbers)))
            seen += len(numbers)
            over = "event: end\n" in text
            port = scene.staying
    assert seen == round(IN_FLIGHT / EVERY)


async def watch(scene: Scene, start: asyncio.Barrier) -> None:
    """Every event from one pod, for without ids nobody can ask another for the rest."""
    query = {"seconds": IN_FLIGHT, "ids": 0}
    await start.wait()
    url = f"http://127.0.0.1:{scene.leaving}/events"
    async with http_session() as session, session.get(url, params=query) as answer:
        text = await answer.text()
    numbers = list(map(int, re.findall(r"^data: event (\d+)$", text, re.MULTILINE)))
    assert numbers == list(range(round(IN_FLIGHT / EVERY)))
    assert text.endswith("event: end\ndata: that was all\n\n")


def in_flight(pod: Pod, kind: str) -> int:
    return int(pod.sidecar.get("/status")[1]["in_flight"][kind])


async def until(pod: Pod, ready: Callable[[], bool]) -> None:
    await asyncio.to_thread(pod.sidecar.process.until, ready)


async def deleted(pod: Pod, scene: Scene) -> Deleted:
    scene.signalled = True
    deletion = asyncio.create_task(asyncio.to_thread(pod.delete))
    await until(pod, lambda: pod.sidecar.phase != "serving")
    scene.draining.set()
    return await deletion


async def together(scene: Scene, work: list[Coroutine[Any, Any, None]], end: Any) -> Deleted:
    """All the work while the pod is deleted; the first that goes wrong is what is raised."""
    async with asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(each)
        told: Deleted = await end
        scene.over.set()
    return told


def left_in_order(told: Deleted, within: float = GRACE) -> None:
    """Nobody was killed, nothing was cut, and the app was the last to hear of it."""
    assert told.hooks == [200, 200]
    # Not every app says 0 after SIGTERM; SIGKILL is what it must not be.
    assert told.app in (0, -signal.SIGTERM)
    assert told.sidecar == 0
    assert (told.report["verdict"], told.report["why"]) == ("clean", "prestop")
    assert told.app_signalled >= told.report["seconds"] - 0.1
    assert told.gone < within


async def test_a_pod_of_uvicorn_that_is_deleted_under_load_loses_nothing(tmp_path: Path) -> None:
    start = asyncio.Barrier(ASKERS + 2 * STREAMS)
    with pods(uvicorn, tmp_path) as (leaving, staying):
        scene = Scene(leaving.port, staying.port, tcp=0)
        work = [
            *(Asker(scene, name).work(start, IN_FLIGHT) for name in range(ASKERS)),
            *(talk_websocket(scene, name) for name in range(WEBSOCKETS)),
            *(listen(scene, start) for _ in range(STREAMS)),
            *(watch(scene, start) for _ in range(STREAMS)),
        ]

        async def deletion() -> Deleted:
            held = {"http1": ASKERS, "websocket": WEBSOCKETS, "sse": 2 * STREAMS}
            await asyncio.to_thread(leaving.sidecar.until_in_flight, **held)
            return await deleted(leaving, scene)

        told = await together(scene, work, deletion())

    left_in_order(told)
    assert scene.late_answers >= ASKERS
    assert len(scene.closes) == WEBSOCKETS
    assert told.report["in_flight_at_start"]["websocket"] == WEBSOCKETS
    # Those that resume may end by themselves before their turn, but no other hears a goodbye.
    assert told.report["ended"]["sse"]["goodbye"] <= STREAMS


async def test_a_pod_of_grpcio_that_is_deleted_under_load_loses_nothing(tmp_path: Path) -> None:
    with pods(grpcio, tmp_path) as (leaving, staying):
        scene = Scene(leaving.port, staying.port, tcp=0)
        target = f"ipv4:127.0.0.1:{leaving.port},127.0.0.1:{staying.port}"
        async with channels(CHANNELS, target, ("grpc.lb_policy_name", "round_robin")) as opened:
            load, ready = Load(opened), asyncio.Event()

            async def talk(number: int) -> None:
                await ready.wait()
                await load.talk(number, 30 + number)

            async def deletion() -> Deleted:
                # What is asked before all connections are there goes where the first one leads.
                await until(leaving, lambda: ended(leaving.sidecar)["Echo 0"] > RATE / 10)
                ready.set()
                await until(leaving, lambda: in_flight(leaving, "grpc") >= CONVERSATIONS / 4)
                return await deleted(leaving, scene)

            work = [
                load.call(RATE, lambda: not scene.over.is_set()),
                *(talk(number) for number in range(CONVERSATIONS)),
            ]
            told = await together(scene, work, deletion())

    left_in_order(told)
    assert load.unsent <= 1
    assert load.talked == CONVERSATIONS
    assert load.answered > RATE
    at_start = told.report["in_flight_at_start"]["grpc"]
    assert CONVERSATIONS / 4 <= at_start <= told.report["ended"]["grpc"]["finished"]


async def test_an_app_that_does_not_end_is_killed_and_the_report_is_written_all_the_same(
    tmp_path: Path,
) -> None:
    grace, (port,) = 4, free_ports(1)
    with running_pod(uvicorn(port), port, tmp_path / "pod", grace, AT_ONCE) as pod:
        reader, writer = await asyncio.open_connection("127.0.0.1", pod.port)
        writer.write(b"GET /echo?seconds=600 HTTP/1.1\r\nHost: a.example\r\n\r\n")
        await asyncio.to_thread(pod.sidecar.until_in_flight, http1=1)
        told = await asyncio.to_thread(pod.delete)
        assert not (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()

    assert (told.app, told.sidecar) == (-signal.SIGKILL, 0)
    assert told.app_gone >= grace
    assert told.report["verdict"] == "cut 1"


async def test_without_hooks_the_app_itself_drops_its_clients(tmp_path: Path) -> None:
    """What the hooks are for, and a sign that these tests would see it."""
    (port,) = free_ports(1)
    with running_pod(uvicorn(port), port, tmp_path / "pod", GRACE, AT_ONCE) as pod:
        async with connect(f"ws://127.0.0.1:{pod.port}/ws", proxy=None) as connection:
            await connection.send("here")
            assert await connection.recv() == "here"
            deletion = asyncio.create_task(asyncio.to_thread(pod.delete, hooked=False))
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
            told = await deletion

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.SERVICE_RESTART
    assert told.report["ended"]["websocket"]["goodbye"] == 0


async def test_a_short_grace_period_has_room_for_a_whole_drain(tmp_path: Path) -> None:
    """With the defaults of the sidecar its delay alone would be longer, and all would be cut."""
    grace, (port,) = 8, free_ports(1)
    with running_pod(uvicorn(port), port, tmp_path / "pod", grace, {}) as pod:
        async with connect(f"ws://127.0.0.1:{pod.port}/ws", proxy=None) as connection:
            deletion = asyncio.create_task(asyncio.to_thread(pod.delete))
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
            told = await deletion

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.GOING_AWAY
    assert told.report["verdict"] == "clean"
    assert {"announced", "leaving", "closed"} <= {*told.report["phases"]}
    assert told.gone < grace
