"""Streams of HTTP/2 whose bodies are followed, since a goodbye may have to be said in them."""

from drainproxy.relay.closes import first_close
from drainproxy.wire.sse import EventTracker
from drainproxy.wire.websocket import FrameTracker


class Followed:
    """What of a stream has passed. `room`: the bytes that are left of its client's window."""

    __slots__ = ("room",)

    def __init__(self, room: int) -> None:
        self.room = room

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app says more: the bytes of `data` from `start` to `end`."""
        raise NotImplementedError

    def holds_back(self, *, due: bool, ends: bool) -> bool:
        """Whether the DATA that begins is fed to this and does not go on. `due`: a goodbye waits
        for its place; `ends`: the app ends the stream with it."""
        return False

    @property
    def may_end(self) -> bool:
        """Whether a word of ours may follow what has passed."""
        raise NotImplementedError


class FollowedEvents(Followed):
    """An event stream (RFC 9113 8.1: DATA frames are one stream of bytes). DATA that has begun to
    pass cannot be made shorter: so while a goodbye is due, what comes is held until an event ends
    in it. `over`: the app has ended the stream in what is held."""

    __slots__ = ("_held", "_holding", "_tracker", "over")

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._tracker = EventTracker()
        self._held = b""
        self._holding = self.over = False

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app says more."""
        if self._holding:
            self._held += data[start:end]
        else:
            self._tracker.feed(data, start, end)

    def holds_back(self, *, due: bool, ends: bool) -> bool:
        """While a goodbye is due."""
        self._holding = due
        self.over = due and ends
        return due

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return len(self._held)

    @property
    def may_end(self) -> bool:
        """Between two events, or at the end of the one that is held."""
        return self._tracker.between_events or self._end() >= 0

    def _end(self) -> int:
        return self._tracker.end_in(self._held, 0, len(self._held))

    def up_to_end(self) -> bytes:
        """What is held of the event that has begun to pass; the rest is forgotten."""
        held = b"" if self._tracker.between_events else self._held[: self._end()]
        self._held = b""
        return held

    def release(self) -> bytes:
        """All that is held, which passes after all."""
        held, self._held = self._held, b""
        self._tracker.feed(held, 0, len(held))
        return held


class FollowedWebSocket(Followed):
    """A WebSocket (RFC 8441 5), both ways. `client` follows what the client says; `client.asks`: it
    was the last one to speak."""

    __slots__ = ("_app_first", "_from_app", "client")

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._from_app = FrameTracker()
        self._app_first = False
        self.client = FollowedClient()

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app says more."""
        self.client.asks = False
        self._from_app.feed_all(data[start:end])
        if self._from_app.close_passed and not self.client_closed:
            self._app_first = True

    def first_close(self, ours: int, ending: int) -> tuple[int, str]:
        """The code of the Close that came first, and who said it; see `closes`."""
        trackers = (self.client.tracker, self._from_app)
        return first_close(ours, *trackers, client_first=not self._app_first, ending=ending)

    @property
    def may_end(self) -> bool:
        """Between two frames."""
        return self._from_app.between_frames

    @property
    def pauses(self) -> bool:
        """Whether neither side is in the middle of a message."""
        return self._from_app.between_messages and self.client.tracker.between_messages

    @property
    def closing(self) -> bool:
        """One of the two has said Close."""
        return self.app_closed or self.client_closed

    @property
    def app_closed(self) -> bool:
        """The app has said Close."""
        return self._from_app.close_passed

    @property
    def client_closed(self) -> bool:
        """The client has said Close, or has echoed ours."""
        return self.client.tracker.close_passed


class FollowedClient:
    """The client's side of a WebSocket."""

    __slots__ = ("asks", "tracker")

    def __init__(self) -> None:
        self.tracker = FrameTracker()
        self.asks = False

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The client says more."""
        self.asks = True
        self.tracker.feed_all(data[start:end])
