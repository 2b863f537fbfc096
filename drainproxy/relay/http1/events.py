"""An HTTP/1 response that is an event stream: the carrier of its goodbye."""

import re
from math import inf
from typing import Protocol, Self

from drainproxy.drain.goodbye import DRAIN
from drainproxy.relay.age import Age
from drainproxy.relay.context import Context
from drainproxy.relay.goodbye.events import EventBody, EventGoodbye
from drainproxy.relay.transport import Transport
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.http1 import Request

# WHATWG HTML 9.2.4: an EventSource that reconnects sends the last id that it has received.
_ASKED_BY_ID = re.compile(rb"\r\nlast-event-id:[ \t]*[^ \t\r]", re.IGNORECASE)


class EventConnection(Protocol):
    """The session that owns the answer."""

    age: Age
    context: Context
    client: Transport
    app: Transport | None

    def say_goodbye(self, why: str) -> None:
        """Call `EventAnswer.say`."""

    def finish_answer(self, ending: int) -> None:
        """The answer was ended as a complete one: drop the app's connection."""


class EventAnswer:
    """One event stream, in chunks or raw bytes, the carrier of its goodbye. `ended`: by us."""

    __slots__ = ("_connection", "body", "ended")

    def __init__(self, connection: EventConnection, body: EventBody) -> None:
        self._connection = connection
        self.body = body
        self.ended = False

    @classmethod
    def to(cls, connection: EventConnection, request: Request, scan: ChunkedBody | None) -> Self:
        """The answer to this request. `scan`: the parser of its chunks, None without chunks."""
        has_last_event_id = bool(_ASKED_BY_ID.search(request.head))
        goodbye = EventGoodbye(connection.context, has_last_event_id=has_last_event_id)
        return cls(connection, EventBody(goodbye, scan))

    @property
    def waits(self) -> bool:
        """A goodbye is pending."""
        return self.body.goodbye.waits

    def begin(self) -> None:
        """Ask for the goodbye at once if the client was asked to reconnect, or is due to be told of
        the drain; else register a stream that begins while leaving as a latecomer."""
        context, age = self._connection.context, self._connection.age
        sample = age.jitter_sample
        if age.goodbye_why:
            # No poll: the first events are in the bytes that are being read.
            self.body.goodbye.say(age.goodbye_why, context.now())
        elif context.leaving and "sse" in context.limits.kinds_ended_by_drain:
            if context.latecomers.tells(context.now(), sample):
                self.body.goodbye.say(DRAIN, context.now())
            else:
                context.latecomers.add(self._connection, context.now(), sample)

    def say(self, why: str) -> None:
        """End the stream behind the next event at which it may end."""
        self.body.goodbye.say(why, self._connection.context.now())
        self.poll()

    def hasten(self, why: str) -> None:
        """Time is up: end the stream behind the event that is under way."""
        self.body.goodbye.hasten(why, self._connection.context.now())
        self.poll()

    def cancel(self) -> None:
        """Let the stream go on, unless an age or a rebalance asks for its end too."""
        connection = self._connection
        self.body.goodbye.cancel(connection.age.goodbye_why, connection.context.now())

    def poll(self) -> None:
        """End the stream if it stands between two events."""
        self.body.goodbye.poll(self._connection.context.now(), self)

    def end_for_lost_app(self) -> None:
        """The app has died: end the stream where it stands."""
        self.body.goodbye.end_for_lost_app(self._connection.context.now(), self)

    def pass_on(self, data: bytes, start: int) -> None:
        """Forward `data`, in which the body begins at `start`; while a goodbye waits, only up to
        the first event that may be the last."""
        body, client = self.body, self._connection.client
        if not self.waits:
            body.passed(data, start)
            client.write(data)
            return
        last = body.up_to_end(data, start)
        client.write(data if last is None else last)
        if last is None:
            self.poll()
        else:
            body.goodbye.end(self)

    # As a carrier

    @property
    def at_boundary(self) -> bool:
        """Between two chunks, or anywhere in a body without chunks."""
        return self.body.at_boundary

    @property
    def room(self) -> float:
        """Unlimited: there is no flow control but that of TCP."""
        return inf

    def has_unread(self) -> bool:
        """Whether bytes of the app have arrived that this process was too busy to read."""
        app = self._connection.app
        return app is not None and self._connection.context.has_unread(app)

    def send(self, payload: bytes) -> None:
        """Send these bytes, in a chunk if the body is chunked."""
        self._connection.client.write(self.body.coded(payload))

    def count_goodbye(self, why: str) -> None:
        """Count the goodbye."""
        self._connection.context.counters.goodbyes["sse", why] += 1

    def finish(self, ending: int) -> None:
        """End the body."""
        self.ended = True
        self._connection.client.write(self.body.end)
        self._connection.finish_answer(ending)
