"""Clients of all kinds at once, from their first answers to their last."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drainproxy.rehearsal.balancer import Balancer
from drainproxy.rehearsal.clients import (
    PATIENCE,
    Client,
    Download,
    Events,
    Lines,
    Questions,
    Requests,
    Score,
)
from drainproxy.rehearsal.grpc_clients import Calls, Numbers
from drainproxy.rehearsal.table import KINDS


@dataclass(frozen=True, slots=True)
class Size:
    """How many clients of each kind, and how long their work takes; seconds."""

    requests: int = 20
    calls: int = 10
    downloads: int = 10
    streams: int = 10
    grpc_streams: int = 5
    sockets: int = 20
    connections: int = 5
    # Downloads end between the two, one after the other; streams and TCP connections at the first.
    shortest: float = 7.0
    longest: float = 10.0
    # Between two questions on a WebSocket.
    pause: float = 1.0


class Crowd:
    """Call `start`, then `all_begun`, and in the end `finish`; `lost` says what went wrong."""

    def __init__(self, size: Size, balancer: Balancer) -> None:
        self.scores = {kind: Score() for kind in KINDS}
        self._size = size
        self._balancer = balancer
        self._stop = asyncio.Event()
        self._clients = [*self._http(), *self._grpc(), *self._streaming()]
        self._tasks: dict[asyncio.Task[None], Client] = {}

    @property
    def lost(self) -> Mapping[str, list[str]]:
        """Why what was lost so far was lost, by kind."""
        return {kind: score.lost for kind, score in self.scores.items()}

    @property
    def goodbyes(self) -> Mapping[str, int]:
        """How many connections were ended politely so far, by kind."""
        return {kind: score.goodbyes for kind, score in self.scores.items()}

    @property
    def served_at(self) -> float:
        """When the last connection came to its end as it should, by the monotonic clock."""
        return max(score.served_at for score in self.scores.values())

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Send them all off."""
        self._tasks = {tasks.create_task(client.run()): client for client in self._clients}

    async def all_begun(self) -> None:
        """Return when each has had its first answer, or lost it: none waits beyond its patience."""
        await asyncio.gather(*(client.begun.wait() for client in self._clients))

    async def finish(self) -> None:
        """Let them come to an end; who does not has lost what it waits for."""
        self._stop.set()
        _, stuck = await asyncio.wait(self._tasks, timeout=PATIENCE)
        for task in stuck:
            task.cancel()
            self._tasks[task].lost(TimeoutError("it never came to an end"))

    def _http(self) -> Iterator[Client]:
        size, given = self._size, (self._balancer, self.scores["http1"], self._stop)
        yield from (Requests(*given) for _ in range(size.requests))
        step = (size.longest - size.shortest) / max(1, size.downloads - 1)
        for number in range(size.downloads):
            seconds = size.shortest + number * step
            yield Download(*given, seconds=seconds, chunked=number % 2 == 1)

    def _grpc(self) -> Iterator[Client]:
        size, given = self._size, (self._balancer, self.scores["grpc"], self._stop)
        yield from (Calls(*given) for _ in range(size.calls))
        yield from (Numbers(*given, seconds=size.shortest) for _ in range(size.grpc_streams))

    def _streaming(self) -> Iterator[Client]:
        size, stop, scores = self._size, self._stop, self.scores
        for _ in range(size.streams):
            yield Events(self._balancer, scores["sse"], stop, seconds=size.shortest)
        for _ in range(size.sockets):
            yield Questions(self._balancer, scores["websocket"], stop, every=size.pause)
        for _ in range(size.connections):
            yield Lines(self._balancer, scores["tcp"], stop, seconds=size.shortest)
