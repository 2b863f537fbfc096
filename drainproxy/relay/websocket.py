"""The session of a WebSocket after its 101: both directions pass through, their frames tracked."""

from math import inf

from drainproxy.drain.goodbye import DEADLINE, IDLE, MAX_AGE
from drainproxy.drain.interruption import Pending
from drainproxy.drain.ledger import APP_LEFT, FINISHED, GOODBYE
from drainproxy.relay.context import Context
from drainproxy.relay.goodbye.websocket import WebSocketGoodbye
from drainproxy.relay.route import Route
from drainproxy.relay.session import LINGER
from drainproxy.relay.tcp import Tcp
from drainproxy.wire.logged import NO_FACTS, Facts
from drainproxy.wire.websocket import close_frame


class WebSocket(Tcp):
    """A WebSocket session, which is the carrier of its goodbye too."""

    __slots__ = ("goodbye",)

    def __init__(self, context: Context, route: Route, path: str, facts: Facts = NO_FACTS) -> None:
        super().__init__(context, route, "websocket", path, facts)
        self.goodbye = WebSocketGoodbye(context, path)

    # Bytes that pass

    def to_app(self, data: bytes) -> None:
        """Forward bytes to the app; the client's Close completes the handshake, ours or theirs."""
        goodbye = self.goodbye
        if goodbye.pending is not None:
            self._moved(goodbye.pending)
        read = goodbye.feed_client(data)
        if read < len(data):
            self.client_in_next_turn(data[read:])
            data = data[:read]
        super().to_app(data)
        if self.upstream is None and goodbye.from_client.close_passed:
            # The client has answered the Close that we sent for an app that has died.
            self.close_client()
        elif goodbye.closing and goodbye.pending is not None:
            self._poll()

    def to_client(self, data: bytes) -> None:
        """Forward bytes to the client, up to our Close: nothing follows it (RFC 6455 5.5.1)."""
        goodbye = self.goodbye
        if goodbye.close_sent:
            return
        if goodbye.pending is not None:
            place = goodbye.close_place(data, self.context.now())
            if place >= 0:
                data = data[:place]
        read = goodbye.feed_app(data)
        if read < len(data):
            self.app_in_next_turn(data[read:])
            data = data[:read]
        super().to_client(data)
        if goodbye.pending is not None:
            self._moved(goodbye.pending)
            self._poll()

    def _moved(self, pending: Pending) -> None:
        pending.move(self.context.now())
        self.deadline = min(self.deadline, pending.poll_at)

    # Called by the sidecar and the registry

    def say_goodbye(self, why: str) -> None:
        """Send Close as soon as its rule allows."""
        self.goodbye.say(why, self.context.now())
        self._poll()

    def say_last_goodbye(self, why: str) -> None:
        """Send Close at the end of the app's frame, without waiting for a pause."""
        self.why = self.why or why
        self.goodbye.hasten(why, self.context.now())
        self._poll()

    def on_grace_over(self) -> None:
        """The grace is over: send Close at the end of the app's frame."""
        self.say_last_goodbye(MAX_AGE)

    def cancel_goodbye(self) -> None:
        """Cancel a Close that was not sent, unless an age or a rebalance asks for it too."""
        self.goodbye.cancel(self.age.goodbye_why, self.context.now())
        self._poll()

    def on_deadline(self) -> None:
        """A place for Close has to be looked for, or a closing handshake has taken too long."""
        self._poll()

    def on_idle_timeout(self) -> None:
        """No byte has moved for idle-timeout: send Close, or end now where that is impossible."""
        goodbye = self.goodbye
        if goodbye.ends_at < inf:
            return
        if not goodbye.closing:
            goodbye.hasten(IDLE, self.context.now())
            self._poll()
        if not goodbye.close_sent:
            super().on_idle_timeout()

    def _poll(self) -> None:
        self.deadline = self.goodbye.poll(self.context.now(), self)

    # The carrier: Close stands among the raw bytes of the connection

    @property
    def at_boundary(self) -> bool:
        """Always: only the WebSocket's own frames have boundaries."""
        return True

    @property
    def room(self) -> float:
        """Unlimited: there is no flow control but that of TCP."""
        return inf

    @property
    def ended(self) -> bool:
        """The app has ended its side, or the client's connection is closing."""
        return self.app_ended or self.client.is_closing()

    def has_unread(self) -> bool:
        """Whether bytes have arrived, of either side, that this process was too busy to read."""
        has_unread = self.context.has_unread
        return has_unread(self.client) or (self.app is not None and has_unread(self.app))

    def send(self, payload: bytes) -> None:
        """Send these bytes to the client."""
        self.client.write(payload)

    def count_goodbye(self, why: str) -> None:
        """Count a Close that was sent. Reading from the app goes on, though its bytes are dropped,
        so that the app does not block before it reads the client's Close."""
        self.context.counters.goodbyes["websocket", why] += 1
        self.resume_writing()

    def left_unanswered(self, why: str) -> None:
        """Book that Close was sent before the client's question was answered."""
        self.context.left_unanswered(self, why)

    def finish(self, ending: int) -> None:
        """Close both sides; the app gets a Close of ours if the client has sent none."""
        if self.closing:
            # The client has not taken what was written before the close.
            super().abort(self.why or DEADLINE)
            return
        goodbye = self.goodbye
        why = goodbye.pending.why if goodbye.pending is not None else DEADLINE
        self.close_hold(ending, self.why or why)
        limits = self.context.limits
        if self.app is not None and not self.client_ended and goodbye.from_client.between_frames:
            code, reason = limits.websocket_close_code, limits.websocket_close_reason
            self.app.write(close_frame(code, reason, self.context.mask()))
        self.close_both()
        goodbye.ends_at = self.deadline = self.context.now() + LINGER

    # The ends

    def pause_writing(self) -> None:
        """The client does not read: stop reading from the app, unless Close was sent."""
        if not self.goodbye.close_sent:
            super().pause_writing()

    def app_eof(self) -> bool:
        """The app has ended its side: unlike TCP, the other half may go on for LINGER at most."""
        if self._ended_for_lost_app():
            return False
        self.goodbye.end_within(LINGER, self.context.now())
        self._poll()
        return super().app_eof()

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        if not self._ended_for_lost_app():
            super().app_lost(error)

    def _ended_for_lost_app(self) -> bool:
        """Whether the app has died without a Close and the client got one of ours for it."""
        goodbye = self.goodbye
        if self.client.is_closing() or not goodbye.end_for_lost_app(self.context.now(), self):
            return False
        if (app := self.detach_app()) is not None:
            app.close()
        self.app_ended = True
        self.close_hold(APP_LEFT)
        if self.client_ended or not goodbye.close_sent:
            self.close_client()
        else:
            self.deadline = goodbye.ends_at
        return True

    def close_hold(self, ending: int, why: str = "") -> None:
        """Book the end in the ledger, once, and count the first Close."""
        if self.goodbye.client_answered:
            # Whichever side closed the connection.
            ending = GOODBYE
        elif ending == FINISHED and self._app_ended_in_frame():
            ending = APP_LEFT
        if self in self.context.ledger.holds:
            code = self.context.limits.websocket_close_code
            self.context.counters.websocket_closes[self.goodbye.first_close(code, ending)] += 1
        super().close_hold(ending, why)

    def _app_ended_in_frame(self) -> bool:
        """Whether the app has ended in the middle of a frame, where no Close can be sent for it."""
        from_app = self.goodbye.from_app
        return self.app_ended and not (from_app.between_frames or from_app.close_passed)

    def abort(self, why: str) -> None:
        """End both connections now, behind all that was written."""
        self.why = self.why or why
        self.finish(self.goodbye.ending(self))
