"""The first injection of a workload whose Service targets a number, and the way back, under load.

Pods without a sidecar do not listen where the sidecars do, so the workload is injected first and
the Service after the rollout; the other way round the Service is first. Pods without a sidecar are
ended as their users do it: by a preStop hook that sleeps until everybody has heard of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from time import sleep
from typing import NamedTuple

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.kubelet import Pod, running_pod
from tests.e2e.process import Process, accepts, started

REPLICAS = 2
GRACE = 12
CLIENTS = 8
# Seconds: until a Service has forgotten a pod, and how long a request takes at most.
PROPAGATION, SLOWEST = 0.3, 0.4
DRAIN = {"drain-delay": "500ms", "drain-quiet": "300ms", "drain-spread": "500ms"}
PIECE = 1 << 16


class Replica(NamedTuple):
    """A pod: the port of its app, that of its sidecar if it has one, and how it is deleted."""

    app: int
    sidecar: int | None
    delete: Callable[[], object]


class Service:
    """Leads each new connection to the next pod, at the app's number or at the sidecar's."""

    def __init__(self) -> None:
        self.pods: list[Replica] = []
        self.to_sidecars = False
        self._turns = count()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pod = self.pods[next(self._turns) % len(self.pods)]
        port = pod.sidecar if self.to_sidecars else pod.app
        try:
            app_reader, app_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(copy(reader, app_writer), copy(app_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        writer.transport.abort()
    writer.close()


async def ask(port: int, over: asyncio.Event, seconds: float) -> int:
    """Ask until it is over, on a new connection each time; how many were answered."""
    request = f"POST /echo?seconds={seconds} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
    request += "Connection: close\r\n\r\nhi"
    answered = 0
    while not over.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode())
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 "), f"lost: {answer!r}"
        assert answer.endswith(b"\r\n\r\nhi")
        writer.close()
        answered += 1
    return answered


class Rollouts:
    """Replaces the pods behind a Service, one after the other."""

    def __init__(self, service: Service, folder: Path, stack: ExitStack) -> None:
        self._service = service
        self._folder = folder
        self._stack = stack
        self._injected: list[Pod] = []

    async def roll_out(self, start: Callable[[], Replica]) -> None:
        before: list[Replica | None] = [*self._service.pods] or [None] * REPLICAS
        for old in before:
            new = await asyncio.to_thread(start)
            self._service.pods.append(new)
            if old is not None:
                deletion = asyncio.to_thread(old.delete)
                await asyncio.gather(deletion, self._forget(old))

    async def _forget(self, pod: Replica) -> None:
        await asyncio.sleep(PROPAGATION)  # as late as kube-proxy
        self._service.pods.remove(pod)

    def plain(self) -> Replica:
        (port,) = free_ports(1)
        process = self._stack.enter_context(started(*uvicorn(port), ready=lambda: accepts(port)))
        return Replica(port, None, lambda: end(process))

    def injected(self) -> Replica:
        (port,) = free_ports(1)
        folder = self._folder / str(port)
        pod = self._stack.enter_context(running_pod(uvicorn(port), port, folder, GRACE, DRAIN))
        self._injected.append(pod)
        return Replica(port, pod.port, pod.delete)

    def until_asked(self) -> None:
        """Wait until clients have come through each of the sidecars."""
        answered = 'drainproxy_requests_total{code="200",kind="http1"}'
        for pod in self._injected:
            pod.sidecar.process.until(lambda: pod.sidecar.metric(answered) > CLIENTS)  # noqa: B023 - it is over by then


def uvicorn(port: int) -> tuple[str, ...]:
    return ("uvicorn", "--port", str(port), "--lifespan", "off", "tests.e2e.pod_app:app")


def end(process: Process) -> None:
    """The preStop hook, which sleeps, and then SIGTERM."""
    sleep(2 * PROPAGATION)  # the usual workaround
    process.stop()


@asynccontextmanager
async def under_load(service: Service) -> AsyncIterator[list[int]]:
    """Clients of the Service; afterwards how many answers each of them has got."""
    answers: list[int] = []
    over = asyncio.Event()
    server = await asyncio.start_server(service.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.TaskGroup() as tasks:
        pauses = [SLOWEST * (number + 1) / CLIENTS for number in range(CLIENTS)]
        asking = [tasks.create_task(ask(port, over, pause)) for pause in pauses]
        yield answers
        over.set()
    answers += [task.result() for task in asking]
    server.close()


async def test_the_first_injection_and_the_way_back_lose_nothing(tmp_path: Path) -> None:
    service = Service()
    with ExitStack() as stack:
        rollouts = Rollouts(service, tmp_path, stack)
        await rollouts.roll_out(rollouts.plain)
        async with under_load(service) as answers:
            await rollouts.roll_out(rollouts.injected)
            service.to_sidecars = True
            await asyncio.to_thread(rollouts.until_asked)
            service.to_sidecars = False
            await rollouts.roll_out(rollouts.plain)
        assert len(service.pods) == REPLICAS
    assert len(answers) == CLIENTS
    assert min(answers) > 5
