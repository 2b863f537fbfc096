"""An HTTP/1 response without a length, where `stream-drain` is set: the carrier of its goodbye.

Once it has to end, each sweep compares its byte count with that of the last sweep, so that no chunk
costs anything.
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
    """The session that owns the answer."""

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
        """The parser of the chunked body; None if the body is not chunked."""

    @property
    def path(self) -> str:
        """The request target."""

    def say_goodbye(self, why: str) -> None:
        """Call `EndlessAnswer.say`."""

    def finish_answer(self, ending: int) -> None:
        """The answer was ended as a complete one: drop the app's connection."""


class EndlessAnswer:
    """One such answer, the carrier of its goodbye. `head`: the head of the answer."""

    __slots__ = ("_connection", "_goodbye", "_media_type", "_received")

    def __init__(self, connection: EndlessConnection, head: bytes) -> None:
        self._connection = connection
        self._goodbye = EndlessGoodbye()
        found = _MEDIA_TYPE.search(head)
        self._media_type = found[1].lower() if found is not None else b""
        self._received = -1

    def begin(self) -> None:
        """Register an answer that begins while leaving as a latecomer."""
        context, sample = self._connection.context, self._connection.age.jitter_sample
        if context.leaving:
            context.latecomers.add(self._connection, context.now(), sample)

    @property
    def media_type(self) -> bytes:
        """The media type in lower case, without parameters; empty once the answer is over."""
        return self._media_type if self._under_way else b""

    @property
    def _under_way(self) -> bool:
        return self._connection.answer_state is ANSWER_BODY

    @property
    def _may_end(self) -> bool:
        """Whether a drain may end the answer: `stream-drain` names it, it has no announced length,
        and its request can be repeated (GET)."""
        connection = self._connection
        request = connection.request
        if request is None or request.method != b"GET" or not self._under_way:
            return False
        ends = connection.context.limits.stream_drain.ends
        framed = connection.answer_length in (CHUNKED, UNTIL_CLOSE)
        return framed and ends(connection.kind, connection.path, self._media_type)

    def say(self, why: str) -> None:
        """End the answer in a pause; if there is none now, `latecomers` calls again each sweep."""
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
        """The drain was taken back: drop the pending goodbye."""
        self._goodbye.cancel("", self._connection.context.now())

    # As a carrier

    @property
    def at_boundary(self) -> bool:
        """Between two chunks, or anywhere in a body without chunks; never while bytes of the app
        wait for the next turn."""
        connection = self._connection
        body = connection.answer_body
        return connection.app_rest is None and (body is None or body.between_chunks)

    @property
    def room(self) -> float:
        """Unlimited: there is no flow control but that of TCP."""
        return inf

    @property
    def ended(self) -> bool:
        """The answer is over."""
        return not self._under_way

    def has_unread(self) -> bool:
        """Whether bytes of the app have arrived that this process was too busy to read."""
        app = self._connection.app
        return app is not None and self._connection.context.has_unread(app)

    def send(self, payload: bytes) -> None:
        """Never called: the format of the answer has no place for words of ours."""
        raise NotImplementedError

    def count_goodbye(self, why: str) -> None:
        """Count the goodbye."""
        self._connection.context.counters.goodbyes["http1", why] += 1

    def finish(self, ending: int) -> None:
        """End the body."""
        if self._connection.answer_body is not None:
            self._connection.client.write(_LAST_CHUNK)
        self._connection.finish_answer(ending)
