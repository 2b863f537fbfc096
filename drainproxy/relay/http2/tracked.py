"""The carriers of goodbyes on HTTP/2 streams, in DATA within flow control: their base, and what
they need of the connection."""

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
    """A direction, as a carrier needs it: see `inbound` and `outbound`."""

    follower: Follower | None

    @property
    def between_frames(self) -> bool:
        """Whether a frame of ours may stand here."""


class AppDirection(OneDirection, Protocol):
    """The app's direction, as a carrier needs it: see `outbound`."""

    def refund(self, length: int) -> None:
        """Give the app the connection's window back for DATA that the client does not get."""


class Table(Protocol):
    """The table, as a carrier needs it: see `stream_table`."""

    window: ClientWindow

    @property
    def inbound(self) -> OneDirection:
        """The client's direction."""

    def end_early(self, stream: Stream, ending: int, reason: str = "") -> None:
        """End a stream before its own end: with 503, RST_STREAM or the trailers of gRPC."""

    def end_upstream(self, stream: Stream, ending: int) -> None:
        """End a stream whose client has got the end."""

    def end(self, stream: Stream, ending: int) -> None:
        """End a stream whose end both sides have got."""

    def expect_late_frames(self, stream: int, *, passes: bool) -> None:
        """Note a stream that has ended before the client ended its side."""


class StreamConnection(StreamOwner, Protocol):
    """The connection, as its streams and directions need it: see `connection`."""

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
        """Send frames of ours to the client, at the next boundary."""

    def frames_have_passed(self) -> None:
        """Frames of ours to the client that waited were sent."""

    def to_app(self, frame: bytes) -> None:
        """Send a frame of ours to the app, at the next boundary."""

    def ping_answered(self, data: bytes) -> bool:
        """Whether the client acknowledges our PING."""


class TrackedStream:
    """The base of all carriers. It stands beside its `stream` and owns the `goodbye`. `window`: the
    bytes left of the client's window of this stream. `poll_at`: when a pending goodbye is polled if
    no byte moves before."""

    __slots__ = ("connection", "goodbye", "poll_at", "stream", "window")

    # Any: each kind of goodbye needs its own kind of carrier.
    goodbye: Goodbye[Any]

    def __init__(
        self, connection: StreamConnection, stream: Stream, window: int, goodbye: Goodbye[Any]
    ) -> None:
        self.connection = connection
        self.stream = stream
        self.window = window
        self.goodbye = goodbye
        self.poll_at = inf

    # Called by the connection and its directions

    @property
    def waits(self) -> bool:
        """A goodbye is pending, or its closing handshake is under way."""
        return self.goodbye.waits and not self.stream.app_done

    @property
    def close_sent(self) -> bool:
        """The client has got our Close: nothing of the app may follow it."""
        return False

    @property
    def client_answered(self) -> bool:
        """The client has answered our Close: the stream is booked as GOODBYE, however it ends."""
        return False

    @property
    def can_say_goodbye(self) -> bool:
        """Whether `hasten` can send a goodbye at the deadline."""
        return not self.stream.app_done

    @property
    def needs_room(self) -> bool:
        """Whether the client's windows may be too small for what has to be sent."""
        return False

    def say(self, why: str, now: float) -> None:
        """Ask for the goodbye; see `Goodbye`."""
        self.goodbye.say(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Time is up; see `Goodbye`."""
        self.goodbye.hasten(why, now)

    def cancel(self, remaining: str, now: float) -> None:
        """Take the goodbye back; see `Goodbye`."""
        self.goodbye.cancel(remaining, now)

    def poll(self, now: float) -> float:
        """Send the goodbye, or end the handshake, if that is due; returns when to call again."""
        return self.goodbye.poll(now, self)

    def passes(self, length: int, *, ends: bool) -> bool:
        """Whether the app's DATA frame that begins is forwarded; False if it is held or dropped."""
        raise NotImplementedError

    def left_out(self, length: int) -> None:
        """Account for DATA of this length, padding included, that is not forwarded."""
        self.connection.outbound.refund(length)

    def client_follower(self) -> Follower | None:
        """The parser of the client's DATA; None if it need not be followed."""
        return None

    def take_held(self) -> bytes:
        """Held bytes as DATA frames, if the client's windows have room; else empty."""
        return b""

    def take_end(self) -> bytes:
        """END_STREAM of the app that was held, as a frame; empty if none was."""
        return b""

    def is_reset_later(self, code: int) -> bool:
        """Whether the app's RST_STREAM, with this code, is sent behind an end that is held."""
        return False

    def ends_in_held(self) -> bool:
        """Whether the app ends the stream while bytes are held that have to pass before."""
        return False

    # The carrier

    @property
    def at_boundary(self) -> bool:
        """Between two frames of the connection."""
        return self.connection.outbound.between_frames

    @property
    def inside_frame(self) -> bool:
        """The app is in the middle of a DATA frame of this stream."""
        follower: object = self.connection.outbound.follower
        return follower is self

    @property
    def room(self) -> int:
        """How many bytes of DATA the client's windows allow (RFC 9113 6.9)."""
        return min(self.window, self.connection.table.window.room)

    @property
    def ended(self) -> bool:
        """The app has ended its side of the stream."""
        return self.stream.app_done

    def has_unread(self) -> bool:
        """Whether bytes of any stream have arrived that this process was too busy to read."""
        connection = self.connection
        client, app, has_unread = connection.client, connection.app, connection.context.has_unread
        return has_unread(client) or (app is not None and has_unread(app))

    def send(self, payload: bytes) -> None:
        """Send these bytes, ours or held ones of the app, in DATA frames."""
        self.connection.to_client(self.own_data(payload))

    def count_goodbye(self, why: str) -> None:
        """Count the goodbye."""
        self.connection.context.counters.goodbyes[self.stream.kind, why] += 1

    def finish(self, ending: int) -> None:
        """Send END_STREAM to the client, and RST_STREAM to the app."""
        self.connection.to_client(http2.frame(http2.DATA, http2.END_STREAM, self.stream.id))
        self.connection.table.end_upstream(self.stream, ending)

    def own_data(self, payload: bytes) -> bytes:
        """DATA frames for the client. The app does not know of them, so they are a debt of the
        connection's window (`windows`)."""
        stream = self.stream.id
        self.window -= len(payload)
        self.connection.table.window.take(len(payload))
        most = http2.LEAST_MAX_FRAME
        parts = [payload[at : at + most] for at in range(0, len(payload), most)]
        return b"".join([http2.frame(http2.DATA, 0, stream, part) for part in parts])

    def app_gone(self) -> None:
        """The app's side has ended while the client has to answer our Close."""

    def end_for_lost_app(self) -> None:
        """The app has died: end the stream in its own protocol, if that has a way."""

    def count_ending(self, ending: int) -> None:
        """The stream is over, booked as `ending`."""
