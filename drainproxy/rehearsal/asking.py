"""One HTTP request, sent once, and how its failure looks to the client."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp

from drainproxy.rehearsal import scores
from drainproxy.rehearsal.app import VERSION_HEADER
from drainproxy.rehearsal.faults import FAULT_HEADER

# How long a client waits for the next bytes before it gives up, in seconds.
PATIENCE = 10.0
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)

# A redirect is an answer too, which is not followed: it may lead to somebody else.
_ANSWERS, _SERVER_ERRORS = range(200, 400), 500

T = TypeVar("T")


class Lost(Exception):
    """Something did not come back as it should have: `how`, a class of losses, and why.

    `in_app`: the app may have been at work on it, so that it is lost with the app.
    """

    def __init__(self, how: str, why: str, in_app: bool = True) -> None:
        super().__init__(why)
        self.how = how
        self.in_app = in_app and how != scores.REFUSED


def status_lost(status: int, of_the_proxy: bool) -> Lost:
    if status < _SERVER_ERRORS:
        return Lost(scores.WRONG, f"status {status}")
    return Lost(scores.PROXY_5XX if of_the_proxy else scores.APP_5XX, f"status {status}")


class Answer:
    """An answer whose head is there."""

    def __init__(self, response: aiohttp.ClientResponse, waited: float, port: int) -> None:
        self._response = response
        self.waited = waited
        # From which the client has asked.
        self.port = port
        self.said_version = response.headers.get(VERSION_HEADER, "")
        self.spoilt = FAULT_HEADER in response.headers
        self.closes = response.headers.get("Connection", "").lower() == "close"
        self.media_type = response.content_type
        if response.status not in _ANSWERS:
            raise status_lost(response.status, "Proxy-Status" in response.headers)

    async def body(self) -> bytes:
        """All of it."""
        return await self._response.read()

    async def events(self, enough: Callable[[], bool]) -> AsyncIterator[str]:
        """The first line of each event, until the end or until it is enough."""
        before = ""
        async for raw in self._response.content:
            line = raw.decode().rstrip("\n")
            if line and not before:
                yield line
            before = line
            if enough():
                break


class asked:
    """One request, once; a failure inside of the block is a Lost that tells what it looked like."""

    def __init__(
        self,
        session: "SingleConnectionClient",
        method: str,
        url: str,
        body: bytes | None = None,
        accept: str = "*/*",
    ) -> None:
        self._session = session
        self._seen = SimpleNamespace(fresh=False)
        self._request = session.request(method, url, body, accept, self._seen)
        self._answered = False
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Answer:
        began = self._loop.time()
        try:
            response = await self._request.__aenter__()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._lost(error) from error
        self._answered = True
        try:
            return Answer(response, self._loop.time() - began, self._session.port)
        except Lost:
            response.release()
            raise

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        await self._request.__aexit__(kind, error, traceback)
        if isinstance(error, (aiohttp.ClientError, OSError, TimeoutError)):
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> Lost:
        if isinstance(error, TimeoutError):
            return Lost(scores.TIMEOUT, f"nothing for {PATIENCE:g} s")
        if self._answered:
            return Lost(scores.RESET_AFTER, type(error).__name__)
        fresh = self._seen.fresh or isinstance(error, aiohttp.ClientConnectorError)
        return Lost(scores.REFUSED if fresh else scores.RESET_BEFORE, type(error).__name__)


class SingleConnectionClient:
    """One that has one connection, for one request only or to `keep`, and repeats nothing.

    `port` is the client's own, of the connection that is there or was there last.
    """

    def __init__(self, keep: bool = True) -> None:
        self.port = 0
        self._socket: socket.socket | None = None
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(_fresh)
        trace.on_connection_create_end.append(self._connected)
        self._client = aiohttp.ClientSession(
            timeout=_TIMEOUT,
            trace_configs=[trace],
            connector=aiohttp.TCPConnector(
                limit=1, force_close=not keep, socket_factory=self._make_socket
            ),
        )
        # It would send an idempotent request again, and there is no public switch for that.
        self._client._retry_connection = False

    async def __aenter__(self) -> "SingleConnectionClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    def request(
        self, method: str, url: str, body: bytes | None, accept: str, seen: SimpleNamespace
    ) -> Any:
        """The request, to be sent when it is entered; `seen` is told whether it has connected."""
        return self._client.request(
            method,
            url,
            data=body,
            headers={"Accept": accept},
            allow_redirects=False,
            trace_request_ctx=seen,
        )

    def _make_socket(self, address: Any) -> socket.socket:
        family, kind, protocol, *_ = address
        self._socket = socket.socket(family, kind, protocol)
        return self._socket

    async def _connected(self, *_: Any) -> None:
        assert self._socket is not None
        self.port = self._socket.getsockname()[1]


async def _fresh(_: Any, context: SimpleNamespace, __: Any) -> None:
    context.trace_request_ctx.fresh = True


async def in_time(waiting: Awaitable[T]) -> T:
    """What is waited for; Lost if that takes longer than any client waits."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await waiting
    except TimeoutError:
        raise Lost(scores.TIMEOUT, f"nothing for {PATIENCE:g} s") from None
