"""The end of an HTTP/2 connection: last frames, and a lingering close.

After the half-close we go on reading for a while: data that still arrives must not reset the
connection before the client has read the last frames (RFC 9112 9.6 says it of HTTP/1).
"""

from math import inf

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, CUT
from drainproxy.relay.http2.outbound import Outbound
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.session import LINGER, Session
from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import APP_IS_FULL, CLIENT_IS_FULL, CONNECTING
from drainproxy.wire.http2 import (
    CANCEL,
    INTERNAL_ERROR,
    NO_ERROR,
    REFUSED_STREAM,
    Http2Error,
    goaway,
    settings,
)

# In seconds: so much before the end of connect-timeout the last attempt to connect may begin.
_LAST_TRY = 0.5
# In bytes: more than can have been in transit when the client was told to go.
_MOST_DISCARDED = 16 << 20


class Closing:
    """Ends one session. `over`: it has ended, and nothing is forwarded any more."""

    __slots__ = ("_app", "_discarded", "_outbound", "_session", "_table", "over")

    def __init__(self, session: Session, table: StreamTable, outbound: Outbound) -> None:
        self._session = session
        self._table = table
        self._outbound = outbound
        self._discarded = 0
        # The app's connection, once it is closing.
        self._app: Transport | None = None
        self.over = False

    # The last frames

    def client_broke_rules(self, error: Http2Error) -> None:
        """End the connection with the client's error in GOAWAY (RFC 9113 5.4.1)."""
        table, session = self._table, self._session
        reason, context = error.budget or "malformed", session.context
        if not error.spent:
            table.reject(reason, error.reason)
        else:
            context.counters.rejected[reason] += 1
            context.notice(error.budget, session.peer, error.spent, "its connection is ended")
        table.end_all(CLIENT_LEFT)
        self.say(self._own_preface() + self._goaway(error.code, error.reason))

    def app_gone(self, status: int, reason: str) -> None:
        """The app is gone: end the streams that wait for it with `status`, and the connection."""
        table = self._table
        if not table.streams and (table.going or not (self._outbound.begun or table.highest > 0)):
            # GOAWAY was sent; or there was no request yet: then the client sees a plain close, as
            # of an app that does not listen, after which it reconnects slowly.
            self.begin()
        else:
            if table.streams:
                # An idle client is not refused: it just gets GOAWAY.
                table.log_refusal("app", f"{status} {reason}", list(table.streams.values()))
            for tracked in list(table.tracked.values()):
                tracked.end_for_lost_app()
            if status == 502:
                self.end_all_streams(status, reason, INTERNAL_ERROR, APP_LEFT, inf)
            else:
                # RFC 9113 8.7: the app has not processed these requests.
                patience = self._session.context.limits.connect_timeout - _LAST_TRY
                self.end_all_streams(status, reason, REFUSED_STREAM, APP_LEFT, patience)

    def flush_and_begin(self) -> None:
        """Begin the lingering close. If streams were opened and the app has sent no SETTINGS, send
        our preface, our frames that have waited for the app's SETTINGS, and 503 first."""
        if self._table.highest > 0 and not self._outbound.begun:
            self.end_all_streams(503, "", CANCEL, CUT)
        else:
            self.begin()

    def end_all_streams(
        self, status: int, reason: str, code: int, ending: int, patience: float = 0.0
    ) -> None:
        """End every stream and the connection with frames of our own; for the arguments see
        `StreamTable.all_final_frames`."""
        frames = self._own_preface()
        frames += self._table.all_final_frames(status, reason, code, patience)
        self._table.end_all(ending)
        self.say(frames if self._table.going else frames + self._goaway(NO_ERROR, reason))

    def say(self, frames: bytes) -> None:
        """Send the last frames, and begin the lingering close. In the middle of the app's frame
        nothing can be sent: there a stream without END_STREAM is seen to be incomplete (RFC 9113
        8.1). No RST, which could destroy complete answers that are in transit."""
        if not self._outbound.begun or self._outbound.between_frames:
            self._session.client.write(frames)
        self.begin()

    def _own_preface(self) -> bytes:
        """Our SETTINGS in place of the app's (3.4), and our frames that have waited for these;
        empty if the app's have passed."""
        if self._outbound.begun:
            return b""
        preface = settings() + settings(ack=True) * len(self._outbound.announced)
        return preface + self._outbound.take_own_frames()

    def _goaway(self, code: int, reason: str) -> bytes:
        last = min(self._table.last, self._table.passed)
        return goaway(last, code, reason.encode())

    # The lingering close

    @property
    def may_begin(self) -> bool:
        """Whether no stream is open, and the app is not in the middle of a frame."""
        return not self._table.streams and (
            not self._outbound.begun or self._outbound.between_frames
        )

    def begin(self) -> None:
        """Half-close to the client, and close the app's connection."""
        self.over = True
        self._drop_app()
        session = self._session
        if session.client.is_closing():
            return
        if session.client_ended:
            session.client.close()
        else:
            session.client.write_eof()
            session.deadline = session.context.now() + LINGER

    def _drop_app(self) -> None:
        """Close the app's connection behind what was written to it, such as RST_STREAM;
        `client_lost` aborts it if the app has not taken that by then."""
        self._app = self._session.detach_app()
        if self._app is not None:
            self._app.close()
        self._session.start_client(APP_IS_FULL | CLIENT_IS_FULL | CONNECTING)

    def discard(self, data: bytes) -> None:
        """Drop the client's bytes while we linger; abort the connection if there are too many."""
        self._session.active = False
        self._discarded += len(data)
        if self._discarded > _MOST_DISCARDED:
            self._session.client.abort()

    def on_deadline(self) -> None:
        """LINGER is over: end the connection, unless the client still takes the last answer."""
        session = self._session
        if session.client.get_write_buffer_size() and session.has_delivered():
            session.deadline = session.context.now() + LINGER
            return
        session.deadline = inf
        if session.client.get_write_buffer_size():
            session.context.reset(session.client)
        else:
            session.client.abort()

    def client_lost(self) -> None:
        """The client is gone: abort the app's connection."""
        self.over = True
        self._session.drop_app()
        if self._app is not None:
            self._app.abort()
