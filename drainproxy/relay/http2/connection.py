"""The session of an HTTP/2 connection: owns the parts, and calls the one that has to act."""

from math import inf

from drainproxy.drain.goodbye import DRAIN, IDLE, MAX_AGE
from drainproxy.drain.ledger import CLIENT_LEFT, CUT
from drainproxy.relay.address import client_ip
from drainproxy.relay.context import Context
from drainproxy.relay.goodbye.requests import overdue_answer
from drainproxy.relay.http2.client_end import ClientEnd
from drainproxy.relay.http2.closing import Closing
from drainproxy.relay.http2.deadlines import Deadline, Deadlines
from drainproxy.relay.http2.floods import Floods
from drainproxy.relay.http2.inbound import Inbound
from drainproxy.relay.http2.outbound import Outbound
from drainproxy.relay.http2.overdue import Overdue
from drainproxy.relay.http2.shutdown import GracefulShutdown
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_goodbyes import StreamGoodbyes
from drainproxy.relay.http2.stream_limit import StreamLimit
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.relay.route import Route
from drainproxy.relay.session import MOST_HELD, Session
from drainproxy.relay.turns import CLIENT_DOES_NOT_READ, CLIENT_IS_FULL, LARGE_READ
from drainproxy.wire import http2
from drainproxy.wire.sniff import HTTP2_PREFACE


class Http2Connection(Session):
    """One client connection that speaks HTTP/2, and its app connection."""

    __slots__ = (
        "_preface_left",
        "client_end",
        "closing",
        "deadlines",
        "goaway",
        "goodbyes",
        "inbound",
        "outbound",
        "overdue",
        "shutdown",
        "table",
    )

    def __init__(self, context: Context, route: Route) -> None:
        super().__init__(context, route, "http2")
        self.deadlines = Deadlines(self)
        self.table = table = StreamTable(self, self.deadlines)
        limit, floods = StreamLimit(context.limits.max_streams), Floods(context.limits.max_resets)
        self.inbound = table.inbound = Inbound(table, limit, floods)
        self.outbound = table.outbound = Outbound(table, limit, floods)
        self.inbound.other, self.outbound.other = self.outbound, self.inbound
        self.goodbyes = StreamGoodbyes(table, self.age.jitter_sample)
        self.shutdown = GracefulShutdown(self, table)
        # A field of its own, since every read looks at it.
        self.goaway = self.shutdown.goaway
        self.closing = closing = Closing(self, table, self.outbound)
        self.client_end = ClientEnd(self, table, closing)
        self.overdue = Overdue(self)
        self._preface_left = len(HTTP2_PREFACE)

    @property
    def in_flight(self) -> int:
        """How many streams are open."""
        return len(self.table.streams)

    def begin(self) -> None:
        """Connect to the app at once: it sends its SETTINGS before it has got the preface."""
        self.context.counters.connections["http2"] += 1
        if self.context.limits.forwarded:
            self.inbound.heads.client_ip = client_ip(self.peername).encode()
        self.count_age()
        self.deadlines.set(Deadline.HEAD, self.opened + self.context.limits.header_timeout)
        self.expect_much_of_client()
        self.reach_app()
        self.context.latecomers.connected(self, self.age)

    # Bytes

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if (size := len(data)) >= LARGE_READ and self.client_must_wait(data):
            return
        self.context.counters.bytes_from_clients += size
        self.active = True
        if self.closing.over:
            self.closing.discard(data)
            return
        if self._preface_left:
            data = self._pass_preface(data)
        inbound, table = self.inbound, self.table
        table.moment = moment = self.context.now()
        if moment >= inbound.floods.resets.mark_at:
            inbound.count_begun()
        passed = inbound.feed(data)
        if passed:
            self.write_app(passed)
        if table.finished:
            table.count_finished()
        if inbound.rest:
            self.client_in_next_turn(inbound.take_rest())
        if inbound.unfinished or self.deadlines.head < inf:
            self._watch_head(progress=bool(passed))
        if inbound.error is not None or table.pending or self.goaway.begun:
            self.follow_up()

    def _pass_preface(self, data: bytes) -> bytes:
        """Forward the preface, which was detected before, so it is complete."""
        end, self._preface_left = self._preface_left, 0
        self.write_app(data[:end])
        return data[end:]

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        if (size := len(data)) >= LARGE_READ and self.app_must_wait(data):
            return
        self.context.counters.bytes_from_app += size
        self.active = True
        outbound, table = self.outbound, self.table
        passed = outbound.feed(data)
        if passed:
            self.client.write(passed)
        if outbound.rest:
            self.app_in_next_turn(outbound.take_rest())
        begun, finished = outbound.started, table.finished
        if finished:
            table.count_finished()
        if begun:
            outbound.started = []
            if begun != finished:
                table.count_begun(begun)
        if outbound.error is not None:
            self._app_gone("the app breaks the rules of HTTP/2: " + outbound.error.reason)
        elif (
            table.pending
            or self.goaway.begun
            or self.client_ended
            or self.inbound.error is not None
        ):
            self.follow_up()

    # Frames of our own

    def to_client(self, frame: bytes) -> None:
        """Send frames of ours to the client, at the next boundary. Reading from the client pauses
        while it does not read, or while over MOST_HELD bytes of ours wait: its frames may be what
        makes us send these."""
        if self.closing.over:
            return
        if now := self.outbound.say(frame):
            self.client.write(now)
        if self.stops & CLIENT_DOES_NOT_READ or self.outbound.waiting > MOST_HELD:
            self.stop_client(CLIENT_IS_FULL)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.frames_have_passed()

    def frames_have_passed(self) -> None:
        """Some of our waiting frames were sent: read on from the client if few are left."""
        if not self.stops & CLIENT_DOES_NOT_READ and self.outbound.waiting <= MOST_HELD:
            self.start_client(CLIENT_IS_FULL)

    def to_app(self, frame: bytes) -> None:
        """Send a frame of ours to the app, at the next boundary."""
        if not self.closing.over and (now := self.inbound.say(frame)):
            self.write_app(now)

    def write_app(self, data: bytes) -> None:
        """Forward bytes to the app, or hold them until it has accepted. Meanwhile a little more is
        read: the preface alone should not pause reading."""
        if self.app is None:
            self.hold_for_app(data, read_on=True)
        else:
            self.app.write(data)

    # The goodbye

    def say_goodbye(self, why: str) -> None:
        """Begin the graceful GOAWAY; health watches are ended."""
        if not self.goaway.begun and not self.closing.over:
            self.why = why
            self.shutdown.begin(settings_passed=self.outbound.begun)
            self.goodbyes.say_to_watches(why)

    def say_goodbye_to(self, stream: Stream, why: str) -> None:
        """Say goodbye on this stream as soon as that loses nothing."""
        if not self.closing.over:
            self.goodbyes.say(stream, why)

    def expire(self, why: str) -> None:
        """Ask the client to reconnect; tracked streams, which have no end by themselves, end."""
        super().expire(why)
        if not self.closing.over:
            self.goodbyes.say_to_all(why)

    def cancel_goodbye(self) -> None:
        """The drain was taken back: cancel goodbyes that were not sent, unless an age or a
        rebalance asks for them too."""
        if self.shutdown.waits:
            self.why = self.age.goodbye_why
            if not self.why:
                self.shutdown.cancel()
        self.goodbyes.cancel(self.age.goodbye_why)

    def ping_answered(self, data: bytes) -> bool:
        """Whether the PING that the client acknowledges was ours."""
        return self.shutdown.ping_answered(data)

    def may_receive_request(self, since: float) -> bool:
        """Whether a stream may be on its way: until the last GOAWAY, if the first was sent or the
        connection was used after `since`."""
        if self.closing.over or self.shutdown.last_stream_sent:
            return False
        used = since < inf and (self.active or self.idle_since > since)
        return self.shutdown.goaway_sent or used

    # The ends

    def free_memory(self) -> None:
        """Empty the caches of heads, which take some 100 KB after many different ones."""
        self.inbound.heads.forget()
        for direction in (self.inbound, self.outbound):
            direction.reader.forget_all()

    def close_if_unused(self) -> None:
        """Send the last GOAWAY and close, if no stream is open."""
        if not self.table.streams and not self.closing.over:
            self.why = self.why or DRAIN
            self._shut_down_now()

    def _shut_down_now(self) -> None:
        if self.outbound.begun:
            self.shutdown.end()
            self.follow_up()
        else:
            self.closing.flush_and_begin()

    def follow_up(self) -> None:
        """Do what the frames that have passed make due: an error, goodbyes, the close, GOAWAY."""
        if self.closing.over:
            return
        if (error := self.inbound.error) is not None:
            self.closing.client_broke_rules(error)
            return
        if self.table.pending:
            self.goodbyes.poll()
        # A client that has ended its side opens no streams, so it needs no GOAWAY.
        ends = self.shutdown.last_stream_sent or (self.client_ended and not self.client_rest)
        if ends and self.closing.may_begin:
            self.closing.flush_and_begin()
        elif self.shutdown.waits:
            self.shutdown.go_on(settings_passed=self.outbound.begun)

    def _app_gone(self, reason: str, status: int = 502) -> None:
        """The app is gone: end the streams that wait for it, and the connection."""
        if not self.closing.over:
            self.goodbyes.end_in_handshake()
            self.closing.app_gone(status, reason)

    def say_last_goodbye(self, why: str) -> None:
        """End every stream with its own goodbye, an answer of ours or RST_STREAM; then GOAWAY with
        the last stream. A plain request is cut here, and does not wait for `abort`."""
        if self.closing.over:
            return
        self.why = why
        status, reason = overdue_answer(why, owed=False)
        if unanswered := [each for each in self.table.streams.values() if not each.status]:
            self.table.log_refusal(why, f"{status} {reason}", unanswered)
        if self.table.streams and not self.outbound.begun:
            self.closing.end_all_streams(status, reason, http2.CANCEL, CUT)
        else:
            self.goodbyes.cut_all(why, status, reason)
            self._shut_down_now()

    def abort(self, why: str) -> None:
        """End all streams and the connection now."""
        self.say_last_goodbye(why)
        self.goodbyes.cut_rest(why, spared=[])
        self.follow_up()
        if not self.closing.over:
            # The app is in the middle of a frame: frames of ours that wait for its end are lost.
            self.closing.say(b"")
        self.client.close()

    def on_grace_over(self) -> None:
        """The grace is over: end every stream. After a further one, end the connection, though
        frames of ours still wait for the end of the app's frame."""
        if self.shutdown.last_stream_sent and not self.table.streams and not self.closing.over:
            self.abort(MAX_AGE)
        else:
            self.say_last_goodbye(MAX_AGE)

    def recompute_age(self) -> None:
        """The ages of the settings have changed, those of gRPC streams too."""
        super().recompute_age()
        if not self.closing.over:
            self.goodbyes.say_to_old()

    def on_idle_timeout(self) -> None:
        """No byte has moved for idle-timeout: end the streams and the connection."""
        self.why = self.why or IDLE
        if self.closing.over:
            if self.client.get_write_buffer_size():
                # The client takes none of what is left for it.
                super().abort(IDLE)
        elif not self.table.streams:
            self._shut_down_now()
        elif not self.goodbyes.in_handshake():
            self.table.fail_owed()
            self.say_last_goodbye(IDLE)
            if closing := self.goodbyes.in_handshake():
                # A client that got Close has the usual time to answer it.
                self.goodbyes.cut_rest(IDLE, spared=closing)
                self.follow_up()
            else:
                self.abort(IDLE)

    # Deadlines

    def _watch_head(self, *, progress: bool) -> None:
        """Set the deadline of a frame or header block that is incomplete: header-timeout after it
        has begun. `progress`: an earlier one was completed."""
        inbound, deadlines = self.inbound, self.deadlines
        if not inbound.unfinished and inbound.begun:
            deadlines.set(Deadline.HEAD, inf)
        elif progress or deadlines.head == inf:
            deadlines.set(Deadline.HEAD, self.context.now() + self.context.limits.header_timeout)

    def on_deadline(self) -> None:
        """The earliest of the deadlines is over."""
        if self.closing.over:
            self.closing.on_deadline()
        else:
            self.overdue.act()

    # How either side ends

    def eof_received(self) -> bool:
        """The client has ended its side; that counts once all its bytes were read."""
        self.client_ended = True
        if self.client_rest:
            return True
        if self.closing.over:
            return False
        self.client_end.begin()
        self.follow_up()
        return True

    def _next_client_turn(self) -> None:
        super()._next_client_turn()
        if self.client_ended and not self.client_rest and not self.eof_received():
            self.client.close()

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: end all streams and the app's connection."""
        self.table.end_all(CLIENT_LEFT)
        self.closing.client_lost()

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        self.context.counters.app_connect_failures += 1
        self.upstream = None
        self.context.counters.rejected["app-away"] += self.in_flight or 1
        self._app_gone(reason, 503)

    def app_eof(self) -> bool:
        """The app has ended its side."""
        self._app_closed()
        return False

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        self.app = self.upstream = None
        self._app_closed()

    def _app_closed(self) -> None:
        """The app has closed the connection: no failure if the client had ended its side."""
        if self.client_ended and not self.closing.over:
            self.client_end.end()
        else:
            self._app_gone("the app closed the connection before the end of its answer")
