"""An HTTP/1 response that may be endless, if `stream-drain` names any: the carrier of its goodbye.

Once it has to end, each sweep compares its byte count with that of the sweep before, so that
nothing has to be done for each chunk.
"""

import re
from math import inf
from typing import Protocol

from drainproxy.relay.age import Age
from drainproxy.relay.context import Context
from drainproxy.relay.goodbye.endless import EndlessGoodbye
from drainproxy.relay.http1.state import ANSWER_BODY, AnswerState
from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import CLIENT_DOES_NOT_READ
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.http1 import CHUNKED, UNTIL_CLOSE, Request

_LAST_CHUNK = b"0\r\n\r\n"
# Without parameters (RFC 9110 8.3.1).
_MEDIA_TYPE = re.compile(rb"\r\ncontent-type:[ \t]*([^ \t\r;,]+)", re.IGNORECASE)


class EndlessConnection(Protocol):
    """The session whose answer it is."""

    age: Age
    answer_length: int
    answer_state: AnswerState
    app: Transport | None
    app_rest: bytes | None
    client: Transport
    context: Context
    kind: str
    received: int
    request: Request | None
    stops: int

    @property
    def answer_body(self) -> ChunkedBody | None:
        """What follows its chunks, if it has any."""

    @property
    def path(self) -> str:
        """The request target."""

    def say_goodbye(self, why: str) -> None:
        """To this answer."""

    def finish_answer(self, ending: int) -> None:
        """The answer has ended as a whole one; the app need not go on."""


class EndlessAnswer:
    """The carrier of its goodbye. `head` is that of the answer."""

    __slots__ = ("_connection", "_goodbye", "_media_type", "_received")

    def __init__(self, connection: EndlessConnection, head: bytes) -> None:
        self._connection = connection
        self._goodbye = EndlessGoodbye()
        found = _MEDIA_TYPE.search(head)
        self._media_type = found[1].lower() if found is not None else b""
        self._received = -1

    def begin(self) -> None:
        """One that begins while we leave is told in its time."""
        context, sample = self._connection.context, self._connection.age.jitter_sample
        if context.leaving:
            context.latecomers.add(self._connection, context.now(), sample)

    @property
    def media_type(self) -> bytes:
        """Empty if it is over."""
        return self._media_type if self._under_way else b""

    @property
    def _under_way(self) -> bool:
        return self._connection.answer_state is ANSWER_BODY

    @property
    def _may_end(self) -> bool:
        """Named by stream-drain, without an announced length, and the answer to a request that can
        be repeated."""
        connection = self._connection
        request = connection.request
        if request is None or request.method != b"GET" or not self._under_way:
            return False
        ends = connection.context.limits.stream_drain.ends
        framed = connection.answer_length in (CHUNKED, UNTIL_CLOSE)
        return framed and ends(connection.kind, connection.path, self._media_type)

    def say(self, why: str) -> None:
        """End it if this is the moment; called again until it is."""
        connection, now = self._connection, self._connection.context.now()
        if not self._may_end:
            return
        self._goodbye.say(why, now)
        if self._received != connection.received or connection.stops & CLIENT_DOES_NOT_READ:
            self._received = connection.received
            self._goodbye.move(now)
        self._goodbye.poll(now, self)
        if self._goodbye.waits and self._under_way:
            connection.context.latecomers.tell_again(connection)

    def cancel(self) -> None:
        """The drain was taken back: another one looks for a pause of its own."""
        self._goodbye.cancel("", self._connection.context.now())

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

    @property
    def ended(self) -> bool:
        """Nothing follows any more."""
        return not self._under_way

    def has_unread(self) -> bool:
        """Whether bytes of the app have arrived that this process was too busy to read."""
        app = self._connection.app
        return app is not None and self._connection.context.has_unread(app)

    def send(self, payload: bytes) -> None:
        """Nothing is said in it."""
        raise NotImplementedError

    def count_goodbye(self, why: str) -> None:
        """Count it."""
        self._connection.context.counters.goodbyes["http1", why] += 1

    def finish(self, ending: int) -> None:
        """End the body."""
        if self._connection.answer_body is not None:
            self._connection.client.write(_LAST_CHUNK)
        self._connection.finish_answer(ending)
