"""A client of HTTP/2 that says whatever it is told, and somebody beside it who is honest."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic

from hpack import Decoder, Encoder

from tests.e2e.conformance.frames import (
    ACK,
    END_STREAM,
    LARGEST_WINDOW,
    PREFACE,
    WHOLE,
    Kind,
    headers,
    ping,
    settings,
    window_update,
)
from tests.e2e.http2_ends import End, decoded

Fields = Iterable[tuple[str, str]]


class ClientEnd(End):
    """The client's end of a connection; `goaway` is the code of what was said last, if anything."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self._decoder = Encoder(), Decoder()
        self.acknowledges = True
        self.goaway: int | None = None
        self.last = LARGEST_WINDOW
        self.next = 1
        self.resets: dict[int, int] = {}
        self.statuses: dict[int, str] = {}
        self.whole: set[int] = set()
        # Bytes of DATA that came, by stream; and after how many of them the windows are given back.
        self.bodies: Counter[int] = Counter()
        self.gives_back = LARGEST_WINDOW
        self._owed: Counter[int] = Counter()

    def came(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.HEADERS:
            fields = decoded(self._decoder, payload)
            self.statuses.setdefault(stream, fields.get(":status", ""))
        elif kind == Kind.DATA:
            self.bodies[stream] += len(payload)
            self._give_back(stream, len(payload))
        elif kind == Kind.RST_STREAM:
            self.resets[stream] = int.from_bytes(payload)
        elif kind == Kind.GOAWAY:
            self.last, self.goaway = int.from_bytes(payload[:4]), int.from_bytes(payload[4:8])
        elif kind == Kind.SETTINGS and not flags & ACK and self.acknowledges:
            self.send(settings(flags=ACK))
        elif kind == Kind.PING and not flags & ACK:
            self.send(ping(payload, ACK))
        if kind in (Kind.HEADERS, Kind.DATA) and flags & END_STREAM:
            self.whole.add(stream)

    def _give_back(self, stream: int, length: int) -> None:
        self._owed[stream] += length
        while self._owed[stream] >= self.gives_back:
            self._owed[stream] -= self.gives_back
            self.send(window_update(stream, self.gives_back) + window_update(0, self.gives_back))

    async def greet(self, *values: tuple[int, int], acknowledges: bool = True) -> None:
        """Until the settings of the app have come, and been acknowledged."""
        self.acknowledges = acknowledges
        self.send(PREFACE + settings(*values))
        await self.until(lambda: self.frames[Kind.SETTINGS] > 0)

    def stream(self) -> int:
        """The number of a new stream."""
        self.next += 2
        return self.next - 2

    def block(self, path: str, method: str = "GET", fields: Fields = ()) -> bytes:
        """The head of a request."""
        pseudo = {":method": method, ":scheme": "http", ":path": path, ":authority": "a.example"}
        return self.encoder.encode([*pseudo.items(), *fields])

    def ask(self, path: str, method: str = "GET", fields: Fields = (), flags: int = WHOLE) -> int:
        """Send the head of a request; its stream."""
        stream = self.stream()
        self.send(headers(stream, self.block(path, method, fields), flags))
        return stream

    async def answered(self, stream: int) -> str:
        """The status, when the answer has come as a whole."""
        await self.until(lambda: stream in self.whole or stream in self.resets or self.ended)
        assert stream not in self.resets, f"reset with {self.resets[stream]}"
        assert stream in self.whole, f"the connection ended; GOAWAY {self.goaway}"
        return self.statuses[stream]


@asynccontextmanager
async def http2_client(port: int) -> AsyncIterator[ClientEnd]:
    """A connection to this port of 127.0.0.1, on which nothing was said yet."""
    _, end = await asyncio.get_running_loop().create_connection(ClientEnd, "127.0.0.1", port)
    try:
        yield end
    finally:
        end.transport.abort()


Ask = Callable[[ClientEnd], int]


class Neighbour:
    """Somebody on another connection, who asks again and again."""

    def __init__(self, end: ClientEnd, ask: Ask) -> None:
        self._end, self._ask = end, ask
        self.slowest = 0.0

    async def ask_once(self) -> None:
        """Ask, and be answered."""
        began = monotonic()
        assert await self._end.answered(self._ask(self._end)) == "200"
        self.slowest = max(self.slowest, monotonic() - began)

    async def go_on(self) -> None:
        """Without end."""
        while True:
            await self.ask_once()
            await asyncio.sleep(0.002)


@asynccontextmanager
async def neighbour(
    port: int, ask: Ask = lambda end: end.ask("/hello")
) -> AsyncIterator[Neighbour]:
    """He is answered before the block, all the while, and after it."""
    async with http2_client(port) as end:
        await end.greet()
        asks = Neighbour(end, ask)
        await asks.ask_once()
        task = asyncio.create_task(asks.go_on())
        try:
            yield asks
        finally:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asks.ask_once()
