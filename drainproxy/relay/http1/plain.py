"""An HTTP/1 answer without an end by itself, from the moment when it has to end."""

from math import inf
from typing import Protocol

from drainproxy.relay.context import Context
from drainproxy.relay.goodbye.plain import PlainGoodbye
from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import CLIENT_DOES_NOT_READ
from drainproxy.wire.chunked import ChunkedBody

_LAST_CHUNK = b"0\r\n\r\n"


class Connection(Protocol):
    """The session whose answer it is."""

    context: Context
    client: Transport
    app: Transport | None
    app_rest: bytes | None
    opened: float
    received: int
    stops: int

    @property
    def answer_body(self) -> ChunkedBody | None:
        """What follows its chunks, if it has any."""

    def end_events(self, ending: int) -> None:
        """The answer has ended as a whole one; the app need not go on."""


class PlainAnswer:
    """The carrier of its goodbye. It is looked at with each sweep, and what has passed until then
    is told by the count of bytes: so nothing is done for each of its chunks."""

    __slots__ = ("_connection", "_goodbye", "_opened", "_received", "ended")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._goodbye = PlainGoodbye()
        self._opened = connection.opened
        self._received = connection.received
        self.ended = False

    @property
    def is_current(self) -> bool:
        """The connection is at no other exchange."""
        return self._opened == self._connection.opened

    def say(self, why: str) -> None:
        """End it if this is the moment; called again until it is."""
        connection, now = self._connection, self._connection.context.now()
        self._goodbye.say(why, now)
        if self._received != connection.received or connection.stops & CLIENT_DOES_NOT_READ:
            self._received = connection.received
            self._goodbye.move(now)
        self._goodbye.poll(now, self)

    # As a carrier

    @property
    def at_boundary(self) -> bool:
        """Between two chunks, if there are chunks."""
        connection = self._connection
        body = connection.answer_body
        return connection.app_rest is None and (body is None or body.between_chunks)

    @property
    def room(self) -> float:
        """There is no flow control but that of TCP."""
        return inf

    def has_unread(self) -> bool:
        """Whether bytes of the app have arrived that this process was too busy to read."""
        app = self._connection.app
        return app is not None and self._connection.context.has_unread(app)

    def send(self, payload: bytes) -> None:
        """Nothing is said in it."""
        raise NotImplementedError

    def told(self, why: str) -> None:
        """Count it."""
        self._connection.context.counters.goodbyes["http1", why] += 1

    def finish(self, ending: int) -> None:
        """End the body."""
        self.ended = True
        if self._connection.answer_body is not None:
            self._connection.client.write(_LAST_CHUNK)
        self._connection.end_events(ending)
