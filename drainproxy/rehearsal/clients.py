"""Clients of every kind, on real sockets; each writes down whatever it lost.

None of them tries anything twice: a request goes out once, and what does not come back as it
should is lost. Where a connection was ended politely, the next one goes where the balancer says.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from drainproxy.rehearsal.app import EVENT_EVERY, content
from drainproxy.rehearsal.balancer import Balancer

# How long a client waits for the next bytes before it gives up, in seconds.
PATIENCE = 10.0
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)
# After a loss, so that a backend that is gone is not asked thousands of times.
AFTER_LOSS = 0.1

_GOING_AWAY = 1001

T = TypeVar("T")


class Lost(Exception):
    """Something did not come back as it should have; the text says what."""


# What a broken connection looks like, from sockets, aiohttp and websockets.
FAILURES = (Lost, OSError, EOFError, aiohttp.ClientError, WebSocketException)


@dataclass(slots=True)
class Score:
    """What the clients of one kind lived through."""

    # Answers, events, whole downloads.
    done: int = 0
    # Connections that were ended politely, to be opened elsewhere.
    goodbyes: int = 0
    # When the last of them had all that it wanted of a connection, by the monotonic clock.
    served_at: float = 0.0
    lost: list[str] = field(default_factory=list)


class Client:
    """One client: it lives for one call of `run`."""

    def __init__(self, balancer: Balancer, score: Score, stop: asyncio.Event) -> None:
        self.balancer = balancer
        self.score = score
        # Those that have no end of their own end when this is set.
        self.stop = stop
        # Set with the first thing that came, or was lost.
        self.begun = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, or until what was asked for is there."""
        raise NotImplementedError

    def done(self) -> None:
        """One more thing came as it should."""
        self.begun.set()
        self.score.done += 1

    def served(self, *, goodbye: bool = False) -> None:
        """A connection came to its end as it should; with a goodbye if more was wanted of it."""
        self.score.goodbyes += goodbye
        self.score.served_at = time.monotonic()

    def lost(self, error: BaseException) -> None:
        """One more thing did not."""
        self.begun.set()
        self.score.lost.append(str(error) or type(error).__name__)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond `stop`."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            pass


class Requests(Client):
    """Short requests on a keep-alive connection, which is kept until the answer says close.

    They are POSTs, which nobody repeats, neither aiohttp nor the sidecar: nothing is glossed over.
    """

    PAUSE = 0.05
    APP_TAKES = 0.02

    async def run(self) -> None:
        """Ask until `stop`."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            backend, number = self.balancer.pick(), 0
            while not self.stop.is_set():
                number += 1
                try:
                    closes = await self._ask(session, backend.http, number)
                except FAILURES as error:
                    self.lost(error)
                    await self.sleep(AFTER_LOSS)
                    closes = True
                if closes:
                    backend = self.balancer.pick()
                await self.sleep(random.uniform(0, 2 * self.PAUSE))

    async def _ask(self, session: aiohttp.ClientSession, base: str, number: int) -> bool:
        """Ask and check; whether the connection ends with this answer."""
        question = f"{id(self)} {number}".encode()
        url = f"{base}/echo?seconds={self.APP_TAKES}"
        async with session.post(url, data=question) as answer:
            if answer.status != 200 or await answer.read() != question:
                raise Lost(f"status {answer.status}, or somebody else's answer")
            self.done()
            if answer.headers.get("Connection", "").lower() != "close":
                return False
            self.served(goodbye=True)
            return True


class Download(Client):
    """One slow download, by Content-Length or chunked, which must come whole."""

    def __init__(
        self,
        balancer: Balancer,
        score: Score,
        stop: asyncio.Event,
        *,
        seconds: float,
        chunked: bool,
        size: int = 262_144,
    ) -> None:
        super().__init__(balancer, score, stop)
        self._size = size
        self._target = f"/download?size={size}&seconds={seconds}&chunked={chunked:d}"

    async def run(self) -> None:
        """Read to the end, comparing."""
        url = self.balancer.pick().http + self._target
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(url) as answer,
            ):
                for expected in content(self._size):
                    if await answer.content.readexactly(len(expected)) != expected:
                        raise Lost("the download has other bytes than it should")
                    self.begun.set()
                if await answer.content.read():
                    raise Lost("the download is too long")
            self.done()
            self.served()
        except FAILURES as error:
            self.lost(error)


class Events(Client):
    """One event stream, which must come without a gap and with its end."""

    def __init__(
        self, balancer: Balancer, score: Score, stop: asyncio.Event, *, seconds: float
    ) -> None:
        super().__init__(balancer, score, stop)
        self._seconds = seconds

    async def run(self) -> None:
        """Follow until the event `end`."""
        left = round(self._seconds / EVENT_EVERY)
        try:
            while (came := await self._listen(left)) < left:
                self.served(goodbye=True)
                left -= came
            self.served()
        except FAILURES as error:
            self.lost(error)

    async def _listen(self, count: int) -> int:
        """How many of so many events came until the end, or until it was told to come again."""
        url = f"{self.balancer.pick().http}/events?seconds={count * EVENT_EVERY}"
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as answer:
            *events, last = [event async for event in self._events(answer)] or [""]
        whole = last == "event: end" if len(events) == count else last.startswith("retry: ")
        if not whole or events != [f"id: {n}" for n in range(len(events))]:
            raise Lost(f"{len(events)} events instead of {count}")
        return len(events)

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
        """The first line of each event."""
        if answer.status != 200:
            raise Lost(f"status {answer.status} instead of events")
        before = ""
        async for raw in answer.content:
            line = raw.decode().rstrip("\n")
            if line and not before:
                self.done()
                yield line
            before = line


class Questions(Client):
    """A WebSocket that asks, is answered, and goes elsewhere when it is told 1001."""

    def __init__(
        self, balancer: Balancer, score: Score, stop: asyncio.Event, *, every: float
    ) -> None:
        super().__init__(balancer, score, stop)
        self._every = every
        self._asked = 0

    async def run(self) -> None:
        """Ask until `stop`, on as many connections as it takes."""
        while not self.stop.is_set():
            url = self.balancer.pick().websocket + "/ws"
            try:
                # Never by a proxy of the environment: all of this is on loopback.
                async with connect(url, proxy=None, open_timeout=PATIENCE) as socket:
                    await self._converse(socket)
            except FAILURES as error:
                self.lost(error)
                await self.sleep(AFTER_LOSS)

    async def _converse(self, socket: ClientConnection) -> None:
        while not self.stop.is_set():
            self._asked += 1
            question = f"question {self._asked}"
            try:
                await socket.send(question)
            except ConnectionClosed as closed:
                return self._farewell(closed)
            await self._expect(socket, question)
            try:
                await self._listen(socket)
            except ConnectionClosed as closed:
                return self._farewell(closed)

    async def _expect(self, socket: ClientConnection, question: str) -> None:
        try:
            answer = await in_time(socket.recv())
        except ConnectionClosed as closed:
            raise Lost(f"no answer before the end: {closed}") from closed
        if answer != question:
            raise Lost("somebody else's answer")
        self.done()

    async def _listen(self, socket: ClientConnection) -> None:
        """A pause between two questions, in which nothing but an end can come."""
        try:
            async with asyncio.timeout(self._every):
                await socket.recv()
        except TimeoutError:
            return
        raise Lost("a message that nobody asked for")

    def _farewell(self, closed: ConnectionClosed) -> None:
        """1001 and the whole closing handshake is a goodbye, anything else a loss."""
        said = closed.rcvd is not None and closed.rcvd.code == _GOING_AWAY
        if not said or closed.sent is None or not closed.rcvd_then_sent:
            raise Lost(f"no goodbye: {closed}") from closed
        self.served(goodbye=True)


class Lines(Client):
    """A line and its echo over bare TCP, for a while; then both sides end."""

    PAUSE = 0.2

    def __init__(
        self, balancer: Balancer, score: Score, stop: asyncio.Event, *, seconds: float
    ) -> None:
        super().__init__(balancer, score, stop)
        self._rounds = max(1, round(seconds / self.PAUSE))

    async def run(self) -> None:
        """Talk, half-close, and wait for the other half."""
        port = self.balancer.pick().tcp_port
        try:
            reader, writer = await in_time(asyncio.open_connection("127.0.0.1", port))
        except FAILURES as error:
            return self.lost(error)
        try:
            await self._talk(reader, writer)
        except FAILURES as error:
            self.lost(error)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(self._rounds):
            line = b"line %d\n" % number
            # Tells of a reset as what it is; writing after one is a RuntimeError on uvloop.
            await writer.drain()
            writer.write(line)
            if await in_time(reader.readline()) != line:
                raise Lost("the connection ended, or another line came")
            self.done()
            await asyncio.sleep(self.PAUSE)
        await writer.drain()
        writer.write_eof()
        if await in_time(reader.read()):
            raise Lost("bytes that nobody asked for")
        self.served()


async def in_time(waiting: Awaitable[T]) -> T:
    """What is waited for; Lost if that takes longer than any client waits."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await waiting
    except TimeoutError:
        raise Lost(f"no answer within {PATIENCE:g} s") from None
