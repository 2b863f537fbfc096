"""Reads the heads of requests and responses, and caches the last ones.

Clients that poll send the same head each time, and so do their apps: an equal head is not parsed
again. Long heads are not cached, since a connection may be idle for an hour.
"""

import re
from functools import lru_cache
from typing import Any

from drainproxy.relay.address import client_ip
from drainproxy.relay.limits import Limits
from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import Request, Response, parse_request, parse_response
from drainproxy.wire.logged import only_facts
from drainproxy.wire.mend import doubtful, mended
from drainproxy.wire.rewrite import END_OF_HEAD, append_forwarded, without_framing
from drainproxy.wire.sniff import HTTP2_PREFACE

# In bytes: a longer head is not cached. `_FORGOTTEN` replaces it, since a None would mean that the
# client has sent no request yet.
LONGEST_REMEMBERED = 2048
# In bytes: of a head that is refused no more is searched, which takes a millisecond at the most.
_MOST_LOGGED = 8192
_FORGOTTEN = Request(b"", b"", b"", 1)
_NO_HEAD = (b"", b"\r")
_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")


class SpeaksHttp2(Exception):
    """The client's first bytes are the preface of HTTP/2 (RFC 9113 3.3), in `data`."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


# Most clients come from a few load balancers or nodes, and share these bytes.
@lru_cache(256)
def _said_of(ip: str) -> tuple[bytes, bytes]:
    """A client's address, and the X-Forwarded fields with it, up to the value of the last one."""
    client = ip.encode()
    fields = b"X-Forwarded-For: " + client + b"\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: "
    return client, fields


class Heads:
    """The heads of one connection.

    `asked`: the last request, None before the first; `sent`: its head as the app got it.
    `answered`: the last cached answer, None while a head is incomplete; `answered_head`: its head,
    which says the same again but to HEAD. `held`: bytes of the client that
    are not forwarded yet, part of a head or pipelined requests. `interim`: an interim answer has
    come (RFC 9110 15.2). `continued`: it was 100, for which the client may wait with its body.
    """

    __slots__ = (
        "_partial",
        "_said_of_client",
        "answered",
        "answered_head",
        "asked",
        "continued",
        "held",
        "interim",
        "sent",
    )

    def __init__(self) -> None:
        self.asked: Request | None = None
        self.sent = b""
        self.answered: Response | None = None
        self.answered_head = b""
        self.held = b""
        # An incomplete head of the app.
        self._partial = b""
        self.interim = self.continued = False
        self._said_of_client: tuple[bytes, bytes] | None = None

    def forward_address(self, peername: Any) -> None:
        """Tell the app of this client in X-Forwarded fields."""
        self._said_of_client = _said_of(client_ip(peername))

    def forget_request(self) -> None:
        """Drop the cached request head."""
        self.asked, self.sent = _FORGOTTEN, b""

    def release(self, request: Request) -> None:
        """Keep only the logged fields of a long request head, since its answer may last long."""
        if len(self.sent) > LONGEST_REMEMBERED:
            request.head = only_facts(request.head)
            self.forget_request()

    # Requests

    @property
    def begun(self) -> bool:
        """Part of a head is held: more than half an empty line (RFC 9112 2.2)."""
        return self.held not in _NO_HEAD

    def read_request(self, data: bytes, limits: Limits) -> tuple[Request, bytes] | None:
        """The request that `data` begins with, and the bytes behind its head; `sent` becomes the
        head for the app. None if the head is incomplete, which is then held. Raises Refused, or
        SpeaksHttp2."""
        if data[0] < 33:
            # RFC 9112 2.2: empty lines before a request line are ignored.
            data = _without_empty_lines(data, limits.max_header_bytes)
            if not data:
                return None
        if len(data) <= LONGEST_REMEMBERED and data.endswith(END_OF_HEAD):
            # The usual case, a head and nothing else: if it were two, it would not parse as one.
            try:
                return self._read_head(data, limits), b""
            except Refused:
                pass
        end = data.find(END_OF_HEAD) + 4
        if end == 3:
            self._hold(data, limits.max_header_bytes)
            return None
        head, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        asked = self.asked
        if asked is not None and head == asked.head:
            return asked, rest
        try:
            return self._read_head(head, limits), rest
        except Refused:
            if asked is not None or not HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
                raise
            if len(data) >= len(HTTP2_PREFACE):
                raise SpeaksHttp2(data) from None
            self._hold(data, limits.max_header_bytes)
            return None

    def _read_head(self, head: bytes, limits: Limits) -> Request:
        if len(head) > limits.max_header_bytes:
            raise _too_long(head, limits.max_header_bytes)
        self.asked = request = parse_request(head, limits.max_fields)
        if (said := self._said_of_client) is None:
            self.sent = request.head
        elif request.forwarded or request.host is None:
            self.sent = append_forwarded(request.head, request.host, said[0], b"http")
        else:
            self.sent = b"".join((request.head[:-2], said[1], request.host, END_OF_HEAD))
        return request

    def _hold(self, data: bytes, most: int) -> None:
        if data.count(b"\n") != data.count(b"\r\n"):
            raise Refused(400, "a bare LF in the head")
        if len(data) > most:
            raise _too_long(data, most)
        self.held = data

    def hold_refused(self, data: bytes) -> None:
        """For what its fields tell the log: `data` begins with a head that was refused."""
        head, end, _ = data[:_MOST_LOGGED].lstrip(b"\r\n").partition(END_OF_HEAD)
        self.held = head + end

    # Answers

    def read_answer(
        self, data: bytes, request: Request, limits: Limits
    ) -> tuple[Response, bytes, int] | None:
        """The answer that `data` begins with, the data with the head for the client, and the offset
        at which that head ends. None if the head is incomplete, which is then kept. Refused if it
        cannot be mended."""
        seen = 0
        if self._partial:
            seen, data, self._partial = len(self._partial), self._partial + data, b""
        method = request.method
        end = data.find(END_OF_HEAD) + 4
        head = data[:end]
        if end == 3 and len(data) <= limits.max_header_bytes and not doubtful(data, seen):
            self._hold_answer(data)
            return None
        if end == 3 or end > limits.max_header_bytes:
            return self._mended_answer(data, method, limits, seen)
        try:
            response = parse_response(head, method, limits.max_fields)
        except Refused:
            return self._mended_answer(data, method, limits)
        if response.misframed:
            return _unframed(response, head, data[end:])
        if response.status >= 200 and method != b"HEAD" and end <= LONGEST_REMEMBERED:
            self.answered, self.answered_head = response, head
        return response, data, end

    def _mended_answer(
        self, data: bytes, method: bytes, limits: Limits, seen: int = 0
    ) -> tuple[Response, bytes, int] | None:
        """Like `read_answer`, for a malformed head: it is mended, if all parsers read it alike."""
        head, end = mended(data, seen)
        if (end or len(data)) > limits.max_header_bytes:
            raise Refused(502, f"its head is over {limits.max_header_bytes} bytes")
        if not end:
            self._hold_answer(data)
            return None
        response = parse_response(head, method, limits.max_fields)
        if response.misframed:
            return _unframed(response, head, data[end:])
        return response, head + data[end:], len(head)

    def _hold_answer(self, data: bytes) -> None:
        """Keep an incomplete head; none is cached beside it, which the next bytes could match."""
        self._partial, self.answered = data, None

    def interim_passed(self, status: int) -> None:
        """Note an interim answer."""
        self.interim = True
        self.continued = self.continued or status == 100

    @property
    def answer_begun(self) -> bool:
        """Part of an answer's head has come, or an interim answer."""
        return bool(self._partial) or self.interim


def _unframed(response: Response, head: bytes, rest: bytes) -> tuple[Response, bytes, int]:
    """The answer with its framing fields removed; not cached, since the head differs from what
    came."""
    head = without_framing(head)
    return response, head + rest, len(head)


def _without_empty_lines(data: bytes, most: int) -> bytes:
    """`data` behind its leading empty lines; Refused if these are over `most` bytes."""
    if len(data) > most and not data[:most].strip(b"\r\n"):
        raise Refused(400, f"over {most} bytes of empty lines before a request")
    return _EMPTY_LINES.sub(b"", data, 1)


def _too_long(head: bytes, most: int) -> Refused:
    """414 if the request line alone is over the limit (RFC 9112 3), else 431 (RFC 6585 5)."""
    if head.find(b"\r\n", 0, most) < 0:
        return Refused(414, f"the request line is over {most} bytes")
    return Refused(431, f"the head is over {most} bytes")
