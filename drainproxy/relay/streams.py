"""The streams of an HTTP/2 connection, and what a client is told of one that fails."""

from drainproxy.drain.ledger import APP_LEFT, CLIENT_LEFT, FINISHED, GOODBYE
from drainproxy.relay.answers import Answers
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.pair import Pair
from drainproxy.relay.requests import Requests
from drainproxy.relay.stream import UNAVAILABLE, Stream
from drainproxy.relay.tracked import TrackedStream
from drainproxy.relay.turns import CLIENT_IS_FULL, CONNECTING
from drainproxy.wire import http2
from drainproxy.wire.hpack import HeaderField
from drainproxy.wire.http2_head import RequestHead

Fields = tuple[HeaderField, ...]


class Streams(Pair):
    """The two directions of frames, and the streams that run in both. Its subclass is the session.

    `over`: nothing is forwarded any more.
    """

    __slots__ = (
        *("_outbox", "answers", "client_ip", "finished", "going", "hold", "moment"),
        *("over", "pending", "pushed", "requests", "streams", "tracked"),
    )

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route, "http2")
        self.streams: dict[int, Stream] = {}
        # Those that are over, of what is being read: counted together when it was passed on.
        self.finished: list[Stream] = []
        self.hold = hub.ledger.open
        # When what the client says at the moment has come.
        self.moment = hub.now()
        # Those whose bodies are followed, or whose goodbye waits; and of these the latter.
        self.tracked: dict[int, TrackedStream] = {}
        self.pending: dict[int, TrackedStream] = {}
        # Those that the app has begun.
        self.pushed = 0
        # As X-Forwarded-For has it; empty if the app is not to be told.
        self.client_ip = b""
        self.requests = Requests(self)
        self.answers = Answers(self)
        self.requests.other, self.answers.other = self.answers, self.requests
        # One of the two sides has said GOAWAY itself.
        self.going = False
        self.over = False
        # For the app, while we connect to it.
        self._outbox: tuple[bytes, ...] = ()

    @property
    def in_flight(self) -> int:
        """The streams that are open."""
        return len(self.streams)

    # What the directions tell

    def ping_answered(self, data: bytes) -> bool:
        """Whether the PING that the client acknowledges was ours."""
        raise NotImplementedError

    def app_goes(self, last: int) -> int:
        """The app says GOAWAY; the last stream that it, or we, will serve."""
        raise NotImplementedError

    def expect_answer(self, opened: float) -> None:
        """A request goes to the app, and request-timeout is set."""
        raise NotImplementedError

    def expect_age(self, opened: float) -> None:
        """A gRPC stream goes to the app, and max-stream-age is set."""
        raise NotImplementedError

    def part_from(self, stream: Stream, why: str) -> None:
        """Say goodbye on this stream."""
        raise NotImplementedError

    def rejected(self, reason: str, words: str) -> None:
        """Count something that was turned away, and say why."""
        self.counters.rejected[reason] += 1
        self.hub.refusal(reason, self.peer, words)

    # Frames of our own

    def to_client(self, frame: bytes) -> None:
        """Say a frame of ours at the next place between two others. A client that does not read
        what its frames lead to is not read from either."""
        if not self.over and (now := self.answers.say(frame)):
            self.client.write(now)
            if self.client_is_full:
                self.stop_client(CLIENT_IS_FULL)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.start_client(CLIENT_IS_FULL)

    def to_app(self, frame: bytes) -> None:
        """Say a frame of ours to the app."""
        if not self.over and (now := self.requests.say(frame)):
            self.write_app(now)

    def write_app(self, data: bytes) -> None:
        """To the app, or to what it will get once it has accepted; after the client's FIN, which it
        has got too, nothing more can be said to it."""
        if self.app is not None:
            if not self.client_ended:
                self.app.write(data)
        elif self.connecting:
            self._outbox += (data,)
            self.stop_client(CONNECTING)

    # Streams

    def end(self, stream: Stream, ending: int) -> None:
        """A stream is over."""
        if self.finished:
            # In the order in which they ended, however that was read.
            self.count_finished()
        del self.streams[stream.id]
        for direction in (self.requests, self.answers):
            if direction.ending is stream:
                direction.ending = None
        tracked = self.tracked.get(stream.id)
        if tracked is not None and tracked.client_answered:
            ending = GOODBYE
        if tracked is not None or not stream.id & 1:
            self._forget(stream, ending)
        stream.close(ending)

    def finish(self, stream: Stream) -> None:
        """Both messages of a stream are through: as all usual streams end."""
        del self.streams[stream.id]
        if self.tracked or not stream.id & 1:
            self._forget(stream, FINISHED)
        self.finished.append(stream)

    def _forget(self, stream: Stream, ending: int) -> None:
        tracked = self.tracked.pop(stream.id, None)
        if tracked is not None:
            self.pending.pop(stream.id, None)
            tracked.count_ending(ending)
        if not stream.id & 1:
            self.pushed -= 1

    def count_finished(self) -> None:
        """What is finished has been passed on: now it is not in flight any more."""
        finished, self.finished = self.finished, []
        hub = self.hub
        hub.counters.answered(finished, hub.now())
        for stream in finished:
            if stream.kind == "grpc":
                stream.count_call()
        if hub.access_log is not None:
            for stream in finished:
                stream.log(hub.access_log)
        hub.ledger.finish(finished)

    def count_begun(self, begun: list[Stream]) -> None:
        """Of these answers the first byte came with what was just read, and of those that are not
        over the rest will come later."""
        now = self.hub.now()
        for stream in begun:
            if self.streams.get(stream.id) is stream:
                self.counters.answer_begun(stream, now)

    def open_pushed(self, stream: int, head: RequestHead) -> None:
        """The app has begun a stream of its own (8.4), on which the client says nothing."""
        self.streams[stream] = Stream(self, stream, head, self.hub.now(), client_done=True)
        self.pushed += 1
        self.requests.pushed()

    def break_stream(self, stream: Stream, code: int) -> None:
        """The client's request turned out to be malformed when the app had begun to get it."""
        self.to_client(http2.rst_stream(stream.id, code))
        self.let_go_of(stream, CLIENT_LEFT)

    def fail_stream(self, stream: Stream, status: int, reason: str) -> None:
        """The app's answer on this stream is not to be had."""
        self.hub.refusal("app", self.peer, f"{status} {reason}", stream.facts)
        self.to_client(self.last_words(stream, status, reason, http2.INTERNAL_ERROR))
        self.let_go_of(stream, APP_LEFT)

    def answer_unopened(self, stream: int, status: int, reason: str) -> None:
        """Answer a request that the app never hears of."""
        self.counters.codes["http2"][status] += 1
        self.to_client(self._head_frames(stream, self._answer_fields(status, reason)))

    def let_go_of(self, stream: Stream, ending: int) -> None:
        """The client has heard the last of this stream: the app's work on it is not wanted."""
        self.to_app(http2.rst_stream(stream.id, http2.CANCEL))
        self.answers.unwanted(stream.id)
        if not stream.client_done:
            self.requests.goes_astray(stream.id, passes=False)
        self.end(stream, FINISHED if stream.app_done else ending)

    def cancel(self, stream: Stream, ending: int, reason: str = "") -> None:
        """End a stream with our last word, which `reason` explains where there is room for it."""
        self.to_client(self.last_words(stream, 503, reason, http2.CANCEL))
        self.let_go_of(stream, ending)

    def last_words(self, stream: Stream, status: int, reason: str, code: int) -> bytes:
        """What tells the client of a stream that there will be no more: an answer of our own if
        none has begun, trailers for gRPC, `code` for any other."""
        words = b""
        if not stream.app_done and stream is not self.answers.ending:
            if stream.kind == "grpc":
                words = self._head_frames(stream.id, _grpc_fields(stream, reason))
                # A method that the app has begun to answer is one that it knows.
                stream.grpc_status = UNAVAILABLE if stream.status else None
                stream.status = stream.status or 200
            elif stream.status:
                return http2.rst_stream(stream.id, code)
            else:
                words = self._head_frames(stream.id, self._answer_fields(status, reason))
                stream.status = status
        # 8.1: the answer is complete, what is still sent for it is not wanted.
        return words if stream.client_done else words + http2.rst_stream(stream.id, http2.NO_ERROR)

    def _answer_fields(self, status: int, reason: str) -> Fields:
        """An answer without a body: for one the client's window would have to be known."""
        details = b'drainproxy; details="%s"' % reason.replace('"', "'").encode()
        fields: Fields = (
            *((b":status", b"%d" % status), (b"proxy-status", details)),
            (b"content-length", b"0"),
        )
        if status in (502, 503):
            return *fields, (b"retry-after", b"%d" % self.hub.retry_after())
        return fields

    def _head_frames(self, stream: int, fields: Fields) -> bytes:
        block = self.answers.own_block(fields)
        return http2.header_frames(stream, http2.END_STREAM, b"", block)


def _grpc_fields(stream: Stream, reason: str) -> Fields:
    """UNAVAILABLE: in trailers, or alone in an answer that has not begun."""
    trailers = ((b"grpc-status", UNAVAILABLE), (b"grpc-message", f"drainproxy: {reason}".encode()))
    if stream.status:
        return trailers
    return (b":status", b"200"), (b"content-type", b"application/grpc"), *trailers
