"""A WebSocket on an HTTP/2 stream (RFC 8441 5): the carrier of its goodbye."""

from drainproxy.drain.ledger import APP_LEFT
from drainproxy.relay.goodbye.websocket import WebSocketGoodbye
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.tracked import StreamConnection, TrackedStream

# RFC 6455 5.5, in bytes: the head, and the payload of a control frame.
_LONGEST_CLOSE = 2 + 125


class ClientSide:
    """The parser of the client's bytes of a WebSocket; a `Follower`."""

    __slots__ = ("_goodbye",)

    def __init__(self, goodbye: WebSocketGoodbye) -> None:
        self._goodbye = goodbye

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Read the client's next bytes: `data` from `start` to `end`; see `Follower`."""
        read = self._goodbye.feed_client(data[start:end])
        return start + read, self._goodbye.from_client.steps


class WebSocketStream(TrackedStream):
    """One such WebSocket; the `Follower` of the app's bytes."""

    __slots__ = ("_client",)

    goodbye: WebSocketGoodbye

    def __init__(self, connection: StreamConnection, stream: Stream, window: int) -> None:
        goodbye = WebSocketGoodbye(connection.context, stream.path)
        super().__init__(connection, stream, window, goodbye)
        self._client = ClientSide(goodbye)

    @property
    def waits(self) -> bool:
        """A Close is pending, or a closing handshake is timed, whichever side has ended."""
        return self.goodbye.waits

    @property
    def close_sent(self) -> bool:
        """The client has got our Close."""
        return self.goodbye.close_sent

    @property
    def client_answered(self) -> bool:
        """The client has answered our Close."""
        return self.goodbye.client_answered

    @property
    def needs_room(self) -> bool:
        """Whether the client's windows are too small for Close."""
        return not self.goodbye.close_sent and self.room < _LONGEST_CLOSE

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Read the app's next bytes: `data` from `start` to `end`; see `Follower`."""
        read = self.goodbye.feed_app(data[start:end])
        return start + read, self.goodbye.from_app.steps

    def passes(self, length: int, *, ends: bool) -> bool:
        """Whether the DATA passes: nothing of the app follows our Close."""
        if self.goodbye.close_sent:
            if ends:
                self.app_gone()
            else:
                # Dropped, but read: the app's Close may be in it.
                self.connection.outbound.follower = self
            return False
        self._move()
        self.connection.outbound.follower = self
        self.window -= length
        return True

    def client_follower(self) -> ClientSide:
        """The parser of the client's DATA: both directions are followed."""
        self._move()
        return self._client

    def _move(self) -> None:
        if self.goodbye.pending is not None:
            self.goodbye.pending.move(self.connection.context.now())

    @property
    def can_say_goodbye(self) -> bool:
        """Whether the app has accepted the WebSocket and has not ended."""
        return self._accepted and not self.stream.app_done

    @property
    def _accepted(self) -> bool:
        """The app has answered 2xx, which accepts the WebSocket (RFC 8441 5)."""
        return 200 <= self.stream.status < 300

    @property
    def at_boundary(self) -> bool:
        """Between two frames, once the app has accepted the WebSocket."""
        return self._accepted and super().at_boundary

    def app_gone(self) -> None:
        """The app has ended: so has the closing handshake."""
        self.finish(self.goodbye.ending(self))

    def end_for_lost_app(self) -> None:
        """The app has died: send Close with the code of an app that restarts or has gone."""
        now = self.connection.context.now()
        if self.can_say_goodbye and self.goodbye.end_for_lost_app(now, self):
            self.finish(APP_LEFT)

    def finish(self, ending: int) -> None:
        """End the stream: with END_STREAM behind a Close, with RST_STREAM without one."""
        goodbye = self.goodbye
        if self.stream.app_done or not (goodbye.close_sent or goodbye.closing):
            self.connection.table.end_early(self.stream, ending)
        else:
            super().finish(ending)

    def left_unanswered(self, why: str) -> None:
        """Book that Close was sent before the client's question was answered."""
        self.connection.context.left_unanswered(self.stream, why)

    def count_ending(self, ending: int) -> None:
        """Count the first Close."""
        if self._accepted:
            code = self.connection.context.limits.websocket_close_code
            closes = self.connection.context.counters.websocket_closes
            closes[self.goodbye.first_close(code, ending)] += 1
