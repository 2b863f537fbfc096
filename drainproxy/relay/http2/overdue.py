"""Acts on the deadlines of an HTTP/2 connection that are over."""

from math import inf
from typing import Protocol

from drainproxy.relay.context import Context
from drainproxy.relay.http2.client_end import ClientEnd
from drainproxy.relay.http2.closing import Closing
from drainproxy.relay.http2.deadlines import Deadline, Deadlines
from drainproxy.relay.http2.inbound import Inbound
from drainproxy.relay.http2.shutdown import GracefulShutdown
from drainproxy.relay.http2.stream_goodbyes import StreamGoodbyes
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.turns import STOPS
from drainproxy.wire.http2 import ENHANCE_YOUR_CALM, Http2Error

# How often, in seconds, a late request that is still being sent is checked again.
_LOOK_AGAIN = 1.0


class OverdueConnection(Protocol):
    """The session whose deadlines these are, and its parts."""

    client_end: ClientEnd
    closing: Closing
    context: Context
    deadlines: Deadlines
    goodbyes: StreamGoodbyes
    inbound: Inbound
    shutdown: GracefulShutdown
    stops: int
    table: StreamTable

    def follow_up(self) -> None:
        """Do what is due after this."""


class Overdue:
    """Acts on the deadlines of one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: OverdueConnection) -> None:
        self._connection = connection

    def act(self) -> None:
        """Act on every deadline that is over, not only the first: one that is over each time must
        not hide another. Stop when the connection has ended."""
        connection = self._connection
        now = connection.context.now()
        for which in connection.deadlines.over(now):
            if connection.closing.over:
                return
            self._act_on(which, now)

    def _act_on(self, which: Deadline, now: float) -> None:
        connection = self._connection
        match which:
            case Deadline.HEAD:
                self._head_is_late(now)
            case Deadline.CLIENT_END:
                connection.client_end.look()
            case Deadline.STREAM_AGE:
                connection.goodbyes.say_to_old()
            case Deadline.GOODBYES:
                connection.follow_up()
            case Deadline.PING:
                connection.shutdown.ping_is_late()
                connection.follow_up()
            case Deadline.ANSWER:
                self._app_is_late(now)

    def _head_is_late(self, now: float) -> None:
        connection = self._connection
        if connection.stops & STOPS:
            # The rest is not read, because we have paused reading.
            timeout = connection.context.limits.header_timeout
            connection.deadlines.set(Deadline.HEAD, now + timeout)
        else:
            reason = "a frame did not end in time"
            connection.inbound.error = Http2Error(ENHANCE_YOUR_CALM, reason, "header-timeout")
            connection.follow_up()

    def _app_is_late(self, now: float) -> None:
        """Answer 504 to complete requests that have waited for request-timeout."""
        connection = self._connection
        timeout = connection.context.limits.request_timeout or inf
        late_at = connection.table.fail_late(now, timeout)
        # Requests that are still being sent are checked again.
        connection.deadlines.set(Deadline.ANSWER, max(late_at, now + _LOOK_AGAIN))
        connection.follow_up()
