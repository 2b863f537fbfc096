"""Frames from an HTTP/2 app to the client: answers, and what of them the client must not get."""

from drainproxy.drain.ledger import APP_LEFT, FINISHED
from drainproxy.relay.http2.direction import NOT_ITS_LENGTH, Direction
from drainproxy.relay.http2.event_stream import EventStream
from drainproxy.relay.http2.floods import Floods
from drainproxy.relay.http2.late_streams import tell_as_connection
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_limit import StreamLimit
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.wire.http2 import (
    END_STREAM,
    ENDS_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    LEAST_MAX_FRAME,
    MAX_CONCURRENT_STREAMS,
    PADDED,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    Http2Error,
    Setting,
    goaway,
    header_frames,
    push_promise_frames,
    read_goaway,
    read_settings,
    rst_stream,
    settings,
)
from drainproxy.wire.http2_head import UNTOLD, AnswerHead, RequestHead

# Error codes with which an app blames the client.
_BLAMES = {PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM}

# Stands for a head whose fields are over max-header-bytes.
_TOO_LONG = AnswerHead(())
_TOO_LONG.malformed = "its fields are over max-header-bytes"
_TOO_LONG.trailers = False


class Outbound(Direction[AnswerHead]):
    """The app's direction. `started`: streams whose answers have begun in the current read."""

    __slots__ = ("floods", "limit", "started")

    def __init__(self, table: StreamTable, limit: StreamLimit, floods: Floods) -> None:
        named = table.context.limits.stream_drain.types
        super().__init__(table, lambda fields: AnswerHead(fields, named), _TOO_LONG)
        self.limit = limit
        self.floods = floods
        self.started: list[Stream] = []

    def tell_sender(self, frame: bytes) -> None:
        """Send a frame of ours to the app."""
        self.table.connection.to_app(frame)

    def put_own_frames(self, data: bytes, at: int) -> None:
        """Our waiting frames are sent: reading from the client may go on."""
        super().put_own_frames(data, at)
        self.table.connection.frames_have_passed()

    # Streams

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        """HEADERS: an answer's head, interim ones included, or its trailers."""
        reader, table = self.reader, self.table
        head = reader.last_read if block == reader.last_block else reader.read(block)
        found = table.streams.get(stream)
        # The usual head, and the usual trailers of gRPC: of these there is nothing else to ask.
        if found is not None and not self.stateless and not table.pending:
            if head.plain and not found.status and not ENDS_STREAM[flags]:
                found.status, found.answer_due = head.status, head.length
                self.started.append(found)
                return None
            if (
                head.trailers
                and found.status
                and ENDS_STREAM[flags]
                and (found.received >= found.answer_due or found.answer_due >= UNTOLD)
            ):
                found.grpc_status = head.grpc_status
                self.ended(found)
                return None
        return self._any_headers(stream, flags, priority, head, block)

    def _any_headers(
        self, stream: int, flags: int, priority: bytes, head: AnswerHead, block: bytes
    ) -> bytes | None:
        # A block of our own that is sent meanwhile comes after this one.
        anew = self.stateless
        before = b""
        found = self.table.streams.get(stream)
        if found is not None:
            if head.odd and found.kind == "grpc":
                head = head.of_a_call()
            if self.table.pending:
                before = self._released(stream)
                if flags & END_STREAM and self._ends_in_held(stream):
                    return self.drop_block()
            if not self._answered(found, flags, head, block):
                return self.drop_block()
        elif self._is_nobodys(stream, flags, head):
            return self.drop_block()
        if not (anew or before or head.odd):
            return None
        anew = anew or bool(head.odd)
        return before + header_frames(
            stream, flags, priority, self._encoded_anew(head) if anew else block
        )

    def _is_nobodys(self, stream: int, flags: int, head: AnswerHead) -> bool:
        """Whether the client must not get a head of a stream that is not open."""
        if stream in self.table.unwanted:
            self._forget_if_ended(stream, flags)
            return True
        return head is _TOO_LONG or bool(head.odd)

    def _encoded_anew(self, head: AnswerHead) -> bytes:
        fields = self.reader.fields
        return self.own_block(head.mended(fields) if head.odd else fields)

    def _answered(self, found: Stream, flags: int, head: AnswerHead, block: bytes) -> bool:
        """Check a head and note it; False if the client must not get it."""
        status = head.status
        ends = not status and found.status and flags & END_STREAM
        wrong = head.malformed or ("" if ends else _out_of_place(status, found.status, flags))
        if not wrong and status >= 200:
            found.answer_due = head.length
        if not wrong and flags & END_STREAM and found.received != found.answer_due < UNTOLD:
            wrong = "" if found.answer_may_differ(status or found.status) else NOT_ITS_LENGTH
        if not wrong and head.odd and not self.reader.recover_fields(block):
            wrong = head.odd
        if wrong:
            self._fail(found, wrong)
            return False
        if status >= 200:
            found.status = status
            self.started.append(found)
            if head.event_stream and found.kind == "http2" and found.may_be_endless:
                found.kind = "sse"
                # A goodbye that waits for the answer was made for an endless answer.
                self.table.forget_goodbye(found.id)
                if found.head.method == b"GET" and not head.encoded and not flags & END_STREAM:
                    self._follow_events(found)
            elif head.media_type in self.table.context.limits.stream_drain.types:
                self._name(found, head.media_type)
        if flags & END_STREAM:
            found.grpc_status = head.grpc_status
            self.ended(found)
        return True

    def _follow_events(self, found: Stream) -> None:
        """Track an event stream that answers GET, with which its client reconnects."""
        table = self.table
        connection, context = table.connection, table.context
        # Many clients open the window of a stream before its answer begins.
        window = table.window.of_stream + found.credit
        table.tracked[found.id] = EventStream(connection, found, window)
        tell_as_connection(table, found)
        if context.leaving and "sse" in context.limits.kinds_ended_by_drain:
            context.latecomers.add(found, context.now(), connection.age.jitter_sample)

    def _name(self, found: Stream, media_type: bytes) -> None:
        """Keep the media type of an answer that `stream-drain` names; while leaving, the answer is
        a latecomer."""
        found.named = media_type
        context = self.table.context
        if context.leaving:
            sample = self.table.connection.age.jitter_sample
            context.latecomers.add(found, context.now(), sample)

    def data(self, stream: int, flags: int, length: int) -> bool:
        """DATA of an answer; see `FrameScanner`."""
        table = self.table
        self.data_frames += 1 if length < LEAST_MAX_FRAME else 1 + length // LEAST_MAX_FRAME
        table.window.room -= length
        found = table.streams.get(stream)
        if found is not None:
            found.received = received = found.received + length
            if table.tracked and not self._follow_app(stream, flags, length):
                return False
            if flags:
                if flags >= PADDED and flags & PADDED:
                    found.answer_due += self.padding
                if ENDS_STREAM[flags] and not found.app_done:
                    if received < found.answer_due < UNTOLD:
                        return self._does_not_add_up(found, flags, length)
                    self.ending = found
            if received > found.answer_due:
                return self._does_not_add_up(found, flags, length)
            return True
        if stream in self.table.unwanted:
            self._forget_if_ended(stream, flags)
            return self.give_back(length)
        return True

    def _follow_app(self, stream: int, flags: int, length: int) -> bool:
        table = self.table
        tracked = table.tracked.get(stream)
        if tracked is None:
            return True
        if table.pending:
            table.touched[stream] = tracked
        if tracked.passes(length, ends=bool(flags & END_STREAM)):
            return True
        table.window.room += length
        tracked.left_out(length)
        return False

    def _does_not_add_up(self, found: Stream, flags: int, length: int) -> bool:
        """DATA does not match content-length (8.1.1): neither the excess nor an early end is
        forwarded, unless the answer is one that may differ."""
        self.ending = None
        if found.answer_may_differ(found.status):
            if flags & END_STREAM and not found.app_done:
                self.ending = found
            return True
        self._fail(found, NOT_ITS_LENGTH if found.status else "it has no head")
        return self.give_back(length)

    def _fail(self, found: Stream, reason: str) -> None:
        words = "the app's answer is broken: " + reason
        self.table.fail(found, 502, words, PROTOCOL_ERROR)

    def _released(self, stream: int) -> bytes:
        tracked = self.table.tracked.get(stream)
        if tracked is None:
            return b""
        self.table.touched[stream] = tracked
        return tracked.take_held()

    def _ends_in_held(self, stream: int) -> bool:
        """Whether held bytes wait for room: then the stream ends with them, without trailers."""
        tracked = self.table.tracked.get(stream)
        return tracked is not None and tracked.ends_in_held()

    def give_back(self, length: int) -> bool:
        """See `Direction`; the client gets nothing, so its window is restored."""
        self.table.window.room += length
        self.refund(length)
        return False

    def refund(self, length: int) -> None:
        """Give the app the connection's window back for DATA that the client does not get, less the
        debt for DATA of ours (`windows`)."""
        super().give_back(self.table.window.pay(length))

    def ended(self, found: Stream) -> None:
        """The answer is complete; see `FrameScanner`."""
        found.app_done = True
        if found.client_done:
            self.table.finish(found)

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        """PUSH_PROMISE: the app opens a stream."""
        anew = self.stateless
        head = self.reader.read(block)
        if promised & 1 or promised in self.table.streams:
            raise Http2Error(PROTOCOL_ERROR, f"a push of stream {promised}, which is not its own")
        if head is _TOO_LONG:
            raise Http2Error(ENHANCE_YOUR_CALM, "the head of a push is over max-header-bytes")
        if stream in self.table.unwanted:
            self.table.ignore(promised)
            return self.drop_block()
        self.table.open_pushed(promised, RequestHead(head.fields))
        if not anew:
            return None
        return push_promise_frames(stream, promised, self.reencoded_block())

    def reset(self, stream: int, code: int) -> bytes | None:
        """RST_STREAM of the app."""
        found = self.table.streams.get(stream)
        if found is None:
            return b"" if self.table.unwanted.pop(stream, stream) is None else None
        tracked = self.table.tracked.get(stream)
        if tracked is not None and tracked.close_sent:
            tracked.app_gone()
            return b""
        found.was_reset(code)
        before = self._released(stream)
        if tracked is not None:
            # A server that does not need the rest of the request ends its answer and resets (8.1).
            before += tracked.take_end()
        later = tracked is not None and tracked.is_reset_later(code)
        if not later:
            self.table.end(found, FINISHED if found.app_done else APP_LEFT)
            if not found.client_done:
                self.table.expect_late_frames(stream, passes=True)
        if code in _BLAMES:
            self._blame_client()
        if later:
            return before
        return before + rst_stream(stream, code) if before else None

    def _blame_client(self) -> None:
        """The app has reset a stream for an error of the client: that takes from the client's
        budget of resets (CVE-2025-8671)."""
        try:
            self.floods.spend_reset(self.table.context.now(), self.table.begun)
        except Http2Error as error:
            self.other.error = error

    def _forget_if_ended(self, stream: int, flags: int) -> None:
        if flags & END_STREAM:
            del self.table.unwanted[stream]

    # Other frames

    def window_update(self, stream: int, increment: int) -> bytes | None:
        """WINDOW_UPDATE: the app takes more DATA."""
        table = self.table
        if not stream:
            table.untaken -= increment
        elif (found := table.streams.get(stream)) is not None:
            found.taken += increment
        elif stream in table.unwanted:
            return b""
        return None

    def priority(self, stream: int) -> bytes | None:
        """PRIORITY of the app is forwarded."""
        return b"" if stream in self.table.unwanted else None

    def unknown(self, stream: int) -> bool:
        """A frame of an unknown type is forwarded to the client."""
        return stream not in self.table.unwanted

    def settings(self, payload: bytes) -> bytes | None:
        """SETTINGS of the app. Behind the first ones (3.4) stand our frames that have waited for
        them: they may end streams of which the app's next frames are."""
        first = not self.begun
        instead = super().settings(payload)
        if not first or not self.waiting:
            return instead
        said = settings(*read_settings(payload)) if instead is None else instead
        said += self.take_own_frames()
        self.table.connection.frames_have_passed()
        return said

    def agree(self, values: list[Setting]) -> list[Setting]:
        """The app's settings as the client is told them: with max-streams at most, also where the
        app names no limit."""
        most = self.table.context.limits.max_streams
        agreed = super().agree(values)
        said = [value for key, value in agreed if key == MAX_CONCURRENT_STREAMS]
        if said:
            self.limit.lowered = said[-1] > most
        elif not self.begun:
            agreed.append((MAX_CONCURRENT_STREAMS, most))
        return [(k, min(v, most) if k == MAX_CONCURRENT_STREAMS else v) for k, v in agreed]

    def announce(self, values: list[Setting]) -> None:
        """SETTINGS of the client; the smallest initial window that it has announced counts."""
        super().announce(values)
        self.table.change_windows(self.announced.least_window)

    def window_acknowledged(self, window: int) -> None:
        """The app has acknowledged this initial window of the client's streams."""
        self.table.window.in_force = window
        self.table.change_windows(self.announced.least_window)

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        """PING of the app is forwarded."""
        return None

    def goaway(self, payload: bytes) -> bytes | None:
        """GOAWAY of the app, with our last stream if that is lower: we have refused those above."""
        last, code = read_goaway(payload)
        last = self.table.app_goes(last)
        return goaway(last, code, payload[8:])


def _out_of_place(status: int, before: int, flags: int) -> str:
    """The error of a head that is out of order; empty if it is not. `status`: its own, 0 for
    trailers; `before`: that of the stream so far, 0 for none."""
    if status == 101:
        return "HTTP/2 switches no protocols (8.6)"
    if status and (before or (status < 200 and flags & END_STREAM)):
        return "a second head, or an end where the answer has not begun"
    if not status and not before:
        return "it has no :status"
    if not status and not flags & END_STREAM:
        return "trailers are not its end"
    return ""
