"""What comes from an HTTP/2 client: requests are counted and go to the app as they came."""

from typing import TYPE_CHECKING

from drainproxy.drain.aging import STREAM
from drainproxy.drain.budget import Budget, Share
from drainproxy.drain.goodbye import DRAIN
from drainproxy.drain.ledger import CLIENT_LEFT, FINISHED
from drainproxy.relay.direction import MOST_REMEMBERED, Direction
from drainproxy.relay.stream import Stream
from drainproxy.relay.tracked import WebSocketStream
from drainproxy.wire.hpack import Fields
from drainproxy.wire.http2 import (
    END_STREAM,
    ENHANCE_YOUR_CALM,
    LEAST_MAX_FRAME,
    MOST_STREAM,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    Http2Error,
    header_frames,
    rst_stream,
)
from drainproxy.wire.http2_head import RequestHead, forwarded, too_many
from drainproxy.wire.logged import Facts, of_fields

if TYPE_CHECKING:
    from drainproxy.relay.streams import Streams

# Frames that cost their sender nothing and the app a little: so many in so many seconds, and some
# more for each frame of DATA that passed in either direction.
_CONTROL_FRAMES, _CONTROL_WINDOW = 1000, 10.0
_CONTROL_FRAMES_PER_DATA = 10
_EMPTY_FRAMES = 100
# So many bytes of SETTINGS count as one frame; no client has use for more.
_SETTINGS_AT_ONCE = 600
_RESETS_WINDOW = 30.0
# Who resets a stream that is younger, in seconds, has asked for work that nobody wanted.
_PREMATURE = 1.0
_MOST_GAPS = 100
# In bytes; a static table makes much of little as well.
_USUAL_TABLE = 4096
# Heads that are remembered, and the bytes of their fields.
_MOST_HEADS, _LONGEST_HEAD = 32, 1000


class Requests(Direction[RequestHead]):
    """The client's direction. `highest` is the last stream that the client has opened, `passed`
    the last one that has gone to the app; none above `last` does."""

    __slots__ = (
        *("_begun_beside", "_control", "_empty", "_gaps", "_heads", "_limit_known"),
        *("_limit_told", "_max_fields", "_max_streams", "_most_before", "_on_credit"),
        *("_passed_before", "_passed_lately", "_strays", "_window", "highest", "last", "passed"),
        "resets",
    )

    def __init__(self, session: "Streams") -> None:
        super().__init__(session, self._understand)
        if session.hub.access_log is not None:
            self.reader.keep_fields()
        limits = session.hub.limits
        self.highest, self.passed = -1, 0
        self.last = MOST_STREAM
        self._max_streams, self._max_fields = limits.max_streams, limits.max_fields
        # So many streams before a further one, and it has to be asked whether that is too many, or
        # the last that there may be.
        self._most_before = limits.max_streams - 1
        self._limit_known = self._limit_told = False
        # Streams that ended before the client has ended its side: whether frames that still come
        # go to the app, which may not know that they do not belong to anything.
        self._strays: dict[int, bool] = {}
        self._heads: dict[Fields, RequestHead] = {}
        # Streams that were passed over, as ranges: they are closed and never were open.
        self._gaps: list[range] = []
        self.resets = Share(limits.max_resets, _RESETS_WINDOW)
        # How many streams the app has begun, less those that the client has passed over.
        self._begun_beside = 0
        self._control = Budget(_CONTROL_FRAMES, _CONTROL_WINDOW)
        self._empty = Budget(_EMPTY_FRAMES, _CONTROL_WINDOW)
        # How many came beyond the budget of the window that ends then, and how many frames of DATA
        # had passed when it began, and the one before it.
        self._window = 0.0
        self._on_credit = self._passed_lately = self._passed_before = 0

    def tell_sender(self, frame: bytes) -> None:
        """To the client."""
        self.session.to_client(frame)

    def _understand(self, fields: Fields) -> RequestHead:
        """The head that these fields are; clients repeat themselves, but for fields that do not
        matter here."""
        head = self._heads.get(fields)
        if head is None:
            head = RequestHead(fields, self._max_fields)
            if self.session.client_ip and not head.trailers:
                head.forwarded = forwarded(head, self.session.client_ip, b"http")
            if sum(len(name) + len(value) for name, value in fields) <= _LONGEST_HEAD:
                if len(self._heads) >= _MOST_HEADS:
                    self._heads.clear()
                self._heads[fields] = head
        return head

    # Streams

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        """A request, or the trailers of one."""
        head = self.reader.read(block)
        session = self.session
        streams = session.streams
        if stream != self.highest + 2:
            found = streams.get(stream)
            if found is not None:
                return self._trailers(found, flags, priority, head, len(block))
            if stream <= self.highest or not stream & 1:
                return self._late_headers(stream)
            self._gaps.append(range(self.highest + 1, stream))
            del self._gaps[:-_MOST_GAPS]
            self._begun_beside -= (stream - self.highest - 2) // 2
        self.highest = stream
        # Of a usual request nothing has to be asked: that saves a call for each.
        if (
            head.unusual or self.stateless or stream > self.last
            or len(streams) >= self._most_before
        ) and self._refused(stream, head, len(block)):  # fmt: skip
            return self.leave_out_block()
        self.passed = stream
        streams[stream] = opened = Stream(
            session, stream, head, session.moment, bool(flags & END_STREAM)
        )
        if session.hub.limits.request_timeout:
            session.expect_answer(opened.opened)
        if head.kind != "http2":
            self._open_special(opened)
        if session.hub.access_log is not None:
            opened.facts = self._facts()
        if self.stateless:
            block = self.block_anew()
        elif not head.forwarded:
            return None
        return header_frames(stream, flags, priority, block + head.forwarded)

    def _facts(self) -> Facts:
        """What the fields of the block that was read tell the access log. Of a connection that
        began before anybody wanted to read of it, the first request tells nothing."""
        if self.reader.spells:
            return of_fields(self.reader.fields)
        self.reader.keep_fields()
        return {}

    def _open_special(self, opened: Stream) -> None:
        session = self.session
        if opened.kind == "websocket":
            window = self.other.stream_window
            session.tracked[opened.id] = WebSocketStream(session, opened, window)
        elif session.hub.limits.aging.ages.get(STREAM):
            session.expect_age(opened.opened)
        if session.hub.leaving and opened.kind in session.hub.limits.ending:
            session.part_from(opened, DRAIN)

    def _trailers(
        self, found: Stream, flags: int, priority: bytes, head: RequestHead, length: int
    ) -> bytes | None:
        if found.client_done:
            raise Http2Error(STREAM_CLOSED, "HEADERS after the end of a request")
        swells = self.stateless and self._swells(length)
        if head.malformed or not head.trailers or not flags & END_STREAM or swells:
            # RFC 9113 8.1: such a request is malformed as a whole.
            self.session.rejected("malformed", "trailers that are none, or too long")
            self._spend_reset()
            self.session.break_stream(found, PROTOCOL_ERROR)
            self.leave_out_block()
            # The app hears of the end before further streams begin: never of too many at a time.
            return self.words_here()
        self.ended(found)
        if not self.stateless:
            return None
        block = self.block_anew()
        return header_frames(found.id, flags, priority, block)

    def _late_headers(self, stream: int) -> bytes | None:
        """HEADERS of a stream that is not open any more, or never was: at best trailers of use to
        nobody, and of any length when they are written anew."""
        self._spend_control()
        if self._is_over(stream) and not self.stateless:
            return None
        return self.leave_out_block()

    def data(self, stream: int, flags: int, length: int) -> bool:
        """A part of a request."""
        found = self.session.streams.get(stream)
        if found is None:
            return self._late_data(stream, length)
        self.data_frames += 1 + length // LEAST_MAX_FRAME
        if found.client_done:
            raise Http2Error(STREAM_CLOSED, "DATA after the end of a request")
        if self.session.tracked:
            tracked = self.session.tracked.get(stream)
            self.follower = tracked.client_follower() if tracked is not None else None
        if flags & END_STREAM:
            self.ending = found
        elif not length and not self._empty.spend(self.session.hub.now()):
            raise _calm_down("too many empty frames", "empty-frames", self._empty.spent)
        return True

    def _late_data(self, stream: int, length: int) -> bool:
        if not length:
            self._spend_control()
        return self._is_over(stream) or self.give_back(length)

    def _is_over(self, stream: int) -> bool:
        """Whether what still comes on a stream that is not open goes to the app: it does where the
        client cannot know yet that the app has ended it, and not if the app never heard of it."""
        if stream > self.highest or not stream & 1 or any(stream in gap for gap in self._gaps):
            raise Http2Error(PROTOCOL_ERROR, f"a frame of stream {stream}, which was not opened")
        if stream > self.last:
            return False
        passes = self._strays.get(stream)
        if passes is None:
            raise Http2Error(STREAM_CLOSED, f"a frame of stream {stream}, which is closed")
        return passes

    def ended(self, found: Stream) -> None:
        """The request has passed."""
        found.client_done = True
        if found.app_done:
            self.session.finish(found)

    def goes_astray(self, stream: int, *, passes: bool) -> None:
        """A stream ended before the client has ended its side."""
        self._strays[stream] = passes
        if len(self._strays) > MOST_REMEMBERED:
            del self._strays[next(iter(self._strays))]

    # Streams that the app never hears of

    def _refused(self, stream: int, head: RequestHead, length: int) -> bool:
        """Whether the app must not get this request; if so, its client has been told."""
        session = self.session
        if stream > self.last:
            self._refuse(stream, REFUSED_STREAM)
            self._spend_control()
        elif head.malformed or head.trailers or (head.many and self._too_many()):
            session.rejected("malformed", head.malformed or "trailers, or too many fields")
            self._refuse(stream, PROTOCOL_ERROR)
            self._spend_reset()
        elif self.stateless and self._swells(length):
            session.rejected("malformed", "a header block that swells")
            self._refuse(stream, ENHANCE_YOUR_CALM)
            self._spend_reset()
        elif len(session.streams) >= self._max_streams + session.pushed:
            self._refuse(stream, REFUSED_STREAM)
            self._spend_on_refusal()
        elif head.method == b"CONNECT" and self._refused_to_connect(stream, head):
            return True
        else:
            self._opens_another()
            return False
        return True

    def _opens_another(self) -> None:
        """If this is the last stream that there may be, the client waits with the next one, which
        nobody would see; where the app has set that limit it would do so without us too."""
        session = self.session
        most = self._max_streams
        if session.answers.lowered and len(session.streams) + 1 == most + session.pushed:
            session.counters.max_streams_reached += 1
            if not self._limit_told:
                self._limit_told = True
                session.hub.notice("max-streams", session.peer, most, "further streams wait")

    def _too_many(self) -> bool:
        """Whether the block that was read has more fields than max-fields."""
        return too_many(self.reader.fields, self._max_fields)

    def _swells(self, length: int) -> bool:
        """Whether the block that was read, of this length, becomes far longer without a table than
        naming each entry of a table twice could make it: an HPACK bomb."""
        written = sum(len(name) + len(value) for name, value in self.reader.fields)
        return written > 2 * (length + max(self.reader.table_size, _USUAL_TABLE))

    def _refused_to_connect(self, stream: int, head: RequestHead) -> bool:
        """CONNECT asks for a tunnel; with :protocol it is what an upgrade is in HTTP/1."""
        session = self.session
        if not head.protocol:
            session.hub.refusal("malformed", session.peer, "501 CONNECT is not supported")
            session.answer_unopened(stream, 501, "CONNECT is not supported")
        elif session.hub.leaving:
            session.rejected("leaving", "503 leaving: no new upgrades here")
            session.answer_unopened(stream, 503, "leaving: no new upgrades here")
        else:
            return False
        self.goes_astray(stream, passes=False)
        self._spend_control()
        return True

    def _refuse(self, stream: int, code: int) -> None:
        self.session.to_client(rst_stream(stream, code))
        self.goes_astray(stream, passes=False)

    def _spend_on_refusal(self) -> None:
        """Over max-streams; who does not know the limit yet cannot keep to it."""
        self.session.rejected("max-streams", "more streams than it may have")
        if self._limit_known:
            self._spend_reset()
        else:
            self._spend_control()

    # Other frames

    def reset(self, stream: int, code: int) -> bytes | None:
        """The client does not want an answer any more."""
        session = self.session
        found = session.streams.get(stream)
        if found is not None:
            if session.hub.now() - found.opened < _PREMATURE and not found.app_done:
                self._spend_reset()
            session.end(found, FINISHED if found.app_done else CLIENT_LEFT)
            return None
        self._spend_control()
        if self._is_idle(stream):
            raise Http2Error(PROTOCOL_ERROR, f"RST_STREAM of stream {stream}, which is idle")
        return None if self._is_known_to_app(stream) else b""

    def window_update(self, stream: int, increment: int) -> bytes | None:
        """The client takes more."""
        self._spend_control()
        if not increment:
            raise Http2Error(PROTOCOL_ERROR, "a WINDOW_UPDATE of 0")
        if not stream:
            return self.other.opens(increment)
        if stream in self.session.streams:
            if stream in self.session.tracked:
                self.session.tracked[stream].window += increment
            return None
        if self._is_idle(stream):
            raise Http2Error(PROTOCOL_ERROR, f"WINDOW_UPDATE of stream {stream}, which is idle")
        return None if self._is_known_to_app(stream) else b""

    def priority(self, stream: int) -> bytes | None:
        """It may come at any time, before the stream too."""
        self._spend_control()
        return None if self._passes_late(stream) else b""

    def unknown(self, stream: int) -> bool:
        """Whatever it means, it is for the app."""
        self._spend_control()
        return self._passes_late(stream)

    def _is_idle(self, stream: int) -> bool:
        """The client has not opened it; those that the app has pushed it knows better than we."""
        return bool(stream & 1) and stream > self.highest

    def _is_known_to_app(self, stream: int) -> bool:
        """To speak of a stream that the app never heard of would be an error to it."""
        if not stream & 1:
            return self._strays.get(stream, True)
        return stream <= self.passed and self._passes_late(stream)

    def _passes_late(self, stream: int) -> bool:
        """Whether the app may hear of this stream, if it is not open."""
        return stream <= self.last and self._strays.get(stream, True)

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        """8.4: clients do not push."""
        raise Http2Error(PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def settings(self, payload: bytes) -> bytes | None:
        """The client's limits; a list of any length is no single thing."""
        for _ in range(0, len(payload) + 1, _SETTINGS_AT_ONCE):
            self._spend_control()
        return super().settings(payload)

    def settings_acknowledged(self) -> bytes | None:
        """The client knows the limit on streams, which stands in the app's first SETTINGS."""
        self._spend_control()
        self._limit_known = True
        return super().settings_acknowledged()

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        """The answer to ours is not for the app."""
        if ack and self.session.ping_answered(data):
            return b""
        self._spend_control()
        return None

    def goaway(self, payload: bytes) -> bytes | None:
        """The client goes, and tells the app."""
        self._spend_control()
        self.session.going = True
        return None

    # Budgets

    @property
    def _begun(self) -> int:
        """How many streams have been begun so far, whoever has done it."""
        return (self.highest + 1) // 2 + self._begun_beside

    def count_begun(self) -> None:
        """Called ahead of what is read at `resets.mark_at` or later."""
        self.resets.mark(self.session.moment, self._begun)

    def pushed(self) -> None:
        """The app has begun a stream."""
        self._begun_beside += 1

    def blamed(self) -> None:
        """The app has reset a stream for what the client did on it (CVE-2025-8671)."""
        try:
            self._spend_reset()
        except Http2Error as error:
            self.error = error

    def _spend_reset(self) -> None:
        resets = self.resets
        if not resets.spend(self.session.hub.now(), self._begun):
            raise _calm_down("too many streams were reset", "max-resets", resets.spent)

    def _spend_control(self) -> None:
        control = self._control
        passed = self.data_frames + self.other.data_frames
        within = control.spend(self.session.hub.now())
        if control.ends != self._window:
            self._window, self._on_credit = control.ends, 0
            self._passed_before, self._passed_lately = self._passed_lately, passed
        if not within:
            self._on_credit += 1
            if self._on_credit > _CONTROL_FRAMES_PER_DATA * (passed - self._passed_before):
                raise _calm_down("too many control frames", "control-frames", control.spent)


def _calm_down(reason: str, budget: str, spent: int) -> Http2Error:
    return Http2Error(ENHANCE_YOUR_CALM, reason, budget, spent)
