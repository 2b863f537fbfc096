"""Frames from an HTTP/2 client to the app: opens streams, and refuses requests."""

from drainproxy.drain.aging import STREAM
from drainproxy.drain.ledger import CLIENT_LEFT, FINISHED
from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.direction import NOT_ITS_LENGTH, Direction
from drainproxy.relay.http2.floods import Floods
from drainproxy.relay.http2.late_streams import begins_late, tell_as_connection
from drainproxy.relay.http2.refusals import (
    answer_large_head,
    note_last_stream,
    refuse,
    refuses_to_connect,
)
from drainproxy.relay.http2.request_heads import TOO_LONG, RequestHeads
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_limit import StreamLimit
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.http2.websocket_stream import WebSocketStream
from drainproxy.wire.http2 import (
    END_STREAM,
    ENDS_STREAM,
    ENHANCE_YOUR_CALM,
    LEAST_MAX_FRAME,
    PADDED,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    Http2Error,
    header_frames,
)
from drainproxy.wire.http2_head import UNTOLD, RequestHead, too_many
from drainproxy.wire.logged import NO_FACTS, Facts, OnlyTrace, of_fields

# In bytes: a longer SETTINGS frame counts as several; no honest client sends one.
_SETTINGS_AT_ONCE = 600
# In seconds: a reset of a younger stream takes from the budget of resets.
_PREMATURE = 1.0
# In bytes: the table size that is assumed at least, since static entries expand a block too.
_USUAL_TABLE = 4096


class Inbound(Direction[RequestHead]):
    """The client's direction."""

    __slots__ = ("floods", "heads", "limit")

    def __init__(self, table: StreamTable, limit: StreamLimit, floods: Floods) -> None:
        limits = table.context.limits
        self.heads = RequestHeads(limits.max_fields, limits.stream_drain)
        super().__init__(table, self.heads.understand, TOO_LONG)
        if table.context.access_log is not None or table.context.leaving:
            # `sidecar.new_clients` needs the fields to tell probes from clients.
            self.reader.keep_fields()
        self.limit = limit
        self.floods = floods

    def tell_sender(self, frame: bytes) -> None:
        """Send a frame of ours to the client."""
        self.table.connection.to_client(frame)

    # Streams

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        """HEADERS: a request, or its trailers."""
        reader = self.reader
        head = reader.last_read if block == reader.last_block else reader.read(block)
        streams = (table := self.table).streams
        if stream != table.highest + 2:
            found = streams.get(stream)
            if found is not None:
                return self._trailers(found, flags, priority, head, len(block))
            if stream <= table.highest or not stream & 1:
                return self._late_headers(stream, head)
            table.pass_over(range(table.highest + 1, stream))
        table.highest = stream
        ends = ENDS_STREAM[flags]
        # A usual request needs none of the checks of `_refused`, which saves the call.
        if (
            head.unusual or self.stateless or stream > table.last
            or len(streams) >= self.limit.most_before or (head.has_body and ends)
        ) and self._refused(stream, flags, head, block):  # fmt: skip
            return self.drop_block()
        table.passed = stream
        streams[stream] = opened = Stream(table.connection, stream, head, table.moment, ends)
        context = table.context
        if reader.spells or head.traced or context.access_log is not None:
            opened.facts = self._facts(block)
        table.hold(opened)
        if timeout := context.limits.request_timeout:
            table.deadlines.no_later(Deadline.ANSWER, opened.opened + timeout)
        if head.special:
            self._open_special(opened)
        if self.stateless:
            block = self.reencoded_block()
        elif not head.forwarded:
            return None
        return header_frames(stream, flags, priority, block + head.forwarded)

    def _facts(self, block: bytes) -> Facts:
        """The logged fields of the block that was read: the trace alone without an access log, and
        for the first request with one, from which on the reader keeps fields."""
        if self.reader.spells:
            return of_fields(self.reader.fields)
        trace = self.reader.trace(block)
        if self.table.context.access_log is not None:
            self.reader.keep_fields()
        return NO_FACTS if trace is None else OnlyTrace(trace)

    def _open_special(self, opened: Stream) -> None:
        table = self.table
        connection, context = table.connection, table.context
        if opened.kind == "websocket":
            table.tracked[opened.id] = WebSocketStream(connection, opened, table.window.of_stream)
            tell_as_connection(table, opened)
        elif opened.kind == "grpc":
            table.has_calls = True
            aging = context.limits.aging
            if aging.ages.get(STREAM):
                expires_at = aging.expires_at(STREAM, opened.opened, connection.age.jitter_sample)
                table.deadlines.no_later(Deadline.STREAM_AGE, expires_at)
        if context.leaving:
            begins_late(table, opened)

    def _trailers(
        self, found: Stream, flags: int, priority: bytes, head: RequestHead, length: int
    ) -> bytes | None:
        if found.client_done:
            raise Http2Error(STREAM_CLOSED, "HEADERS after the end of a request")
        is_bomb = self.stateless and self._is_hpack_bomb(length)
        wrong = head.malformed or not head.trailers or not flags & END_STREAM or is_bomb
        if wrong or not found.has_its_length:
            words = head.malformed or "trailers that are none, or too long"
            self._break_off(found, words if wrong else NOT_ITS_LENGTH)
            self.drop_block()
            # The reset goes to the app before further streams begin, or it would count too many.
            return self.take_own_frames()
        self.ended(found)
        if not self.stateless:
            return None
        block = self.reencoded_block()
        return header_frames(found.id, flags, priority, block)

    def _break_off(self, found: Stream, words: str) -> None:
        """Reset a stream whose request turned out to be malformed (RFC 9113 8.1.1)."""
        self.table.reject("malformed", words, found.facts)
        self._spend_reset()
        self.table.break_off(found, PROTOCOL_ERROR)

    def _does_not_add_up(self, found: Stream, length: int) -> bool:
        """DATA does not match content-length (8.1.1): neither the excess nor an early end is
        forwarded."""
        self._break_off(found, NOT_ITS_LENGTH)
        return self.give_back(length)

    def _late_headers(self, stream: int, head: RequestHead) -> bytes | None:
        """HEADERS of a stream that is closed or was never open. At best these are late trailers,
        which are not worth re-encoding: their length would have no bound."""
        self._spend_control()
        if self._is_over(stream) and not self.stateless and head is not TOO_LONG:
            return None
        return self.drop_block()

    def data(self, stream: int, flags: int, length: int) -> bool:
        """DATA of a request; see `FrameScanner`."""
        table = self.table
        found = table.streams.get(stream)
        if found is None:
            return self._late_data(stream, length)
        self.data_frames += 1 if length < LEAST_MAX_FRAME else 1 + length // LEAST_MAX_FRAME
        found.sent = sent = found.sent + length
        if found.client_done:
            raise Http2Error(STREAM_CLOSED, "DATA after the end of a request")
        if flags >= PADDED and flags & PADDED:
            found.due += self.padding
        if ENDS_STREAM[flags]:
            if sent != found.due < UNTOLD:
                return self._does_not_add_up(found, length)
            self.ending = found
        elif not length:
            self.floods.spend_empty(self.table.context.now())
        if sent > found.due:
            return self._does_not_add_up(found, length)
        table.untaken += length
        if table.tracked:
            self._follow_client(stream)
        return True

    def _follow_client(self, stream: int) -> None:
        table = self.table
        table.heard = tracked = table.tracked.get(stream)
        if tracked is None:
            self.follower = None
            return
        self.follower = tracked.client_follower()
        if table.pending:
            table.touched[stream] = tracked

    def _late_data(self, stream: int, length: int) -> bool:
        if not length:
            self._spend_control()
        if not self._is_over(stream):
            return self.give_back(length)
        self.table.untaken += length
        return True

    def window_acknowledged(self, window: int) -> None:
        """The client has acknowledged the app's initial window."""
        self.table.upload_window = window

    def _is_over(self, stream: int) -> bool:
        """Whether a late frame of a stream that is not open goes to the app: yes if the app has
        ended the stream and the client may not know it yet, no if the app never got the stream."""
        table = self.table
        if not table.was_opened(stream):
            raise Http2Error(PROTOCOL_ERROR, f"a frame of stream {stream}, which was not opened")
        if stream > table.last:
            return False
        passes = table.late_frames.get(stream)
        if passes is None:
            raise Http2Error(STREAM_CLOSED, f"a frame of stream {stream}, which is closed")
        return passes

    def ended(self, found: Stream) -> None:
        """The request is complete; see `FrameScanner`."""
        found.client_done = True
        if found.app_done:
            self.table.finish(found)

    # Requests that the app never gets

    def _facts_of(self, block: bytes) -> Facts:
        """The logged fields of a request that is refused; of a block that was not spelt out, none
        if a field of it has left the table since."""
        return of_fields(self.reader.fields) if self.reader.recover_fields(block) else NO_FACTS

    def _refused(self, stream: int, flags: int, head: RequestHead, block: bytes) -> bool:
        """Whether the app must not get this request; if so, the client has its answer or reset."""
        table = self.table
        if stream > table.last:
            refuse(table, stream, REFUSED_STREAM)
            self._spend_control()
        elif words := self._too_large(head):
            answer_large_head(table, stream, words, self._facts_of(block), ends=ENDS_STREAM[flags])
            self._spend_reset()
        elif head.malformed or head.trailers or (flags & END_STREAM and head.has_body):
            no_request = "trailers of no request" if head.trailers else NOT_ITS_LENGTH
            words = head.malformed or no_request
            table.reject("malformed", words, self._facts_of(block))
            refuse(table, stream, PROTOCOL_ERROR)
            self._spend_reset()
        elif self.stateless and self._is_hpack_bomb(len(block)):
            words = "a header block that expands too far (HPACK bomb)"
            table.reject("malformed", words, self._facts_of(block))
            refuse(table, stream, ENHANCE_YOUR_CALM)
            self._spend_reset()
        elif len(table.streams) >= self.limit.most + table.pushed:
            refuse(table, stream, REFUSED_STREAM)
            self._spend_on_refusal(block)
        elif head.method == b"CONNECT" and refuses_to_connect(
            table, stream, head, self._facts_of(block)
        ):
            self._spend_control()
        else:
            note_last_stream(table, self.limit)
            return False
        return True

    def _too_large(self, head: RequestHead) -> str:
        """The limit that a request's head exceeds, in words; empty for none, and for trailers."""
        limits = self.table.context.limits
        if head is TOO_LONG:
            return f"the fields of the head are over {limits.max_header_bytes} bytes"
        if head.malformed or head.trailers or not head.many:
            return ""
        most = limits.max_fields
        return f"more than {most} fields" if too_many(self.reader.fields, most) else ""

    def _is_hpack_bomb(self, length: int) -> bool:
        """Whether the block that was read, of `length` bytes, is an HPACK bomb: re-encoded it would
        be over twice as long as the block and the dynamic table together."""
        written = sum(len(name) + len(value) for name, value in self.reader.fields)
        return written > 2 * (length + max(self.reader.table_size, _USUAL_TABLE))

    def _spend_on_refusal(self, block: bytes) -> None:
        """A stream over max-streams was refused. Until the client has acknowledged the limit, that
        takes only from the budget of control frames."""
        facts = self._facts_of(block)
        self.table.reject("max-streams", "more streams than it may have", facts)
        if self.limit.known:
            self._spend_reset()
        else:
            self._spend_control()

    # Other frames

    def reset(self, stream: int, code: int) -> bytes | None:
        """RST_STREAM: the client wants no answer any more."""
        table = self.table
        found = table.streams.get(stream)
        if found is not None:
            if table.context.now() - found.opened < _PREMATURE and not found.app_done:
                self._spend_reset()
            table.end(found, FINISHED if found.app_done else CLIENT_LEFT)
            return None
        self._spend_control()
        if self._is_idle(stream):
            raise Http2Error(PROTOCOL_ERROR, f"RST_STREAM of stream {stream}, which is idle")
        return None if self._is_known_to_app(stream) else b""

    def window_update(self, stream: int, increment: int) -> bytes | None:
        """WINDOW_UPDATE: the client takes more DATA."""
        self._spend_control()
        if not increment:
            raise Http2Error(PROTOCOL_ERROR, "a WINDOW_UPDATE of 0")
        table = self.table
        if not stream:
            table.touched |= table.short
            return table.window.opens(increment, len(table.short))
        if (found := table.streams.get(stream)) is not None:
            found.credit += increment
            if stream in table.tracked:
                table.tracked[stream].window += increment
                if stream in table.short:
                    table.touched[stream] = table.short[stream]
            return None
        if self._is_idle(stream):
            raise Http2Error(PROTOCOL_ERROR, f"WINDOW_UPDATE of stream {stream}, which is idle")
        return None if self._is_known_to_app(stream) else b""

    def priority(self, stream: int) -> bytes | None:
        """PRIORITY, which may come in any state of a stream, idle included (RFC 9113 6.3)."""
        self._spend_control()
        return None if self._passes_late(stream) else b""

    def unknown(self, stream: int) -> bool:
        """A frame of an unknown type is forwarded to the app."""
        self._spend_control()
        return self._passes_late(stream)

    def _is_idle(self, stream: int) -> bool:
        """Whether the client has not opened this stream; pushed streams are never idle here."""
        return bool(stream & 1) and stream > self.table.highest

    def _is_known_to_app(self, stream: int) -> bool:
        """Whether the app has got this stream: a frame of any other would be an error to it."""
        if not stream & 1:
            return self.table.late_frames.get(stream, True)
        return stream <= self.table.passed and self._passes_late(stream)

    def _passes_late(self, stream: int) -> bool:
        """Whether the app may get frames of this stream, if it is not open."""
        return stream <= self.table.last and self.table.late_frames.get(stream, True)

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        """PUSH_PROMISE: an error, clients do not push (8.4)."""
        raise Http2Error(PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def settings(self, payload: bytes) -> bytes | None:
        """The client's SETTINGS; each 600 bytes of them count as one control frame."""
        for _ in range(0, len(payload) + 1, _SETTINGS_AT_ONCE):
            self._spend_control()
        return super().settings(payload)

    def settings_acknowledged(self) -> bytes | None:
        """The client has acknowledged the app's SETTINGS, which have the limit on streams."""
        self._spend_control()
        self.limit.known = True
        return super().settings_acknowledged()

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        """PING; the acknowledgement of ours is not forwarded."""
        if ack and self.table.connection.ping_answered(data):
            return b""
        self._spend_control()
        return None

    def goaway(self, payload: bytes) -> bytes | None:
        """GOAWAY of the client is forwarded."""
        self._spend_control()
        self.table.going = True
        return None

    # Budgets

    def count_begun(self) -> None:
        """Mark how many streams have begun; call it before a read from `resets.mark_at` on."""
        self.floods.resets.mark(self.table.moment, self.table.begun)

    def _spend_reset(self) -> None:
        self.floods.spend_reset(self.table.context.now(), self.table.begun)

    def _spend_control(self) -> None:
        # The control frames of the first stream are within the budget.
        further = max(self.table.passed_to_app - 1, 0)
        earned = self.data_frames + self.other.data_frames + further
        self.floods.spend_control(self.table.context.now(), earned)
