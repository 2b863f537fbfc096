"""What comes from an HTTP/2 app: answers are counted and go to the client as they came."""

from typing import TYPE_CHECKING

from drainproxy.drain.goodbye import DRAIN
from drainproxy.drain.ledger import APP_LEFT, FINISHED
from drainproxy.relay.direction import MOST_REMEMBERED, Direction
from drainproxy.relay.stream import Stream
from drainproxy.relay.tracked import EventStream
from drainproxy.wire.http2 import (
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    LEAST_MAX_FRAME,
    MAX_CONCURRENT_STREAMS,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    Http2Error,
    Setting,
    goaway,
    header_frames,
    push_promise_frames,
    read_goaway,
    rst_stream,
)
from drainproxy.wire.http2_head import AnswerHead, RequestHead

if TYPE_CHECKING:
    from drainproxy.relay.streams import Streams

# With these an app says that the client is to blame.
_BLAMES = {PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM}


class Answers(Direction[AnswerHead]):
    """The app's direction."""

    __slots__ = ("_settled", "_unwanted", "lowered", "started")

    def __init__(self, session: "Streams") -> None:
        super().__init__(session, AnswerHead)
        self._settled = False
        # The client may open fewer streams than the app would take.
        self.lowered = True
        # Streams that we have ended, and the app may not have heard of it: insertion order counts.
        self._unwanted: dict[int, None] = {}
        # Streams whose answers have begun in what is being read.
        self.started: list[Stream] = []

    def tell_sender(self, frame: bytes) -> None:
        """To the app."""
        self.session.to_app(frame)

    # Streams

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        """An answer's head, interim ones included, or its trailers."""
        # A block of our own that is said meanwhile comes after this one.
        anew = self.stateless
        head = self.reader.read(block)
        before = b""
        found = self.session.streams.get(stream)
        if found is not None:
            if self.session.pending:
                before = self._released(stream)
            # As all answers begin, and all of gRPC end: that saves two calls for each.
            if head.plain and not found.status and not flags & END_STREAM:
                found.status = head.status
                self.started.append(found)
            elif head.trailers and found.status and flags & END_STREAM:
                found.grpc_status = head.grpc_status
                self.ended(found)
            elif not self._answered(found, flags, head):
                return self.leave_out_block()
        elif stream in self._unwanted:
            self._forget_if_ended(stream, flags)
            return self.leave_out_block()
        if not anew and not before:
            return None
        return before + header_frames(stream, flags, priority, self.block_anew() if anew else block)

    def _answered(self, found: Stream, flags: int, head: AnswerHead) -> bool:
        """Whether the client may get this."""
        status = head.status
        ends = not status and found.status and flags & END_STREAM
        wrong = head.malformed or ("" if ends else _out_of_place(status, found.status, flags))
        if wrong:
            self.session.fail_stream(found, 502, "the app's answer is broken: " + wrong)
            return False
        if status >= 200:
            found.status = status
            self.started.append(found)
            if head.event_stream and found.kind == "http2":
                found.kind = "sse"
                if found.head.method == b"GET" and not head.encoded and not flags & END_STREAM:
                    self._follow_events(found)
        if flags & END_STREAM:
            found.grpc_status = head.grpc_status
            self.ended(found)
        return True

    def _follow_events(self, found: Stream) -> None:
        """Whoever listens to events comes again by itself, with a GET."""
        session = self.session
        session.tracked[found.id] = EventStream(session, found, self.stream_window)
        if session.hub.leaving and "sse" in session.hub.limits.ending:
            session.part_from(found, DRAIN)

    def data(self, stream: int, flags: int, length: int) -> bool:
        """A part of an answer."""
        self.data_frames += 1 + length // LEAST_MAX_FRAME
        self.room -= length
        session = self.session
        found = session.streams.get(stream)
        if found is not None:
            found.received += length
            if session.tracked:
                tracked = session.tracked.get(stream)
                ends = bool(flags & END_STREAM)
                if tracked is not None and not tracked.passes(length, ends=ends):
                    return self.give_back(length)
            if not found.status:
                session.fail_stream(found, 502, "the app's answer is broken: it has no head")
                return self.give_back(length)
            if flags & END_STREAM and not found.app_done:
                self.ending = found
            return True
        if stream in self._unwanted:
            self._forget_if_ended(stream, flags)
            return self.give_back(length)
        return True

    def _released(self, stream: int) -> bytes:
        tracked = self.session.tracked.get(stream)
        return tracked.release() if tracked is not None else b""

    def give_back(self, length: int) -> bool:
        """The client gets nothing of it, and its window stays as it was."""
        self.room += length
        return super().give_back(length)

    def ended(self, found: Stream) -> None:
        """The answer has passed."""
        found.app_done = True
        if found.client_done:
            self.session.finish(found)

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        """The app begins an answer to a request of its own making."""
        anew = self.stateless
        head = self.reader.read(block)
        if promised & 1 or promised in self.session.streams:
            raise Http2Error(PROTOCOL_ERROR, f"a push of stream {promised}, which is not its own")
        if stream in self._unwanted:
            self.unwanted(promised)
            return self.leave_out_block()
        self.session.open_pushed(promised, RequestHead(head.fields))
        if not anew:
            return None
        return push_promise_frames(stream, promised, self.block_anew())

    def reset(self, stream: int, code: int) -> bytes | None:
        """The app goes no further."""
        found = self.session.streams.get(stream)
        if found is None:
            return b"" if self._unwanted.pop(stream, stream) is None else None
        tracked = self.session.tracked.get(stream)
        if tracked is not None and tracked.said:
            tracked.app_gone()
            return b""
        found.was_reset(code)
        before = self._released(stream)
        self.session.end(found, FINISHED if found.app_done else APP_LEFT)
        if not found.client_done:
            self.session.requests.goes_astray(stream, passes=True)
        if code in _BLAMES:
            self.session.requests.blamed()
        return before + rst_stream(stream, code) if before else None

    def unwanted(self, stream: int) -> None:
        """Nothing of what still comes on this stream goes to the client."""
        self._unwanted[stream] = None
        if len(self._unwanted) > MOST_REMEMBERED:
            del self._unwanted[next(iter(self._unwanted))]

    def _forget_if_ended(self, stream: int, flags: int) -> None:
        if flags & END_STREAM:
            del self._unwanted[stream]

    # Other frames

    def window_update(self, stream: int, increment: int) -> bytes | None:
        """The app takes more."""
        return b"" if stream in self._unwanted else None

    def priority(self, stream: int) -> bytes | None:
        """It harms nobody."""
        return b"" if stream in self._unwanted else None

    def unknown(self, stream: int) -> bool:
        """Whatever it means, it is for the client."""
        return stream not in self._unwanted

    def settings(self, payload: bytes) -> bytes | None:
        """The app's limits."""
        instead = super().settings(payload)
        self._settled = True
        return instead

    def agree(self, values: list[Setting]) -> list[Setting]:
        """Never more streams than we let pass; many apps name no limit of their own."""
        most = self.session.hub.limits.max_streams
        agreed = super().agree(values)
        said = [value for key, value in agreed if key == MAX_CONCURRENT_STREAMS]
        if said:
            self.lowered = said[-1] > most
        elif not self._settled:
            agreed.append((MAX_CONCURRENT_STREAMS, most))
        return [(k, min(v, most) if k == MAX_CONCURRENT_STREAMS else v) for k, v in agreed]

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        """It is for the client."""
        return None

    def goaway(self, payload: bytes) -> bytes | None:
        """The app goes; of streams that we have refused it must not say that it takes them."""
        last, code = read_goaway(payload)
        last = self.session.app_goes(last)
        return goaway(last, code, payload[8:])


def _out_of_place(status: int, before: int, flags: int) -> str:
    """What is wrong with a head that comes after that of the status `before`, 0 for none."""
    if status == 101:
        return "HTTP/2 switches no protocols (8.6)"
    if status and (before or (status < 200 and flags & END_STREAM)):
        return "a second head, or an end where the answer has not begun"
    if not status and not before:
        return "it has no :status"
    if not status and not flags & END_STREAM:
        return "trailers are not its end"
    return ""
