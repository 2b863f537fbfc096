"""Streams of HTTP/2 whose bodies are followed, since a goodbye may have to be said in them."""

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

    @property
    def may_end(self) -> bool:
        """Whether a word of ours may follow what has passed."""
        raise NotImplementedError


class FollowedEvents(Followed):
    """An event stream (RFC 9113 8.1: DATA frames are one stream of bytes)."""

    __slots__ = ("_tracker",)

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._tracker = EventTracker()

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app says more."""
        self._tracker.feed(data, start, end)

    @property
    def may_end(self) -> bool:
        """Between two events."""
        return self._tracker.between_events


class FollowedWebSocket(Followed):
    """A WebSocket (RFC 8441 5), both ways. `client` follows what the client says."""

    __slots__ = ("_from_app", "client")

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._from_app = FrameTracker()
        self.client = FollowedClient()

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The app says more."""
        self._from_app.feed(data[start:end])

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
        """One of the two has said Close by itself, or the client has echoed ours."""
        return self._from_app.close_passed or self.client.tracker.close_passed


class FollowedClient:
    """The client's side of a WebSocket."""

    __slots__ = ("tracker",)

    def __init__(self) -> None:
        self.tracker = FrameTracker()

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The client says more."""
        self.tracker.feed(data[start:end])
