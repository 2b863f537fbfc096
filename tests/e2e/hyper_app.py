"""An HTTP/2 app that keeps account of every stream it ran, on h2: whatever h2 takes for an error of
the protocol is one of the proxy.

An answer echoes x-name and x-colour in its head, has a body that says how long the request's was,
and trailers that echo x-end; a gRPC one has its status there too.

/now    answered when the request has ended
/held   the head of the answer at once, the rest when that is `released`
/never  answered when that is `released`, and not before
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    PingAckReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from tests.e2e.hyper_client import Answer

ECHOED = ("x-name", "x-colour")
_MOST_STREAMS = 10_000


@dataclass
class Request:
    """What the app got on one stream."""

    connection: "Connection"
    stream: int
    fields: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    begun: bool = False
    reset: int | None = None

    @property
    def name(self) -> str:
        """As the client calls it."""
        return self.fields["x-name"]

    def answer(self) -> None:
        """All that has not been said yet."""
        h2 = self.connection.h2
        self.begin()
        h2.send_data(self.stream, body_of(self.name, bytes(self.body)))
        trailers = [("x-end", self.trailers.get("x-end", "none"))]
        if "grpc" in self.fields.get("content-type", ""):
            trailers.append(("grpc-status", "0"))
        h2.send_headers(self.stream, trailers, end_stream=True)
        self.connection.flush()

    def begin(self) -> None:
        """The head."""
        if self.begun:
            return
        self.begun = True
        head = [(":status", "200"), ("content-type", self.fields.get("content-type", "text/plain"))]
        head += [(name, self.fields[name]) for name in ECHOED if name in self.fields]
        self.connection.h2.send_headers(self.stream, head)
        self.connection.flush()


def body_of(name: str, body: bytes) -> bytes:
    """What the app answers to a request with this name and body."""
    return b"%s: %d bytes" % (name.encode(), len(body))


def whole(answer: Answer, name: str, body: bytes = b"", colour: str = "", end: str = "") -> bool:
    """Whether this is all that the app answers to a request with this name, this body, this colour
    and this end, none of which another request had."""
    if not answer.ended or answer.reset is not None or len(answer.heads) != 2:
        return False
    head, trailers = answer.heads
    echoed = {field: value for field, value in head.items() if field in ECHOED}
    wanted = {"x-name": name, "x-colour": colour}
    if not colour:
        del wanted["x-colour"]
    return (head[":status"], echoed, bytes(answer.data), trailers["x-end"]) == (
        *("200", wanted, body_of(name, body), end or "none"),
    )


class App:
    """All connections together; `errors` are the proxy's."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.errors: list[str] = []
        self.silent = False
        self.released = False

    @property
    def address(self) -> str:
        """What to forward to."""
        return f"127.0.0.1:{self.port}"

    @property
    def ran(self) -> list[str]:
        """The names of all requests."""
        return [request.name for request in self.requests]

    def request(self, name: str) -> Request:
        """The one with this name, which came once."""
        (found,) = (request for request in self.requests if request.name == name)
        return found

    def release(self) -> None:
        """From now on nothing is held."""
        self.released = True
        for request in self.requests:
            if request.ended and request.reset is None and request.fields[":path"] != "/now":
                request.answer()

    def speak(self) -> None:
        """Say what was kept while `silent`, SETTINGS first of all."""
        self.silent = False
        for connection in self.connections:
            connection.flush()

    def kill(self) -> None:
        """End all connections without a word."""
        for connection in self.connections:
            connection.transport.abort()


class Connection(asyncio.Protocol):
    """One connection of the proxy."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        most = {SettingCodes.MAX_CONCURRENT_STREAMS: _MOST_STREAMS}
        self.h2.local_settings = Settings(client=False, initial_values=most)
        self._requests: dict[int, Request] = {}
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._app.connections.append(self)
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except ProtocolError as error:
            self._app.errors.append(repr(error))
            self.transport.abort()
            return
        for event in events:
            self._on(event)
        self.flush()

    def flush(self) -> None:
        """Say what there is to say."""
        if not self._app.silent:
            self.transport.write(self.h2.data_to_send())

    def _on(self, event: Event) -> None:
        match event:
            case RequestReceived():
                fields = {str(name): str(value) for name, value in event.headers}
                request = Request(self, event.stream_id, fields)
                self._requests[event.stream_id] = request
                self._app.requests.append(request)
                if fields[":path"] == "/held":
                    request.begin()
            case DataReceived():
                self._requests[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case TrailersReceived():
                trailers = {str(name): str(value) for name, value in event.headers}
                self._requests[event.stream_id].trailers = trailers
            case StreamEnded():
                self._ended(self._requests[event.stream_id])
            case StreamReset():
                self._requests[event.stream_id].reset = int(event.error_code)
            case PingAckReceived():
                self._app.errors.append("somebody answers a PING that nobody sent")

    def _ended(self, request: Request) -> None:
        request.ended = True
        if self._app.released or request.fields[":path"] == "/now":
            request.answer()


@asynccontextmanager
async def hyper_app() -> AsyncIterator[App]:
    """The app on a free port; the proxy must have kept the protocol until the end of the block."""
    loop = asyncio.get_running_loop()
    app = App()
    server = await loop.create_server(lambda: Connection(app), "127.0.0.1", 0)
    app.port = server.sockets[0].getsockname()[1]
    try:
        yield app
    finally:
        server.close()
        app.kill()
    assert app.errors == []
