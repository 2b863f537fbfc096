"""Other ends than that of one pod among many: the only one, a restart, too little time, a Job.

Real processes in the kubelet's order, injected as they come; see `kubelet`.
"""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from h2.errors import ErrorCodes
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.either_client import (
    CALL,
    EVENTS,
    HTTP1,
    HTTP2,
    PAGE,
    WAIT,
    WEBSOCKET,
    asked,
    close_code,
    whole,
)
from tests.e2e.grpc_load import UNSENT, channels
from tests.e2e.kube_proxy import Service, service
from tests.e2e.kubelet import Pod, running_pod
from tests.e2e.pod_app import MESSAGE
from tests.e2e.process import BUSY, PATIENCE
from tests.e2e.test_pod_lifecycle import AT_ONCE, DRAIN, GRACE, left_in_order, until

EVERY = 0.1
ECHO = "/pod.App/Echo"
NO_IDS = "/events?seconds=600&ids=0"
# As h2 tells of a stream that nobody has seen (RFC 9113 8.7): its client asks elsewhere.
REFUSED_STREAM = f"error_code:{ErrorCodes.REFUSED_STREAM:d}, remote_reset:True"
ASKS = b"GET /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"


def hypercorn(port: int) -> tuple[str, ...]:
    return ("hypercorn", "-w", "0", "-b", f"127.0.0.1:{port}", "tests.e2e.pod_app:app")


@asynccontextmanager
async def pod(
    folder: Path, settings: dict[str, str] | None = None, grace: int = GRACE
) -> AsyncIterator[Pod]:
    """An injected pod of hypercorn, which speaks HTTP/1 and HTTP/2."""
    (port,) = free_ports(1)
    opened = running_pod(hypercorn(port), port, folder, grace, settings or {})
    running = await asyncio.to_thread(opened.__enter__)
    try:
        yield running
    except BaseException as error:
        await asyncio.to_thread(opened.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(opened.__exit__, None, None, None)


class Client:
    """Asks again and again; what came of it is counted."""

    def __init__(self, to: Service, *, kept: bool) -> None:
        self._to, self._kept = to, kept
        self.told: Counter[str] = Counter()

    async def ask_for_ever(self) -> None:
        while True:
            try:
                self.told["answered"] += await self._visit()
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.told[type(error).__name__] += 1
            # The pace of the clients.
            await asyncio.sleep(EVERY)

    async def _visit(self) -> int:
        """One connection, for one question or for as long as nobody says that it ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to.port)
        answered = 0
        try:
            while True:
                writer.write(ASKS)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 "), head
                answered += 1
                if not self._kept or b"connection: close" in head.lower():
                    return answered
                await asyncio.sleep(EVERY)  # the pace of the clients
        finally:
            writer.close()


class Caller:
    """The same over gRPC, without retries; a call that was not sent has lost nothing."""

    def __init__(self, to: Service | Pod) -> None:
        self._to = to
        self.told: Counter[str] = Counter()

    async def ask_for_ever(self) -> None:
        async with channels(1, f"127.0.0.1:{self._to.port}") as (channel,):
            echo = channel.unary_unary(ECHO)
            while True:
                try:
                    # It waits for a connection, as long as there is none.
                    assert await echo(b"x", timeout=PATIENCE, wait_for_ready=True) == b"x"
                    self.told["answered"] += 1
                except grpc.aio.AioRpcError as error:
                    words = error.details() or ""
                    self.told["unsent" if UNSENT[1] in words else f"{error.code()} {words}"] += 1
                # The pace of the clients.
                await asyncio.sleep(EVERY)


class Visitor:
    """Opens something that lasts, again and again, and is gone after its first word."""

    def __init__(self, to: Service | Pod, *question: str) -> None:
        self._to, self._question = to, question
        self.told: Counter[str] = Counter()

    async def ask_for_ever(self) -> None:
        while True:
            try:
                async with asked(self._to.port, *self._question) as it:
                    status = (await it.head())[":status"]
                    if EVENTS in self._question and status == "200":
                        # No stream ends before its first event.
                        event = await it.piece()
                        assert b"data: event 0\n\n" in event, event
                told = "answered" if status in ("101", "200") else status
                # It was there before the listener closed, and asked after that.
                self.told["unsent" if status == "503" else told] += 1
            except ConnectionRefusedError:
                # As a Service would not ask, whose only endpoint is unready.
                pass
            except (AssertionError, ConnectionError, TimeoutError) as error:
                told = f"{type(error).__name__} {error}"[:800]
                self.told["unsent" if REFUSED_STREAM in told else told] += 1
            # The pace of the clients.
            await asyncio.sleep(EVERY)


def visitors(to: Service | Pod) -> list["Asking"]:
    """Connects of WebSockets and event streams, of which each may be the one that is lost."""
    return [
        Visitor(to, HTTP1, WEBSOCKET),
        Visitor(to, HTTP2, WEBSOCKET, "/ws"),
        Visitor(to, HTTP1, EVENTS, NO_IDS),
        Visitor(to, HTTP2, EVENTS, "/events?seconds=600"),
    ]


Asking = Client | Caller | Visitor


@asynccontextmanager
async def asking(to: Service) -> AsyncIterator[list[Asking]]:
    """Clients that keep their connections, and some that open one for each question."""
    clients: list[Asking] = [Client(to, kept=kept) for kept in (True, True, True, False, False)]
    async with at_work(*clients, Caller(to), *visitors(to)) as working:
        yield working


@asynccontextmanager
async def at_work(*clients: Asking) -> AsyncIterator[list[Asking]]:
    """They ask all the while."""
    tasks = [asyncio.create_task(each.ask_for_ever()) for each in clients]
    try:
        yield [*clients]
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# One replica


async def test_the_only_replica_serves_until_there_is_another_one(tmp_path: Path) -> None:
    # Of the pod's 12 s its drain may take 7, of which it takes clients for up to 3.75.
    async with (
        pod(tmp_path / "old", DRAIN) as old,
        pod(tmp_path / "new", AT_ONCE) as new,
        service(old) as shop,
        asking(shop) as clients,
    ):
        deletion = asyncio.create_task(asyncio.to_thread(old.delete))
        await until(old, lambda: old.sidecar.phase == "leaving")
        # Longer than the kubelet's probe, whose first failure would take the endpoint away.
        await asyncio.sleep(1.3)
        assert old.sidecar.phase == "leaving"
        assert shop.endpoint() is old
        # The app of the other one has started.
        await shop.add(new)
        assert shop.endpoint() is new
        told = await deletion
    left_in_order(told)
    assert_nothing_lost(clients, 3)


def assert_nothing_lost(clients: list[Asking], least: int) -> None:
    """More than so many answers each, and nothing else."""
    assert [client.told.keys() - {"answered", "unsent"} for client in clients] == [set()] * len(
        clients
    )
    assert all(client.told["answered"] > least for client in clients)
    assert sum(client.told["unsent"] for client in clients) <= 1


# A restart is no deletion


@asynccontextmanager
async def watching(pod: Pod) -> AsyncIterator[list[tuple[bool, str]]]:
    """What /readyz says, with the phase, each time that it says something else; the first there
    at once."""
    found: list[tuple[bool, str]] = []

    async def look() -> None:
        status, body = await asyncio.to_thread(pod.sidecar.get, "/readyz")
        if not found or found[-1] != (status == 200, body["phase"]):
            found.append((status == 200, body["phase"]))

    async def go_on() -> None:
        while True:
            await look()
            # Often enough for phases of seconds.
            await asyncio.sleep(0.05)

    await look()
    task = asyncio.create_task(go_on())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({**DRAIN, "drain-delay": "1s"}, id="with a delay"),
        pytest.param(AT_ONCE, id="at once", marks=pytest.mark.slow),
    ],
)
async def test_a_restart_is_unready_until_the_app_is_there_again(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with pod(tmp_path / "pod", settings) as restarting:
        clients = [Caller(restarting), *visitors(restarting)]
        async with watching(restarting) as found, at_work(*clients):
            await until(restarting, lambda: all(client.told["answered"] for client in clients))
            await asyncio.to_thread(restarting.restart_app)
            await until(restarting, lambda: restarting.is_ready)
            assert restarting.sidecar.phase == "serving"
            served = clients[0].told["answered"]
            await until(restarting, lambda: clients[0].told["answered"] > served)
        assert_nothing_lost(clients, 0)
        # Ready as long as it is not known what the hook was called for, and no longer.
        unsure = ("serving", "announced")
        assert not [phase for ready, phase in found if ready and phase not in unsure]
        if settings is not AT_ONCE:
            assert found.index((True, "announced")) < found.index((False, "announced"))
        # And it can still be deleted.
        left_in_order(await asyncio.to_thread(restarting.delete))


async def test_a_deletion_is_ready_until_the_listener_closes(tmp_path: Path) -> None:
    async with pod(tmp_path / "pod", {**DRAIN, "drain-delay": "1s"}) as leaving:
        async with watching(leaving) as found:
            deletion = asyncio.create_task(asyncio.to_thread(leaving.delete))
            await until(leaving, lambda: leaving.sidecar.phase == "leaving")
        await deletion
    assert {(True, "serving"), (True, "announced")} <= {*found}
    assert not [phase for ready, phase in found if not ready and phase in ("announced", "leaving")]


# An app that dies and comes back

ASKED = [(HTTP1, PAGE, "/"), (HTTP2, PAGE, "/"), (HTTP2, EVENTS, "/"), (HTTP2, CALL, ECHO)]


async def test_an_app_that_dies_and_comes_back_is_served_again_without_a_drain(
    tmp_path: Path,
) -> None:
    async def answered(*question: str) -> str:
        async with asked(living.port, *question) as it:
            return (await it.head())[":status"]

    async with pod(tmp_path / "pod", {**AT_ONCE, "connect-timeout": "15s"}) as living:
        async with watching(living) as found:
            for _ in range(2):
                living.app.send_signal(signal.SIGKILL)
                await asyncio.to_thread(living.app.wait)
                # Whoever asks while it is away is answered too.
                asking = [asyncio.create_task(answered(*each)) for each in ASKED]
                await asyncio.to_thread(living.start_app_again)
                await until(living, lambda: living.is_ready)
                assert await asyncio.gather(*asking) == ["200"] * len(asking)
        assert {phase for _, phase in found} == {"serving"}


# A real grace period that is shorter than the pod's

ENDLESS = {WEBSOCKET: "/ws", EVENTS: "/events?seconds=600", CALL: "", WAIT: ""}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"websocket-drain": "wait"}, id="wait"),
        pytest.param({}, id="end", marks=pytest.mark.slow),
    ],
)
async def test_clients_hear_goodbye_when_the_kubelet_runs_out_of_patience(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """SIGTERM comes to both containers at once. This app keeps silent for 3 s after it, so what the
    clients hear before is said by the sidecar."""
    grace, count = 1.0, 8
    async with AsyncExitStack() as stack:
        leaving = await stack.enter_async_context(pod(tmp_path / "pod", settings, grace=30))
        uri = f"ws://127.0.0.1:{leaving.port}/ws"
        clients = [await connect(uri, proxy=None) for _ in range(count)]
        there = {
            question: await stack.enter_async_context(asked(leaving.port, HTTP2, question, path))
            for question, path in ENDLESS.items()
        }
        plain = [
            await stack.enter_async_context(asked(leaving.port, over, EVENTS, NO_IDS))
            for over in (HTTP1, HTTP2)
        ]
        for begun in (there[WEBSOCKET], there[EVENTS], there[CALL], *plain):
            await begun.head()
        deletion = asyncio.create_task(asyncio.to_thread(leaving.delete, grace=grace))
        codes = []
        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            codes.append(closed.value.rcvd and closed.value.rcvd.code)
        codes.append(await close_code(there[WEBSOCKET]))
        for events in (there[EVENTS], *plain):
            assert re.search(rb"\n\nretry: \d+\n\n$", await whole(events))
        assert MESSAGE in await whole(there[CALL])
        statuses = [there[CALL].trailers, await there[WAIT].head()]
        told = await deletion
    assert codes == [CloseCode.GOING_AWAY] * (count + 1)
    assert [each["grpc-status"] for each in statuses] == ["14", "14"]
    assert all(each["grpc-message"].startswith("drainproxy: ") for each in statuses)
    # SIGKILL would have come 2 s later, and it has written its report.
    assert told.sidecar == 0
    assert told.gone < grace + 2 + BUSY
    assert told.report["why"] == "prestop"
    assert told.report["phases"]["cutting"] < 1.5 + BUSY


# A Job


async def test_the_pod_of_a_job_is_gone_when_its_work_is_done(tmp_path: Path) -> None:
    """Long before any other pod is, whose drain would take its delay."""
    delay = 3 * BUSY
    settings = {"drain-delay": f"{delay:g}s", "drain-timeout": f"{delay + 5:g}s"}
    async with pod(tmp_path / "pod", settings, grace=60) as job:
        job.app.send_signal(signal.SIGTERM)  # it ends, as of itself
        seconds, code = await asyncio.to_thread(job.complete)
        assert code == 0
        assert seconds < 1.0 + BUSY


@pytest.mark.slow
async def test_the_client_of_a_job_is_answered_to_the_end(tmp_path: Path) -> None:
    """Whoever is connected is no reason to wait, and none to be cut either."""
    async with pod(tmp_path / "pod", DRAIN) as job, AsyncExitStack() as stack:
        reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
        writer.write(ASKS)
        await reader.readuntil(b"\r\n\r\n")
        over_http2 = await stack.enter_async_context(asked(job.port, HTTP2, PAGE))
        assert (await over_http2.head())[":status"] == "200"
        job.app.send_signal(signal.SIGTERM)
        ending = asyncio.create_task(asyncio.to_thread(job.complete))
        # Kept for as long as a client of any other pod.
        await until(job, lambda: job.sidecar.phase in ("leaving", "closed"))
        writer.close()
        await stack.aclose()
        assert (await ending)[1] == 0
