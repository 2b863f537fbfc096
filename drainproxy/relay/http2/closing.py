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

# Seconds. The last try to reach an app may come so much before connect-timeout is over.
_LAST_TRY = 0.5
# More, in bytes, than was on its way when a client was told to go.
_MOST_DISCARDED = 16 << 20


class Closing:
    """Ends one session; `over`: nothing is forwarded any more."""

    __slots__ = ("_app", "_discarded", "_outbound", "_session", "_table", "over")

    def __init__(self, session: Session, table: StreamTable, outbound: Outbound) -> None:
        self._session = session
        self._table = table
        self._outbound = outbound
        self._discarded = 0
        # The app's connection, after it was let go.
        self._app: Transport | None = None
        self.over = False

    # What is said last

    def client_broke_rules(self, error: Http2Error) -> None:
        """GOAWAY with the error (RFC 9113 5.4.1)."""
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
        """The app is there no more."""
        table = self._table
        if not table.streams and (table.going or not (self._outbound.begun or table.highest > 0)):
            # All has been said; or nobody asked yet, and it is as if nobody had listened: clients
            # then come back slowly.
            self.begin()
        else:
            if table.streams:
                # Else there is nobody whom we turn away: an idle client just hears GOAWAY.
                table.log_refusal("app", f"{status} {reason}", list(table.streams.values()))
            for tracked in list(table.tracked.values()):
                tracked.end_for_lost_app()
            if status == 502:
                self.end_all_streams(status, reason, INTERNAL_ERROR, APP_LEFT, inf)
            else:
                # RFC 9113 8.7: nobody has begun to work on them.
                patience = self._session.context.limits.connect_timeout - _LAST_TRY
                self.end_all_streams(status, reason, REFUSED_STREAM, APP_LEFT, patience)

    def flush_and_begin(self) -> None:
        """Begin; where the app has said nothing, who has asked for something hears before what has
        waited for its SETTINGS."""
        if self._table.highest > 0 and not self._outbound.begun:
            self.end_all_streams(503, "", CANCEL, CUT)
        else:
            self.begin()

    def end_all_streams(
        self, status: int, reason: str, code: int, ending: int, patience: float = 0.0
    ) -> None:
        """End every stream and the connection with frames of ours alone; see
        `StreamTable.all_final_frames`."""
        words = self._own_preface()
        words += self._table.all_final_frames(status, reason, code, patience)
        self._table.end_all(ending)
        self.say(words if self._table.going else words + self._goaway(NO_ERROR, reason))

    def say(self, words: bytes) -> None:
        """The last of all. In the middle of the app's frame nothing can be said, and need not be:
        the stream of a frame that is cut has no END_STREAM (RFC 9113 8.1), so its client can tell.
        Answers that are finished may still be on their way, and a reset would take them away."""
        if not self._outbound.begun or self._outbound.between_frames:
            self._session.client.write(words)
        self.begin()

    def _own_preface(self) -> bytes:
        """In place of the app's, if that has not come (3.4), and what of ours has waited for it."""
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
        """No stream is open, and the app is not in the middle of a frame."""
        return not self._table.streams and (
            not self._outbound.begun or self._outbound.between_frames
        )

    def begin(self) -> None:
        """Nothing follows what was said."""
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
        """What was written to it, such as the reset of a stream, still gets there, if the app takes
        it before the client's connection ends as well."""
        self._app = self._session.detach_app()
        if self._app is not None:
            self._app.close()
        self._session.start_client(APP_IS_FULL | CLIENT_IS_FULL | CONNECTING)

    def discard(self, data: bytes) -> None:
        """Drop what comes while we linger, which keeps nothing alive; abort where it is endless."""
        self._session.active = False
        self._discarded += len(data)
        if self._discarded > _MOST_DISCARDED:
            self._session.client.abort()

    def on_deadline(self) -> None:
        """The last answer may take its time, as long as any of it is taken."""
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
        """The client is gone: so goes the app."""
        self.over = True
        self._session.drop_app()
        if self._app is not None:
            self._app.abort()
