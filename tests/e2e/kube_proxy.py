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
        self._carried: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._closed = False

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

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has come: it stays with the pod that it was led to."""
        if self._closed:
            writer.transport.abort()
            return
        carried = asyncio.create_task(self._carry(reader, writer))
        self._carried[carried] = writer
        carried.add_done_callback(self._carried.pop)

    async def close(self) -> None:
        """Ends every connection: of a client that is gone an app may not have heard.

        By its transport too, since a task that is cancelled before it began closes nothing.
        """
        self._closed = True
        carried = dict(self._carried)
        for task, writer in carried.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*carried, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))
        except asyncio.CancelledError:
            there[1].transport.abort()
            raise
        there[1].close()
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        # The other direction may have closed it.
        if not writer.is_closing():
            writer.write_eof()
        return
    writer.transport.abort()


@asynccontextmanager
async def service(*pods: Pod) -> AsyncIterator[Service]:
    """A Service of these pods, until the end of the block."""
    made = Service()
    for pod in pods:
        await made.add(pod)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    probing = asyncio.create_task(made.probe())
    try:
        yield made
    finally:
        probing.cancel()
        server.close()
        await made.close()
