"""A Service in front of pods, with kube-proxy's rule for whom a new connection goes to.

Ready endpoints that do not terminate come first; where there is none, those that terminate and are
still ready (KEP-1669); where there is none of these either, nobody listens. Readiness is what the
kubelet's probe has found last, once a second and with the first failure counting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.e2e.kubelet import Pod

# How often the kubelet asks, in seconds.
_PERIOD = 1.0


class Service:
    """Leads to whichever pod the rule says; clients connect to `port`."""

    def __init__(self) -> None:
        self.port = 0
        self.pods: list[Pod] = []
        self._ready: dict[Pod, bool] = {}
        self.connections: set[asyncio.Task[None]] = set()

    def endpoint(self) -> Pod | None:
        """Where a connection goes now."""
        ready = [pod for pod in self.pods if self._ready.get(pod)]
        serving = [pod for pod in ready if not pod.terminating]
        return next(iter(serving or ready), None)

    async def add(self, pod: Pod) -> None:
        """A pod is there, and ready at once."""
        await self._ask(pod)
        self.pods.append(pod)

    async def probe(self) -> None:
        """For ever."""
        while True:
            # The period of the probe.
            await asyncio.sleep(_PERIOD)
            for pod in self.pods:
                await self._ask(pod)

    async def _ask(self, pod: Pod) -> None:
        self._ready[pod] = await asyncio.to_thread(lambda: pod.is_ready)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has come: it stays with the pod that it was led to."""
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        task.add_done_callback(self.connections.discard)
        pod = self.endpoint()
        if pod is None:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", pod.port)
        except ConnectionRefusedError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pipe(reader, there[1]))
                both.create_task(_pipe(there[0], writer))
        finally:
            there[1].close()
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()


@asynccontextmanager
async def service(*pods: Pod) -> AsyncIterator[Service]:
    """A Service of these pods, until the end of the block."""
    made = Service()
    for pod in pods:
        await made.add(pod)
    server = await asyncio.start_server(made.connect, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    probing = asyncio.create_task(made.probe())
    try:
        yield made
    finally:
        probing.cancel()
        server.close()
        # Of a client that is gone an app may not have heard.
        for connection in made.connections:
            connection.cancel()
        await asyncio.gather(*made.connections, return_exceptions=True)
