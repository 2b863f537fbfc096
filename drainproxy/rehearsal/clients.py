"""Clients over HTTP, on real sockets; each records what it lost.

None of them retries: a request is sent once, and if the right response does not come it is lost. A
connection that was closed gracefully is opened again, to where the balancer sends it.
"""

import asyncio
import random
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from drainproxy.rehearsal import scores
from drainproxy.rehearsal.app import VERSION_HEADER, content
from drainproxy.rehearsal.asking import (
    PATIENCE,
    Answer,
    Lost,
    SingleConnectionClient,
    asked,
    in_time,
    status_lost,
)
from drainproxy.rehearsal.faults import FAULT_HEADER
from drainproxy.rehearsal.scores import Score

# After a loss, so that a service that is gone is not asked thousands of times.
AFTER_LOSS = 0.1

# What a WebSocket hears that has to move, and for an app that has died (IANA, WebSocket Close Code
# Number Registry: Service Restart, Bad Gateway).
GOODBYES = frozenset({1001})
GOODBYES_OF_THE_DEAD = GOODBYES | {1012, 1014}
# A question that the sidecar has seen keeps its Close back for 100 ms: one that comes sooner was on
# the wire already, and no peer answers what comes after its Close (RFC 6455, 5.5.1).
CROSSED_WITHIN = 0.1
_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the clients go, and what they ask for there.

    The built-in app's answers are compared with what they should be; of another app's only that
    they come whole.
    """

    http_port: int
    grpc_port: int
    built_in: bool = True
    path: str = "/"
    websocket_path: str = "/ws"
    events_path: str = "/events"
    # Seconds between two requests of one client over HTTP or gRPC, and questions on a WebSocket.
    pause: float = 0.1
    question_every: float = 1.0
    # Which version the balancer has sent the client to that comes from a port; empty if it does
    # not know.
    version_at: Callable[[int], str] = lambda port: ""
    # The codes of Close that are goodbyes.
    goodbyes: Container[int] = GOODBYES
    # Where users come and go: how many others come while one stays, by kind.
    stays: Mapping[str, float] = field(default_factory=dict)

    def version(self, port: int, said: str) -> str:
        """The version that serves the client on this port: an app may `say` it, or the same for
        ever."""
        return self.version_at(port) or said

    def url(self, path: str, scheme: str = "http") -> str:
        """An address of it."""
        return f"{scheme}://127.0.0.1:{self.http_port}{path}"


class Client:
    """One client: it lives for one call of `run`."""

    def __init__(self, service: Target, score: Score, stop: asyncio.Event) -> None:
        self.service = service
        self.score = score
        self.stop = stop
        self._last = self._asked_at = score.clock.now()

    async def run(self) -> None:
        """Work until `stop`; what is under way then is still waited for."""
        while not self.stop.is_set():
            await self.once()

    async def once(self) -> None:
        """Work, and write down what was lost by it."""
        self._asked_at = self.score.clock.now()
        try:
            await self.work()
        except Lost as lost:
            if lost.in_app and self.score.clock.killed_since(self._asked_at):
                self.score.died_with_app(lost.how)
            else:
                self.score.lost(lost.how, str(lost))
            await self.sleep(AFTER_LOSS)

    async def work(self) -> None:
        """Use one connection for as long as it is there; Lost if it breaks."""
        raise NotImplementedError

    def answered(self, version: str, took: float | None = None) -> None:
        """One more thing came as it should."""
        now = self.score.clock.now()
        self.score.gap(now - self._last)
        self._last = self._asked_at = now
        self.score.answered(version, took)

    def spoilt(self) -> None:
        """The app says of an answer that a fault has met it."""

    def leaves(self) -> bool:
        """Whether it uses the connection that it has no longer."""
        return self.stop.is_set()

    def goodbye(self) -> None:
        """A connection was ended politely, more was wanted of it."""
        self.score.goodbyes += 1

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond `stop`."""
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            pass

    async def pause(self) -> None:
        """Between two requests: its length is drawn, so that clients do not march in step."""
        await self.sleep(random.uniform(0, 2 * self.service.pause))


class Requests(Client):
    """Short requests on a keep-alive connection, and in between a slow download."""

    # Whether its requests share a connection.
    KEEPS = True
    APP_TAKES = 0.02
    DOWNLOAD_EVERY = 50
    DOWNLOAD_SIZE, DOWNLOAD_SECONDS = 65_536, 1.0

    async def run(self) -> None:
        """One session for the whole life: it keeps the connection, and opens the next one."""
        async with SingleConnectionClient(keep=self.KEEPS) as self._session:
            self._number = random.randrange(self.DOWNLOAD_EVERY)
            await super().run()

    async def work(self) -> None:
        """One request, and a pause."""
        self._number += 1
        if self.service.built_in and self._number % self.DOWNLOAD_EVERY == 0:
            await self._download()
        elif self.service.built_in:
            await self._echo()
        else:
            await self._get(self.service.path)
        await self.pause()

    async def _echo(self) -> None:
        question = f"{id(self)} {self._number}".encode()
        url = self.service.url(f"/echo?seconds={self.APP_TAKES}")
        async with asked(self._session, "POST", url, question) as answer:
            began = self.score.clock.now()
            if await answer.body() != question:
                raise Lost(scores.WRONG, "the answer to another request")
        self._done(answer, self.score.clock.now() - began + answer.waited)

    async def _download(self) -> None:
        chunked = self._number // self.DOWNLOAD_EVERY % 2
        target = f"/download?size={self.DOWNLOAD_SIZE}&seconds={self.DOWNLOAD_SECONDS}"
        url = self.service.url(f"{target}&chunked={chunked}")
        async with asked(self._session, "GET", url) as answer:
            if await answer.body() != b"".join(content(self.DOWNLOAD_SIZE)):
                raise Lost(scores.WRONG, "the download has other bytes than it should")
        self._done(answer)

    async def _get(self, path: str) -> None:
        async with asked(self._session, "GET", self.service.url(path)) as answer:
            await answer.body()
        self._done(answer, answer.waited)

    def _done(self, answer: Answer, took: float | None = None) -> None:
        self.score.exchanges += 1
        self.answered(self.service.version(answer.port, answer.said_version), took)
        if answer.spoilt:
            self.spoilt()
        if answer.closes and self.KEEPS:
            self.goodbye()


class Events(Client):
    """An event stream without an end, whose events must come without a gap."""

    async def work(self) -> None:
        """One stream, until it is told to come again: also where its app has died."""
        try:
            await self._listen()
        except Lost as lost:
            lost.in_app = False
            raise

    async def _listen(self) -> None:
        self.score.exchanges += 1
        url = self.service.url(self.service.events_path)
        async with (
            SingleConnectionClient() as own,
            asked(own, "GET", url, accept=_EVENTS) as answer,
        ):
            if answer.media_type != _EVENTS:
                raise Lost(scores.WRONG, f"no event stream, but {answer.media_type}")
            retry, number = None, 0
            version = self.service.version(answer.port, answer.said_version)
            if answer.spoilt:
                self.spoilt()
            async for event in answer.events(self.leaves):
                if event.startswith("retry: "):
                    retry = int(event.removeprefix("retry: "))
                    continue
                if self.service.built_in and event != f"id: {number}":
                    raise Lost(scores.WRONG, f"event {number} is missing")
                number += 1
                self.answered(version)
        if self.leaves():
            return
        if retry is None and self.service.built_in:
            raise Lost(scores.RESET_AFTER, "the stream ended without a word")
        self.goodbye()
        await self.sleep((retry or 0) / 1000)


class Questions(Client):
    """A WebSocket that asks, is answered, and comes again when it is told 1001."""

    _asked = 0

    async def work(self) -> None:
        """One WebSocket, until it is told to go."""
        url = self.service.url(self.service.websocket_path, "ws")
        try:
            # Never by a proxy of the environment: all of this is on loopback.
            socket = await connect(url, proxy=None, open_timeout=PATIENCE)
        except (OSError, EOFError, WebSocketException, TimeoutError) as error:
            raise _not_opened(error) from error
        self.score.exchanges += 1
        async with socket:
            response = socket.response
            said = response.headers.get(VERSION_HEADER, "") if response else ""
            version = self.service.version(socket.local_address[1], said)
            if response and FAULT_HEADER in response.headers:
                self.spoilt()
            await self._converse(socket, version)

    async def _converse(self, socket: ClientConnection, version: str) -> None:
        while not self.leaves():
            self._asked += 1
            question = f"question {self._asked}"
            began = self._asked_at = self.score.clock.now()
            try:
                await socket.send(question)
            except ConnectionClosed as closed:
                return self._farewell(closed)
            try:
                answer = await in_time(socket.recv())
            except ConnectionClosed as closed:
                return self._unanswered(closed, self.score.clock.now() - began)
            if self.service.built_in and answer != question:
                raise Lost(scores.WRONG, "the answer to another request")
            self.answered(version, self.score.clock.now() - began)
            try:
                await self._pause(socket)
            except ConnectionClosed as closed:
                return self._farewell(closed)

    async def _pause(self, socket: ClientConnection) -> None:
        """Between two questions nothing but an end can come, or what another app has to say."""
        waiting = asyncio.ensure_future(socket.recv())
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait(
                {waiting, stopping},
                timeout=self.service.question_every,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if waiting.done():
                waiting.result()
                if self.service.built_in:
                    raise Lost(scores.WRONG, "a message that nobody asked for")
        finally:
            for task in (waiting, stopping):
                task.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)

    def _unanswered(self, closed: ConnectionClosed, after: float) -> None:
        """A goodbye is none to whoever still waits for an answer."""
        if not polite(closed, self.service.goodbyes):
            raise Lost(f"ws {code(closed)}", "a question stayed unanswered") from closed
        if after >= CROSSED_WITHIN:
            raise Lost(scores.UNANSWERED, "Close came before the answer") from closed
        self.score.crossed += 1
        self.goodbye()

    def _farewell(self, closed: ConnectionClosed) -> None:
        """1001 and the whole closing handshake is a goodbye, anything else a loss: a proxy could
        say it also for an app that has gone."""
        if not polite(closed, self.service.goodbyes):
            raise Lost(f"ws {code(closed)}", f"no goodbye: {closed}", in_app=False) from closed
        self.goodbye()


def polite(closed: ConnectionClosed, codes: Container[int] = GOODBYES) -> bool:
    """Whether it was one of these, and the whole closing handshake."""
    return bool(code(closed) in codes and closed.sent and closed.rcvd_then_sent)


def code(closed: ConnectionClosed) -> int:
    """The code that the other side sent, 1006 if it sent none (RFC 6455, 7.1.5)."""
    return 1006 if closed.rcvd is None else closed.rcvd.code


def _not_opened(error: Exception) -> Lost:
    if isinstance(error, InvalidStatus):
        return status_lost(error.response.status_code, "Proxy-Status" in error.response.headers)
    if isinstance(error, TimeoutError):
        return Lost(scores.TIMEOUT, "no answer to the upgrade")
    return Lost(scores.REFUSED, "the upgrade was not answered")
