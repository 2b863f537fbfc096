"""A client that has ended its side (FIN): as a rule it is gone, but it may still read.

Servers of HTTP/2 take this for the end of all streams, so the app does not hear it. What has been
asked for as a whole may still be answered; of what never will be whole the app hears the end.
"""

from math import inf

from drainproxy.drain.ledger import CLIENT_LEFT
from drainproxy.relay.http2.closing import Closing
from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.session import LINGER, Session


class ClientEnd:
    """Ends what is left of one session whose client has ended its side."""

    __slots__ = ("_closing", "_session", "_table")

    def __init__(self, session: Session, table: StreamTable, closing: Closing) -> None:
        self._session = session
        self._table = table
        self._closing = closing

    def begin(self) -> None:
        """It has come. There will not be many answers: the client sends no WINDOW_UPDATE."""
        table = self._table
        # In the middle of a frame of the client the app hears it from the end of its connection.
        for stream in [each for each in table.streams.values() if not each.client_done]:
            table.end_upstream(stream, CLIENT_LEFT)
        table.deadlines.set(Deadline.HEAD, inf)
        table.deadlines.set(Deadline.CLIENT_END, table.context.now() + LINGER)

    def look(self) -> None:
        """End it if none of its answers has moved for LINGER seconds. A drain waits no longer for
        those that move, which may have no end."""
        session, context = self._session, self._table.context
        now = context.now()
        if session.active or session.has_delivered():
            # What a slow reader has taken out of the system's buffer counts too.
            session.active, session.idle_since = False, now
        end = min(session.idle_since, context.latecomers.leaving_since) + LINGER
        self._table.deadlines.set(Deadline.CLIENT_END, end)
        if end <= now:
            self.end()

    def end(self) -> None:
        """Nobody waits for what is left."""
        self._table.end_all(CLIENT_LEFT)
        self._closing.begin()
