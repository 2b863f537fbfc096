"""The sessions after a 101: WebSocket, whose frames are followed, and any other upgrade."""

from math import inf

from drainproxy.drain.goodbye import DEADLINE, DRAIN, IDLE, MAX_AGE, REBALANCE
from drainproxy.drain.ledger import CUT, GOODBYE
from drainproxy.relay.closes import first_close
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.pair import LINGER, Pair
from drainproxy.relay.tcp import Tcp
from drainproxy.relay.turns import HELD_IS_FULL
from drainproxy.wire.websocket import FrameTracker, close_frame

# A goodbye is said in a pause, so that no answer on its way is lost: nothing either way this long.
PAUSE = 0.1
# If it was the client that spoke last, an app that is busy may take longer to answer it.
ANSWER_PAUSE = 1.0
# Without a pause so long, right behind the app's next message: whoever got it has not asked again.
PAUSE_PATIENCE = 1.0
# Without that either so long after its turn came, at the end of any frame. Only a drain is in
# such a hurry: others need no pause any more then, but the end of a message.
MESSAGE_PATIENCE = 2.0
_UNHURRIED = ("", MAX_AGE, REBALANCE)
# RFC 6455 7.1.1 leaves it open how long the other Close may take.
HANDSHAKE_TIMEOUT = 5.0


class Tunnel(Tcp):
    """An upgraded connection whose protocol we do not know: opaque from here on."""

    __slots__ = ("_path",)

    def __init__(self, hub: Hub, route: Route, path: str, kind: str = "tcp") -> None:
        super().__init__(hub, route, kind)
        self._path = path

    @property
    def path(self) -> str:
        """The target of the request that was upgraded."""
        return self._path

    @property
    def since(self) -> float:
        """The upgrade."""
        return self.opened

    def go_on(self, old: Pair, from_app: bytes, from_client: bytes) -> None:
        """Take both connections of `old`, and what each side sent ahead of the switch."""
        self.take_over(old)
        app = self.take_app(old)
        self.expect_much_of_client()
        self.stops, old.stops = old.stops, 0
        from_client += old.client_rest
        old.client_rest = b""
        self.start_client(HELD_IS_FULL)
        if old.app_rest is not None and not self.client_is_full:
            app.resume_reading()
        self.counters.connections[self.kind] += 1
        self.hub.ledger.open(self)
        self.count_age()
        if from_app:
            self.to_client(from_app)
        if from_client:
            self.to_app(from_client)
        if old.client_ended:
            self.eof_received()
        if self.hub.leaving and self.kind in self.hub.limits.ending:
            self.say_goodbye(DRAIN)


class WebSocket(Tunnel):
    """A WebSocket: both directions just pass, a Close of ours stands between two messages."""

    __slots__ = (
        *("asked", "client_first", "due", "due_since", "from_app", "from_client", "moved", "said"),
        "urgent",
    )

    def __init__(self, hub: Hub, route: Route, path: str) -> None:
        super().__init__(hub, route, path, "websocket")
        self.from_app = FrameTracker()
        self.from_client = FrameTracker()
        # The client was the last one to speak.
        self.asked = False
        # The goodbye that waits for its place, by its reason; its turn came at `due_since`, and
        # the last byte either way at `moved`.
        self.due = ""
        self.due_since = self.moved = 0.0
        self.urgent = False
        self.said = False
        # The client has said Close before the app.
        self.client_first = False

    def to_app(self, data: bytes) -> None:
        """Forward; the client's Close completes the handshake, for the app as for us."""
        if self.due:
            self._stirred()
        self.asked = True
        read = self.from_client.feed(data)
        if read < len(data):
            self.client_in_next_turn(data[read:])
            data = data[:read]
        super().to_app(data)
        if self.from_client.close_passed:
            if not self.from_app.close_passed:
                self.client_first = True
            if self.said:
                self.ending = GOODBYE
            elif self.due:
                # The client goes by itself: no goodbye may come between its Close and the answer.
                self.urgent, self.deadline = False, inf
                self._let_handshake_end()

    def to_client(self, data: bytes) -> None:
        """Forward, up to our Close; after it nothing more goes to the client (RFC 6455 5.5.1)."""
        if self.said:
            return
        if self.urgent:
            end = self.from_app.boundary_in(data, message=False)
            if end >= 0:
                super().to_client(data[:end])
                self._say_close()
                return
        self.asked = False
        read = self.from_app.feed(data)
        if read < len(data):
            self.app_in_next_turn(data[read:])
            data = data[:read]
        super().to_client(data)
        if self.due:
            self._stirred()
            patient = self.moved - self.due_since < PAUSE_PATIENCE
            if not patient and self._may_interrupt():
                self._say_close()

    def _stirred(self) -> None:
        """Something has moved while a goodbye waits: the place for it may be near."""
        self.moved = self.hub.now()
        if self.deadline == inf:
            self.deadline = self.moved + PAUSE

    def _may_interrupt(self) -> bool:
        """Behind a message of the app; who is not in a hurry lets the client finish its own too."""
        if self.due in _UNHURRIED:
            return self._between_messages()
        return self.from_app.between_messages

    def say_goodbye(self, why: str) -> None:
        """Close in the next pause, or soon behind a message, or at last behind a frame."""
        if self.said or self.due not in _UNHURRIED:
            return
        if self._closing_already():
            self._let_handshake_end()
            return
        self.due = why
        self.due_since = self.moved = self.hub.now()
        self.deadline = self.due_since + PAUSE

    def cut(self, why: str) -> None:
        """The last word: Close at the end of any frame, whenever it comes."""
        self.why = self.why or why
        if self.said:
            return
        if self._closing_already():
            self._let_handshake_end()
            return
        self.due = self.due or why
        self.urgent = True
        self.deadline = inf
        if self.from_app.between_frames:
            self._say_close()

    def outlived(self) -> None:
        """Close at the end of any frame; one that does not end is not waited for without end."""
        if self.urgent and not self.said:
            self.abort(MAX_AGE)
            return
        self.cut(MAX_AGE)
        self.retires = self.hub.now() + HANDSHAKE_TIMEOUT

    def _closing_already(self) -> bool:
        """The app or the client has said Close itself, or nothing more can be said."""
        return self._both_know() or self.client.is_closing()

    def _let_handshake_end(self) -> None:
        """Whoever has said Close has heard enough: the rest is not waited for without end."""
        self.due = ""
        self.deadline = min(self.deadline, self.hub.now() + HANDSHAKE_TIMEOUT)

    def stay(self) -> None:
        """Take a goodbye back that has not been said; one that is due all the same goes on waiting
        for its place."""
        if self.due and not self.said:
            self.due = self.retired_by
            if not self.due:
                self.urgent, self.deadline = False, inf

    def _both_know(self) -> bool:
        """One of the two has ended the talk, not we."""
        return self.app_ended or self.from_app.close_passed or self.from_client.close_passed

    def _between_messages(self) -> bool:
        return self.from_app.between_messages and self.from_client.between_messages

    def _say_close(self) -> None:
        limits = self.hub.limits
        self.client.write(close_frame(limits.websocket_close_code, limits.websocket_close_reason))
        self.counters.goodbyes["websocket", self.due] += 1
        self.said = True
        self.deadline = self.hub.now() + HANDSHAKE_TIMEOUT
        # What the app still says is read and dropped, so that it comes to the client's Close.
        self.resume_writing()

    def pause_writing(self) -> None:
        """The client does not read; after our Close that does not matter to the app."""
        if not self.said:
            super().pause_writing()

    def app_eof(self) -> bool:
        """Nothing follows: unlike TCP, a WebSocket has no half that could go on for long."""
        self.deadline = min(self.deadline, self.hub.now() + LINGER)
        return super().app_eof()

    def expired(self) -> None:
        """Time to look for a pause; or the closing handshake did not end in time."""
        now = self.hub.now()
        self.deadline = inf
        if not self.due or self.said or self.app_ended or self.client.is_closing():
            self.end()
            return
        if self._both_know():
            self._let_handshake_end()
            return
        overdue = now - self.due_since >= MESSAGE_PATIENCE
        if overdue and self.due not in _UNHURRIED:
            self.cut(self.due)
        elif (overdue or now >= self._paused_at()) and self._between_messages():
            if self._has_unread():
                self.deadline = now + PAUSE
            else:
                self._say_close()
        elif not overdue:
            self.deadline = max(now, self._paused_at())
        # Else the next byte sets it: until then nothing can change.

    def _paused_at(self) -> float:
        """When the pause is long enough, if nothing moves any more."""
        quiet = ANSWER_PAUSE if self.asked else PAUSE
        return min(self.moved + quiet, self.due_since + MESSAGE_PATIENCE)

    def _has_unread(self) -> bool:
        """Whether a message has arrived that this process was too busy to read: no pause then."""
        has_unread = self.hub.has_unread
        return has_unread(self.client) or (self.app is not None and has_unread(self.app))

    def idled(self) -> None:
        """Nothing has moved for idle-timeout: say so before closing."""
        if self.said or self.deadline < inf:
            return
        if self._closing_already():
            super().idled()
            return
        self.due = IDLE
        self.cut(IDLE)
        if not self.said:
            super().idled()

    def end(self) -> None:
        """Close both sides; the app hears a Close if it has not heard one from the client."""
        if self.closing:
            # The client does not even take what was written to it.
            super().abort(self.why or DEADLINE)
            return
        ending = self.ending if self.ending == GOODBYE or self._both_know() else CUT
        self.release(ending, self.why or self.due or DEADLINE)
        limits = self.hub.limits
        if self.app is not None and not self.client_ended and self.from_client.between_frames:
            code, reason = limits.websocket_close_code, limits.websocket_close_reason
            self.app.write(close_frame(code, reason, self.hub.mask()))
        self.close_both()
        self.deadline = self.hub.now() + LINGER

    def release(self, ending: int, why: str = "") -> None:
        """Close the books, once, and count how it was closed."""
        if self in self.hub.ledger.holds:
            ours = self.hub.limits.websocket_close_code if self.said else 0
            trackers = (self.from_client, self.from_app)
            self.counters.websocket_closes[
                first_close(ours, *trackers, client_first=self.client_first, ending=ending)
            ] += 1
        super().release(ending, why)

    def abort(self, why: str) -> None:
        """End now; what was said is still sent."""
        self.why = self.why or why
        self.end()
