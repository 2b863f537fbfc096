"""Other ends than that of one pod among many: the only one, a restart, too little time, a Job.

Real processes in the kubelet's order, injected as they come; see `kubelet`.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.kube_proxy import Service, service
from tests.e2e.kubelet import Pod, running_pod
from tests.e2e.process import BUSY
from tests.e2e.test_pod_lifecycle import AT_ONCE, DRAIN, GRACE, left_in_order, until, uvicorn

EVERY = 0.02
ASKS = b"GET /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def pod(
    folder: Path, settings: dict[str, str] | None = None, grace: int = GRACE
) -> AsyncIterator[Pod]:
    """An injected pod of uvicorn."""
    (port,) = free_ports(1)
    opened = running_pod(uvicorn(port), port, folder, grace, settings or {})
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
                await asyncio.sleep(EVERY)
        finally:
            writer.close()


@asynccontextmanager
async def asking(to: Service) -> AsyncIterator[list[Client]]:
    """Clients that keep their connections, and some that open one for each question."""
    clients = [Client(to, kept=kept) for kept in (True, True, True, False, False)]
    tasks = [asyncio.create_task(each.ask_for_ever()) for each in clients]
    try:
        yield clients
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
    assert [client.told.keys() - {"answered"} for client in clients] == [set()] * len(clients)
    assert all(client.told["answered"] > 20 for client in clients)


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
            await asyncio.sleep(0.02)

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
        async with watching(restarting) as found:
            await asyncio.to_thread(restarting.restart_app)
            await until(restarting, lambda: restarting.is_ready)
            assert restarting.sidecar.phase == "serving"
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


async def test_an_app_that_dies_and_comes_back_is_served_again_without_a_drain(
    tmp_path: Path,
) -> None:
    async with pod(tmp_path / "pod") as living:
        async with watching(living) as found:
            for _ in range(2):
                living.app.send_signal(signal.SIGKILL)
                await asyncio.to_thread(living.start_app_again)
                await until(living, lambda: living.is_ready)
                reader, writer = await asyncio.open_connection("127.0.0.1", living.port)
                writer.write(ASKS)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                writer.close()
        assert {phase for _, phase in found} == {"serving"}


# A real grace period that is shorter than the pod's


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
    grace, count = 1.0, 8
    async with pod(tmp_path / "pod", settings, grace=30) as leaving:
        uri = f"ws://127.0.0.1:{leaving.port}/ws"
        clients = [await connect(uri, proxy=None) for _ in range(count)]
        deletion = asyncio.create_task(asyncio.to_thread(leaving.delete, grace=grace))
        codes = []
        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            codes.append(closed.value.rcvd and closed.value.rcvd.code)
        told = await deletion
    # SIGTERM comes to both containers now, and uvicorn says 1012 to all when it hears it: who is
    # faster is chance.
    assert {*codes} <= {CloseCode.GOING_AWAY, CloseCode.SERVICE_RESTART}
    # SIGKILL would have come 2 s later, and it has written its report.
    assert told.sidecar == 0
    assert told.gone < grace + 2 + BUSY
    assert told.report["why"] == "prestop"
    assert told.report["phases"]["cutting"] < 1.5 + BUSY


# A Job


async def test_the_pod_of_a_job_is_gone_when_its_work_is_done(tmp_path: Path) -> None:
    async with pod(tmp_path / "pod") as job:
        job.app.send_signal(signal.SIGTERM)  # it ends, as of itself
        began = monotonic()
        seconds, code = await asyncio.to_thread(job.complete)
        assert code == 0
        # The usual drain-delay alone would be 2 s here.
        assert seconds < 1.0 + BUSY, monotonic() - began


@pytest.mark.slow
async def test_the_client_of_a_job_is_answered_to_the_end(tmp_path: Path) -> None:
    """Whoever is connected is no reason to wait, and none to be cut either."""
    async with pod(tmp_path / "pod", DRAIN) as job:
        reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
        writer.write(ASKS)
        await reader.readuntil(b"\r\n\r\n")
        job.app.send_signal(signal.SIGTERM)
        ending = asyncio.create_task(asyncio.to_thread(job.complete))
        # Kept for as long as a client of any other pod.
        await until(job, lambda: job.sidecar.phase in ("leaving", "closed"))
        writer.close()
        assert (await ending)[1] == 0
