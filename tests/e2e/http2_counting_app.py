"""An app of HTTP/2 that takes whatever comes, and counts it.

It acknowledges what it must, and resets streams where real apps do. It ends no connection: that
would hide what a proxy lets pass.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hpack import Decoder, Encoder

from tests.e2e.conformance.frames import (
    ACK,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    LARGEST_WINDOW,
    PREFACE,
    PRIORITIZED,
    WHOLE,
    Code,
    Kind,
    Setting,
    data,
    goaway,
    headers,
    ping,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.http2_ends import DEFAULT_WINDOW, PATIENCE, End, decoded


class AppEnd(End):
    """The app's end of a connection.

    Once a request has ended, /hello is answered, and /BYTES with a body of so many; /hold never. At
    /goodbye it says that this request is the last one that it takes.
    """

    def __init__(self, greeting: bytes) -> None:
        super().__init__()
        self.highest = 0
        # Streams that are not over, and the most of them at a time.
        self.open: dict[int, str] = {}
        self.most_open = 0
        self.ended_by_client: set[int] = set()
        self.window, self._initial_window = DEFAULT_WINDOW, DEFAULT_WINDOW
        self._windows: dict[int, int] = {}
        self._largest_frame = DEFAULT_FRAME_SIZE
        self._bodies: dict[int, int] = {}
        self._encoder, self._decoder = Encoder(), Decoder()
        self._head = (0, 0, b"")
        self._greeting = greeting
        self._preface = len(PREFACE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.send(self._greeting)

    def data_received(self, data: bytes) -> None:
        left, self._preface = self._preface, max(0, self._preface - len(data))
        super().data_received(data[left:])

    def came(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._head_came(kind, flags, stream, payload)
        elif kind == Kind.DATA:
            self._data_came(flags, stream)
        elif kind == Kind.RST_STREAM:
            self.close(stream)
        elif kind == Kind.SETTINGS and not flags & ACK:
            self._settings_came(payload)
        elif kind == Kind.PING and not flags & ACK:
            self.send(ping(payload, ACK))
        elif kind == Kind.WINDOW_UPDATE:
            self._window_came(stream, int.from_bytes(payload))
        elif kind == Kind.PRIORITY and payload[:4] == stream.to_bytes(4):
            self.reset(stream, Code.PROTOCOL_ERROR)

    def close(self, stream: int) -> None:
        """This stream is over."""
        for about in (self.open, self._windows, self._bodies):
            about.pop(stream, None)
        self.ended_by_client.discard(stream)

    def reset(self, stream: int, code: Code) -> None:
        """End a stream that is open."""
        if stream in self.open:
            self.close(stream)
            self.send(rst_stream(stream, code))

    def _head_came(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.HEADERS:
            self._head = (flags, stream, payload[5:] if flags & PRIORITIZED else payload)
        else:
            self._head = (*self._head[:2], self._head[2] + payload)
        if not flags & END_HEADERS:
            return
        flags, stream, block = self._head
        path = decoded(self._decoder, block).get(":path", "")
        if stream > self.highest:
            self.highest = stream
            self.open[stream] = path
            self.most_open = max(self.most_open, len(self.open))
            self._windows[stream] = self._initial_window
        if flags & END_STREAM:
            self._request_ended(stream)

    def _data_came(self, flags: int, stream: int) -> None:
        if stream in self.ended_by_client:
            self.reset(stream, Code.STREAM_CLOSED)
        elif flags & END_STREAM:
            self._request_ended(stream)

    def _request_ended(self, stream: int) -> None:
        path = self.open.get(stream, "/hold")
        self.ended_by_client.add(stream)
        if path == "/goodbye":
            self.send(goaway(Code.NO_ERROR, stream))
        if path in ("/goodbye", "/hold"):
            return
        block = self._encoder.encode([(":status", "200")])
        if path[1:].isdigit():
            self.send(headers(stream, block, END_HEADERS))
            self._bodies[stream] = int(path[1:])
            self._pump(stream)
        else:
            self.send(headers(stream, block, WHOLE))
            self.close(stream)

    def _settings_came(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            name, value = (
                int.from_bytes(payload[at : at + 2]),
                int.from_bytes(payload[at + 2 : at + 6]),
            )
            if name == Setting.INITIAL_WINDOW_SIZE:
                self._initial_window = value
            elif name == Setting.MAX_FRAME_SIZE:
                self._largest_frame = value
        self.send(settings(flags=ACK))

    def _window_came(self, stream: int, increment: int) -> None:
        if not stream:
            self.window += increment
            for each in [*self._bodies]:
                self._pump(each)
        elif stream in self.open:
            self._windows[stream] += increment
            if not increment:
                self.reset(stream, Code.PROTOCOL_ERROR)
            elif self._windows[stream] > LARGEST_WINDOW:
                self.reset(stream, Code.FLOW_CONTROL_ERROR)
            else:
                self._pump(stream)

    def _pump(self, stream: int) -> None:
        """As much of the body as the windows take."""
        while left := self._bodies.get(stream, 0):
            size = min(left, self.window, self._windows[stream], self._largest_frame)
            if size <= 0 or self.stuck:
                return
            self.window -= size
            self._windows[stream] -= size
            self._bodies[stream] -= size
            self.send(data(stream, bytes(size), END_STREAM if size == left else 0))
            if size == left:
                self.close(stream)

    def pause_writing(self) -> None:
        """As apps do, it takes no more while nobody takes what it says."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.transport.resume_reading()
        for stream in [*self._bodies]:
            self._pump(stream)


class App:
    """All its connections, in order."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._come = asyncio.Event()
        self.connections: list[AppEnd] = []

    def accepted(self) -> AppEnd:
        """A new connection."""
        self.connections.append(AppEnd(self._greeting))
        self._come.set()
        return self.connections[-1]

    async def connection(self, index: int) -> AppEnd:
        """The connection with this number, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while len(self.connections) <= index:
                self._come.clear()
                await self._come.wait()
        return self.connections[index]


@asynccontextmanager
async def counting_app(port: int, *values: tuple[int, int]) -> AsyncIterator[App]:
    """An app on this port of 127.0.0.1 that announces these settings, and the largest windows."""
    largest = (Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW)
    greeting = settings(largest, *values)
    app = App(greeting + window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW))
    server = await asyncio.get_running_loop().create_server(app.accepted, "127.0.0.1", port)
    try:
        yield app
    finally:
        server.close()
        for connection in app.connections:
            connection.transport.abort()
