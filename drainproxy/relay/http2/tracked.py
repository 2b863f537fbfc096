"""HTTP/2 streams that may need a goodbye of their own, carried by DATA within flow control."""

from math import inf
from typing import Any, Protocol

from drainproxy.relay.age import Age
from drainproxy.relay.goodbye.carrier import Goodbye
from drainproxy.relay.http2.stream import Stream, StreamOwner
from drainproxy.relay.http2.windows import ClientWindow
from drainproxy.relay.transport import Transport
from drainproxy.wire import http2
from drainproxy.wire.http2 import Follower


class OneDirection(Protocol):
    """What one side says: see `inbound` and `outbound`."""

    follower: Follower | None

    @property
    def between_frames(self) -> bool:
        """Whether a frame of ours may stand here."""


class AppDirection(OneDirection, Protocol):
    """See `outbound`."""

    def refund(self, length: int) -> None:
        """The app gets the connection's window back for DATA that the client does not get."""


class Table(Protocol):
    """See `stream_table`."""

    window: ClientWindow

    @property
    def inbound(self) -> OneDirection:
        """The client's direction."""

    def end_early(self, stream: Stream, ending: int, reason: str = "") -> None:
        """End a stream, with 503 or RST_STREAM."""

    def end_upstream(self, stream: Stream, ending: int) -> None:
        """End one of which the client got the end."""

    def end(self, stream: Stream, ending: int) -> None:
        """End one of which both sides know."""

    def expect_late_frames(self, stream: int, *, passes: bool) -> None:
        """A stream ended before the client has ended its side."""


class StreamConnection(StreamOwner, Protocol):
    """What the streams and both directions ask of their connection."""

    client: Transport
    app: Transport | None
    age: Age
    stops: int

    @property
    def table(self) -> Table:
        """The streams."""

    @property
    def outbound(self) -> AppDirection:
        """The app's direction."""

    def to_client(self, frame: bytes) -> None:
        """Say a frame of ours at the next place between two others."""

    def frames_have_passed(self) -> None:
        """Frames to the client that waited have their place."""

    def to_app(self, frame: bytes) -> None:
        """Send a frame of ours to the app."""

    def ping_answered(self, data: bytes) -> bool:
        """Whether the PING that the client acknowledges was ours."""


class TrackedStream:
    """The carrier of a stream's goodbye, which is `goodbye`. `window`: the bytes that are left of
    the client's window for this stream. `poll_at`: when a goodbye that waits is polled, if nothing
    moves before."""

    __slots__ = ("connection", "goodbye", "poll_at", "stream", "window")

    # Each kind of goodbye asks more of its own kind of carrier.
    goodbye: Goodbye[Any]

    def __init__(
        self, connection: StreamConnection, stream: Stream, window: int, goodbye: Goodbye[Any]
    ) -> None:
        self.connection = connection
        self.stream = stream
        self.window = window
        self.goodbye = goodbye
        self.poll_at = inf

    # What the connection and its directions ask

    @property
    def waits(self) -> bool:
        """A goodbye waits for its place, or for the end of its handshake."""
        return self.goodbye.waits and not self.stream.app_done

    @property
    def close_sent(self) -> bool:
        """The client got our Close: nothing of the app may follow it."""
        return False

    @property
    def client_answered(self) -> bool:
        """It has answered our Close: whoever closes first now, this is booked as a goodbye."""
        return False

    @property
    def can_say_goodbye(self) -> bool:
        """When time is up, its protocol still has a goodbye."""
        return not self.stream.app_done

    @property
    def needs_room(self) -> bool:
        """The client's windows may be too small for what is to be said."""
        return False

    def say(self, why: str, now: float) -> None:
        """A goodbye, as soon as that loses nothing."""
        self.goodbye.say(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Time is up."""
        self.goodbye.hasten(why, now)

    def cancel(self, remaining: str, now: float) -> None:
        """Take it back, but for the reason that remains."""
        self.goodbye.cancel(remaining, now)

    def poll(self, now: float) -> float:
        """Do what is due; returns when to ask again."""
        return self.goodbye.poll(now, self)

    def passes(self, length: int, *, ends: bool) -> bool:
        """DATA of the app begins; False if the client does not get it, at least not now."""
        raise NotImplementedError

    def left_out(self, length: int) -> None:
        """DATA of this length, padding included, does not go on."""
        self.connection.outbound.refund(length)

    def client_follower(self) -> Follower | None:
        """The parser of the client's DATA, if it is needed."""
        return None

    def take_held(self) -> bytes:
        """DATA for the client: what has been held back, if there is room for it."""
        return b""

    def take_end(self) -> bytes:
        """What tells the client of the end that the app has said, if that was held back."""
        return b""

    def is_reset_later(self, code: int) -> bool:
        """The app resets the stream: whether the client hears that behind an end that is held."""
        return False

    def ends_in_held(self) -> bool:
        """The app ends the stream: whether something is held that has to pass before."""
        return False

    # The carrier

    @property
    def at_boundary(self) -> bool:
        """Between two frames of the connection."""
        return self.connection.outbound.between_frames

    @property
    def inside_frame(self) -> bool:
        """The app is in the middle of a frame of this stream, which is read here."""
        follower: object = self.connection.outbound.follower
        return follower is self

    @property
    def room(self) -> int:
        """How many bytes of DATA the client takes (RFC 9113 6.9)."""
        return min(self.window, self.connection.table.window.room)

    @property
    def ended(self) -> bool:
        """The app has ended its side; only the client has more to say."""
        return self.stream.app_done

    def has_unread(self) -> bool:
        """Whether bytes have arrived that this process was too busy to read, of any stream."""
        connection = self.connection
        client, app, has_unread = connection.client, connection.app, connection.context.has_unread
        return has_unread(client) or (app is not None and has_unread(app))

    def send(self, payload: bytes) -> None:
        """DATA of ours, or of the app's that was held back."""
        self.connection.to_client(self.own_data(payload))

    def count_goodbye(self, why: str) -> None:
        """Count it."""
        self.connection.context.counters.goodbyes[self.stream.kind, why] += 1

    def finish(self, ending: int) -> None:
        """END_STREAM; the app's work is not wanted any more."""
        self.connection.to_client(http2.frame(http2.DATA, http2.END_STREAM, self.stream.id))
        self.connection.table.end_upstream(self.stream, ending)

    def own_data(self, payload: bytes) -> bytes:
        """DATA frames for the client. The app does not know of them: so much of what the client
        gives back is not for the app."""
        stream = self.stream.id
        self.window -= len(payload)
        self.connection.table.window.take(len(payload))
        most = http2.LEAST_MAX_FRAME
        parts = [payload[at : at + most] for at in range(0, len(payload), most)]
        return b"".join([http2.frame(http2.DATA, 0, stream, part) for part in parts])

    def app_gone(self) -> None:
        """The app says no more, while the client is to answer a Close."""

    def end_for_lost_app(self) -> None:
        """The app has died: end the stream in its client's language, if it has one for that."""

    def count_ending(self, ending: int) -> None:
        """The stream is over."""
