"""The client's half of an HTTP/1 session: requests are read and go to the app as they came.

What the client sends ahead waits in `held`: one request at a time goes to the app.
"""

import re
from functools import lru_cache
from math import inf

from drainproxy.drain.ledger import CLIENT_LEFT
from drainproxy.relay.exchange import ANSWER_HEAD, ANSWERED, BODY, HEAD, SENT, Exchange
from drainproxy.relay.http2 import Http2
from drainproxy.relay.hub import Sink
from drainproxy.relay.pair import MOST_HELD, client_ip
from drainproxy.relay.small_reads import SIZE
from drainproxy.relay.turns import CONNECTING, HELD_IS_FULL, LARGE_READ
from drainproxy.wire.chunked import ChunkedBody
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import CHUNKED, Request, parse_request
from drainproxy.wire.rewrite import END_OF_HEAD, append_forwarded
from drainproxy.wire.sniff import HTTP2_PREFACE

_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")


# Most clients come from a few load balancers or nodes: theirs are held once.
@lru_cache(256)
def _said_of(ip: str) -> tuple[bytes, bytes]:
    """A client's address, and the fields that say it, up to the host that it has asked for."""
    client = ip.encode()
    fields = b"X-Forwarded-For: " + client + b"\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: "
    return client, fields


class Asking(Exchange):
    """Reads what the client asks."""

    __slots__ = ()

    def begin(self) -> None:
        """A head must come within header-timeout, however slowly its bytes drip in."""
        self.counters.connections["http1"] += 1
        self.count_age()
        self.deadline = self.opened + self.hub.limits.header_timeout
        if self.hub.limits.forwarded:
            self.client_ip, self.forwarded = _said_of(client_ip(self.peername))

    def over_limit(self) -> None:
        """503 instead of an answer."""
        self._say(503, "too many connections", "max-connections", retry=True)

    def refuse(self, refused: Refused) -> None:
        """An answer to what was read elsewhere."""
        self._refuse(refused)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if len(data) >= LARGE_READ and self.client_must_wait(data):
            return
        self.counters.bytes_from_clients += len(data)
        self.active = True
        asks = self.asks
        if asks == HEAD:
            if self.held:
                data = self.held + data
                self.held = b""
            self._read_head(data)
        elif asks == BODY:
            self._read_body(data)
        elif asks == SENT:
            self._hold(data)

    def _hold(self, data: bytes) -> None:
        self.held += data
        if len(self.held) >= MOST_HELD:
            self.stop_client(HELD_IS_FULL)

    def _read_head(self, data: bytes) -> None:
        if data[0] < 33:
            # RFC 9112 2.2: empty lines before a request line are passed over.
            data = self._without_empty_lines(data)
            if not data:
                return
        end = data.find(END_OF_HEAD) + 4
        if end == 3:
            self._await_head(data)
            return
        head, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        asked = self.asked
        if asked is not None and head == asked.head:
            self._ask(asked, self.sent_head, rest)
            return
        limits = self.hub.limits
        try:
            if end > limits.max_header_bytes:
                raise _too_long(head, limits.max_header_bytes)
            request = parse_request(head, limits.max_fields)
        except Refused as refused:
            if self.asked is not None or not HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
                self._refuse(refused)
            elif len(data) < len(HTTP2_PREFACE):
                self._await_head(data)
            else:
                self._go_on_as_http2(data)
            return
        self.asked = request
        self.sent_head = self._forwarded_head(request)
        self._ask(request, self.sent_head, rest)

    def _without_empty_lines(self, data: bytes) -> bytes:
        """What is behind them; nothing if that has not come, or if there were too many of them."""
        most = self.hub.limits.max_header_bytes
        if len(data) > most and not data[:most].strip(b"\r\n"):
            self._refuse(Refused(400, f"over {most} bytes of empty lines before a request"))
            return b""
        data = _EMPTY_LINES.sub(b"", data, 1)
        if not data and self.deadline == inf:
            self.deadline = self.hub.now() + self.hub.limits.header_timeout
        return data

    def _go_on_as_http2(self, data: bytes) -> None:
        """The client knew that we can (RFC 9113 3.3); where the first bytes were not looked at
        before, it is seen here."""
        self.counters.bytes_from_clients -= len(data)
        session = Http2(self.hub, self.route)
        session.take_over(self)
        session.opened = self.opened
        session.begin()
        session.data_received(data)

    def _forwarded_head(self, request: Request) -> bytes:
        if not self.forwarded:
            return request.head
        if request.forwarded or request.host is None:
            return append_forwarded(request.head, request.host, self.client_ip, b"http")
        return request.head[:-2] + self.forwarded + request.host + END_OF_HEAD

    def _await_head(self, data: bytes) -> None:
        most = self.hub.limits.max_header_bytes
        if data.count(b"\n") != data.count(b"\r\n"):
            self._refuse(Refused(400, "a bare LF in the head"))
        elif len(data) > most:
            self._refuse(_too_long(data, most))
        else:
            self.held = data
            if self.deadline == inf:
                self.deadline = self.hub.now() + self.hub.limits.header_timeout

    def _ask(self, request: Request, head: bytes, rest: bytes) -> None:
        """Forward the request as `head`; what came after is its body, or waits."""
        hub = self.hub
        self.request = request
        if hub.leaving and request.upgrade:
            self.counters.rejected["leaving"] += 1
            self._say(503, "leaving: no new upgrades here", "leaving", retry=True)
            return
        self.opened = hub.now()
        self.deadline = inf
        hub.ledger.open(self)
        self.answers = ANSWER_HEAD
        self.interim = self.received = 0
        if request.length:
            self._ask_with_body(request, head, rest)
            return
        self.asks = SENT
        if hub.limits.request_timeout:
            self._expect_answer()
        if rest:
            self._hold(rest)
        # RFC 9112 9.3.1: a connection that was kept may have been closing; a new one was not.
        self.replay = self.app is not None
        if self.app is not None:
            self.app.write(head)
        else:
            self._send_on_connection(head)

    def _ask_with_body(self, request: Request, head: bytes, rest: bytes) -> None:
        self.asks = BODY
        self.replay = False
        self.continued = False
        self.request_left = request.length
        if request.length == CHUNKED:
            self.request_scan = ChunkedBody()
        if request.length == CHUNKED or request.length > SIZE:
            self.expect_much_of_client()
        if self.app is not None:
            self.app.write(head)
        else:
            self._send_on_connection(head)
        if rest:
            self._read_body(rest)

    def _expect_answer(self) -> None:
        self.deadline = self.hub.now() + self.hub.limits.request_timeout

    def _read_body(self, data: bytes) -> None:
        if self.request_scan is None:
            end = self.request_left if len(data) >= self.request_left else -1
            self.request_left -= len(data)
        else:
            try:
                end = self.request_scan.feed(data)
            except Refused as refused:
                self._refuse(refused)
                return
            if self.request_scan.stopped:
                self.client_in_next_turn(data[self.request_scan.stopped :])
                data = data[: self.request_scan.stopped]
        if end < 0:
            self._to_app(data)
            return
        self._to_app(data if end == len(data) else data[:end])
        self.request_scan = None
        self._request_ended(data[end:])

    def _request_ended(self, rest: bytes) -> None:
        self.asks = SENT
        if rest:
            self._hold(rest)
        if self.answers == ANSWERED:
            self._exchange_ended()
        elif self.answers == ANSWER_HEAD and self.hub.limits.request_timeout:
            self._expect_answer()

    def _to_app(self, data: bytes) -> None:
        if self.app is not None:
            self.app.write(data)
        elif self.connecting:
            self.outbox += (data,)
            self.stop_client(CONNECTING)

    def _send_on_connection(self, head: bytes) -> None:
        self.outbox += (head,)
        self.reach_app()

    def try_again(self) -> None:
        """Ask the app once more, which has closed without a word."""
        if self.hub.limits.request_timeout:
            self._expect_answer()
        self._send_on_connection(self.sent_head)

    def app_connected(self, transport: Sink) -> None:
        """The app has accepted: it gets what waited."""
        super().app_connected(transport)
        transport.write(b"".join(self.outbox))
        self.outbox = ()

    def eof_received(self) -> bool:
        """A client that has sent its request and half-closes still gets its answer."""
        self.client_ended = True
        if self.asks != SENT:
            self._client_left()
        return True

    def _client_left(self) -> None:
        self._end_exchange(CLIENT_LEFT)
        self.drop_app()
        self.client.close()

    read_ahead = _read_head


def _too_long(head: bytes, most: int) -> Refused:
    """RFC 9112 3: a request line alone over the limit is 414, RFC 6585 5: a head over it is 431."""
    if head.find(b"\r\n", 0, most) < 0:
        return Refused(414, f"the request line is over {most} bytes")
    return Refused(431, f"the head is over {most} bytes")
