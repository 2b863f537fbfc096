"""The sessions after a 101: WebSocket, whose frames are followed, and any other upgrade."""

from math import inf

from drainproxy.drain.goodbye import DEADLINE, DRAIN, IDLE, MAX_AGE
from drainproxy.drain.interruption import Pending
from drainproxy.drain.ledger import APP_LEFT, GOODBYE
from drainproxy.relay.goodbye.websocket import WebSocketGoodbye
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.pair import LINGER, Pair
from drainproxy.relay.tcp import Tcp
from drainproxy.relay.turns import HELD_IS_FULL
from drainproxy.wire.websocket import close_frame


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
    """A WebSocket: both directions just pass, and this is the carrier of its goodbye."""

    __slots__ = ("goodbye",)

    def __init__(self, hub: Hub, route: Route, path: str) -> None:
        super().__init__(hub, route, path, "websocket")
        self.goodbye = WebSocketGoodbye()

    # What passes

    def to_app(self, data: bytes) -> None:
        """Forward; the client's Close completes the handshake, for the app as for us."""
        goodbye = self.goodbye
        if goodbye.pending is not None:
            self._stirred(goodbye.pending)
        read = goodbye.feed_client(data)
        if read < len(data):
            self.client_in_next_turn(data[read:])
            data = data[:read]
        super().to_app(data)
        if self.app_side is None and goodbye.from_client.close_passed:
            # It has answered the Close that was said for an app that has died.
            self.close_client()
        elif goodbye.closing and goodbye.pending is not None:
            self._poll()

    def to_client(self, data: bytes) -> None:
        """Forward, up to our Close; after it nothing more goes to the client (RFC 6455 5.5.1)."""
        goodbye = self.goodbye
        if goodbye.said:
            return
        if goodbye.pending is not None:
            place = goodbye.close_place(data, self.hub.now())
            if place >= 0:
                data = data[:place]
        read = goodbye.feed_app(data)
        if read < len(data):
            self.app_in_next_turn(data[read:])
            data = data[:read]
        super().to_client(data)
        if goodbye.pending is not None:
            self._stirred(goodbye.pending)
            self._poll()

    def _stirred(self, pending: Pending) -> None:
        pending.move(self.hub.now())
        self.deadline = min(self.deadline, pending.looks_at)

    # What the sidecar asks for

    def say_goodbye(self, why: str) -> None:
        """Close, as soon as that loses nothing."""
        self.goodbye.say(why, self.hub.now())
        self._poll()

    def cut(self, why: str) -> None:
        """The last word: Close at the end of any frame, whenever it comes."""
        self.why = self.why or why
        self.goodbye.hasten(why, self.hub.now())
        self._poll()

    def outlived(self) -> None:
        """The grace is over: the same."""
        self.cut(MAX_AGE)

    def stay(self) -> None:
        """Take a goodbye back that has not been said, unless it is due all the same."""
        self.goodbye.cancel(self.retired_by, self.hub.now())
        self._poll()

    def expired(self) -> None:
        """Time to look for a place for the goodbye; or a closing handshake did not end in time."""
        self._poll()

    def idled(self) -> None:
        """Nothing has moved for idle-timeout: Close, and where nothing can be said, the end."""
        goodbye = self.goodbye
        if self.deadline < inf:
            return
        if not goodbye.closing:
            goodbye.hasten(IDLE, self.hub.now())
            self._poll()
        if not goodbye.said:
            super().idled()

    def _poll(self) -> None:
        limits = self.hub.limits
        self.deadline = self.goodbye.poll(
            self.hub.now(), self, limits.websocket_close_code, limits.websocket_close_reason
        )

    # What carries the goodbye: the bytes of the connection

    @property
    def at_boundary(self) -> bool:
        """Nothing frames what passes but the WebSocket itself."""
        return True

    @property
    def room(self) -> float:
        """There is no flow control but that of TCP."""
        return inf

    @property
    def ended(self) -> bool:
        """The app has ended its side, or the client's connection is closing."""
        return self.app_ended or self.client.is_closing()

    def has_unread(self) -> bool:
        """Whether a message has arrived that this process was too busy to read."""
        has_unread = self.hub.has_unread
        return has_unread(self.client) or (self.app is not None and has_unread(self.app))

    def send(self, payload: bytes) -> None:
        """To the client."""
        self.client.write(payload)

    def told(self, why: str) -> None:
        """Close has been said. What the app still says is read and dropped, so that it comes to the
        client's own Close."""
        self.counters.goodbyes["websocket", why] += 1
        self.resume_writing()

    def finish(self, ending: int) -> None:
        """Close both sides; the app hears a Close if it has not heard one from the client."""
        if self.closing:
            # The client does not even take what was written to it.
            super().abort(self.why or DEADLINE)
            return
        goodbye = self.goodbye
        why = goodbye.pending.why if goodbye.pending is not None else DEADLINE
        self.release(ending, self.why or why)
        limits = self.hub.limits
        if self.app is not None and not self.client_ended and goodbye.from_client.between_frames:
            code, reason = limits.websocket_close_code, limits.websocket_close_reason
            self.app.write(close_frame(code, reason, self.hub.mask()))
        self.close_both()
        goodbye.ends_at = self.deadline = self.hub.now() + LINGER

    # The ends

    def pause_writing(self) -> None:
        """The client does not read; after our Close that does not matter to the app."""
        if not self.goodbye.said:
            super().pause_writing()

    def app_eof(self) -> bool:
        """Nothing follows: unlike TCP, a WebSocket has no half that could go on for long."""
        if self._spoken_for_app():
            return False
        self.goodbye.end_within(LINGER, self.hub.now())
        self._poll()
        return super().app_eof()

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        if not self._spoken_for_app():
            super().app_lost(error)

    def _spoken_for_app(self) -> bool:
        """The app has died without a Close, and the client has heard one."""
        goodbye, hub = self.goodbye, self.hub
        if self.client.is_closing():
            return False
        if not goodbye.speak_for_app(hub.now(), self, restarts=hub.app_restarts()):
            return False
        if (app := self.leave_app()) is not None:
            app.close()
        self.app_ended = True
        self.release(APP_LEFT)
        if self.client_ended or not goodbye.said:
            self.close_client()
        else:
            self.deadline = goodbye.ends_at
        return True

    def release(self, ending: int, why: str = "") -> None:
        """Close the books, once, and count how it was closed."""
        if self.goodbye.client_answered:
            # Whoever goes then.
            ending = GOODBYE
        if self in self.hub.ledger.holds:
            code = self.hub.limits.websocket_close_code
            self.counters.websocket_closes[self.goodbye.first_close(code, ending)] += 1
        super().release(ending, why)

    def abort(self, why: str) -> None:
        """End now; what was said is still sent."""
        self.why = self.why or why
        self.finish(self.goodbye.ending(self))
