"""A client that has ended its side (FIN): as a rule it is gone, but it may still read.

HTTP/2 servers take a FIN for the end of all streams, so it is not passed on. Complete requests may
still be answered; incomplete ones are reset towards the app.
"""

from math import inf

from drainproxy.drain.ledger import CLIENT_LEFT
from drainproxy.relay.http2.closing import Closing
from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.session import LINGER, Session


class ClientEnd:
    """Ends a session whose client has ended its side."""

    __slots__ = ("_closing", "_session", "_table")

    def __init__(self, session: Session, table: StreamTable, closing: Closing) -> None:
        self._session = session
        self._table = table
        self._closing = closing

    def begin(self) -> None:
        """The FIN has come: reset incomplete requests. The client sends no WINDOW_UPDATE any more,
        so not much of the answers can follow."""
        table = self._table
        # In the middle of a frame of the client no RST_STREAM can be sent; the app then sees the
        # end of its connection.
        for stream in [each for each in table.streams.values() if not each.client_done]:
            table.end_upstream(stream, CLIENT_LEFT)
        table.deadlines.set(Deadline.HEAD, inf)
        table.deadlines.set(Deadline.CLIENT_END, table.context.now() + LINGER)

    def look(self) -> None:
        """End the session if no answer has moved for LINGER seconds. While leaving, it ends after
        LINGER in any case, since an answer that moves may be endless."""
        session, context = self._session, self._table.context
        now = context.now()
        if session.active or session.has_delivered():
            # Bytes that a slow reader has taken from the kernel's buffer count too.
            session.active, session.idle_since = False, now
        end = min(session.idle_since, context.latecomers.leaving_since) + LINGER
        self._table.deadlines.set(Deadline.CLIENT_END, end)
        if end <= now:
            self.end()

    def end(self) -> None:
        """End all streams and the connection."""
        self._table.end_all(CLIENT_LEFT)
        self._closing.begin()
