"""HTTP/1 heads: what a request or response says about its own boundaries.

What passes here is a subset of what any app accepts, so that no app can see another message in the
same bytes. A head is `bytes` up to and with the empty line.
"""

import re

from drainproxy.wire.authority import authority_of, same_authority
from drainproxy.wire.fields import (
    DIGITS_AND_LETTERS,
    TEXT,
    Field,
    Refused,
    method_problem,
    read_field,
    tokens,
)
from drainproxy.wire.rewrite import with_host, with_plain_lines, with_upgrade

# What a field means, as plain integers: members of an enum take longer to compare, line by line.
# The branches below stand in the order in which such fields come.
_HOST, _CONTENT_LENGTH = int(Field.HOST), int(Field.CONTENT_LENGTH)
_TRANSFER_ENCODING, _CONNECTION = int(Field.TRANSFER_ENCODING), int(Field.CONNECTION)
_UPGRADE, _EXPECT, _MISSPELT = int(Field.UPGRADE), int(Field.EXPECT), int(Field.MISSPELT)
_FORWARDED_FOR, _FORWARDED = int(Field.FORWARDED_FOR), int(Field.FORWARDED)
_CONTENT_TYPE, _CONTENT_ENCODING = int(Field.CONTENT_TYPE), int(Field.CONTENT_ENCODING)
_TABBED = int(Field.TABBED)

CHUNKED = -1
UNTIL_CLOSE = -2

# RFC 9112 3.2: no fragment; parsers disagree on whether the path ends there.
_TARGET_BYTES = bytes(range(0x21, 0x7F)).replace(b"#", b"")
# RFC 3986 3.1
_SCHEME_BYTES = DIGITS_AND_LETTERS + b"+-."
_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"})
# RFC 9110 9.2.2
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"})
_WEBSOCKET = b"websocket"
# The media type of event streams among those that are accepted (RFC 9110 12.5.1).
_ACCEPTS_EVENTS = re.compile(rb"\r\naccept:[^\r\n]*text/event-stream", re.IGNORECASE)
# Upgrades that nobody behind us acts on: an app that began TLS (RFC 2817), or another HTTP, behind
# our back could not be followed. Some clients offer TLS with every request.
_NO_HOP_ACTS = frozenset({b"tls", b"h2c", b"h2", b"http"})
# RFC 9110 7.6.1: fields meant for all recipients are no connection options. A proxy behind us would
# remove those that are named so: the client's address that we have said (as CVE-2022-31813 and
# CVE-2024-45410), the host, or what frames the message.
_MEANT_FOR_ALL = frozenset(
    b"host content-length transfer-encoding "
    b"forwarded x-forwarded-for x-forwarded-proto x-forwarded-host".split()
)
_STATUS = {b"%d" % code: code for code in range(100, 1000)}


class AnotherProtocol(Refused):
    """A request of a relative of HTTP, which goes through an opaque tunnel or not at all."""


class Request:
    """What a request head says. `length` is the body's bytes, or CHUNKED; `upgrade`: to which
    protocols the app may switch, with commas."""

    __slots__ = (
        "closes",
        "expects_continue",
        "forwarded",
        "head",
        "host",
        "length",
        "method",
        "minor",
        "target",
        "upgrade",
    )

    def __init__(self, head: bytes, method: bytes, target: bytes, minor: int) -> None:
        self.head = head
        self.method = method
        self.target = target
        self.minor = minor
        self.length = 0
        self.closes = minor == 0
        self.host: bytes | None = None
        self.upgrade = b""
        self.expects_continue = False
        self.forwarded = False

    @property
    def may_be_websocket(self) -> bool:
        """The app is asked for a WebSocket, among others, with GET (RFC 6455 4.1, 2); any other
        Upgrade it may ignore, as most do (RFC 9110 7.8)."""
        offered = map(_name, self.upgrade.split(b","))
        return self.method == b"GET" and _WEBSOCKET in offered

    @property
    def replayable(self) -> bool:
        """It may be sent a second time: nothing was lost with the first (RFC 9110 9.2.2)."""
        return self.length == 0 and not self.upgrade and self.method in _IDEMPOTENT

    @property
    def asks_for_events(self) -> bool:
        """Who asks is an EventSource (WHATWG HTML 9.2.2), which comes again by itself."""
        return bool(self.method == b"GET" and _ACCEPTS_EVENTS.search(self.head)) and not self.length


class Response:
    """What a response head says. `length` is the body's bytes, CHUNKED or UNTIL_CLOSE; `encoded`:
    what is in it cannot be read as it passes; `misframed`: its fields announce a
    body that is not there, for which some clients wait, or contradict each other."""

    __slots__ = (
        "closes",
        "encoded",
        "event_stream",
        "keeps",
        "length",
        "misframed",
        "status",
        "upgrade",
    )

    def __init__(self, status: int, closes: bool) -> None:
        self.status = status
        self.closes = closes
        # It says keep-alive in so many words, which is what an HTTP/1.0 client needs.
        self.keeps = False
        self.length = UNTIL_CLOSE
        self.upgrade = b""
        self.event_stream = self.encoded = self.misframed = False


# Hot, and so one function: a call for each field would cost more than its branch.
def parse_request(head: bytes, most_fields: int) -> Request:  # noqa: C901
    """Read a request head; Refused with the status for the client if any part of it is in doubt."""
    lines = head.split(b"\r\n")
    if len(lines) > most_fields + 3:
        raise Refused(431, f"more than {most_fields} fields")
    request = _request_line(head, lines[0])
    connection: tuple[bytes, ...] = ()
    upgrade = b""
    length = coding = None
    # What means nothing to a hop is passed over without a step of the interpreter.
    for meaning, value in filter(None, map(read_field, lines[1:-2])):
        if meaning == _HOST:
            if request.host is not None:
                raise Refused(400, "more than one Host")
            if value is None:
                raise Refused(400, "Host is not a host and port")
            request.host = value
        elif meaning == _CONNECTION:
            connection += value
        elif meaning == _CONTENT_LENGTH:
            if length is not None:
                raise Refused(400, "more than one Content-Length")
            length = value
        elif _FORWARDED_FOR <= meaning <= _FORWARDED:
            request.forwarded = True
        elif meaning == _TRANSFER_ENCODING:
            if coding is not None:
                raise Refused(400, "more than one Transfer-Encoding")
            coding = value
        elif meaning == _UPGRADE:
            upgrade = upgrade + b"," + value if upgrade else value
        elif meaning == _EXPECT:
            request.expects_continue |= value
        elif meaning == _MISSPELT:
            raise Refused(400, "a framing or forwarding field spelt with an underscore")
        elif meaning == _TABBED:
            return parse_request(with_plain_lines(head), most_fields)
    if request.host is None and request.minor:
        raise Refused(400, "no Host")
    if request.target[:1] != b"/":
        _host_of_target(request)
    if coding is not None:
        _chunked_request(request, length)
    elif length is not None:
        request.length = length
    if connection:
        _connection_of_request(request, connection)
    if upgrade:
        _upgrade(request, connection, upgrade)
    return request


def _request_line(head: bytes, line: bytes) -> Request:
    """RFC 9112 3: method SP request-target SP HTTP-version, single blanks."""
    try:
        method, target, version = line.split(b" ")
    except ValueError:
        raise Refused(400, "the request line is not method, target and version") from None
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    elif version.startswith((b"RTSP/", b"ICE/")):
        raise AnotherProtocol(400, "a relative of HTTP, not HTTP/1.0 or HTTP/1.1")
    else:
        raise Refused(505 if version[:5] == b"HTTP/" else 400, "not HTTP/1.0 or HTTP/1.1")
    if method not in _METHODS:
        _check_method(method)
    if target[:1] != b"/":
        _check_target(method, target)
    if target.translate(None, _TARGET_BYTES):
        raise Refused(400, "a byte in the request target that must be percent-encoded")
    return Request(head, method, target, minor)


def _check_method(method: bytes) -> None:
    if method.upper() == b"CONNECT":
        raise Refused(501, "CONNECT is not served here")
    if problem := method_problem(method):
        raise Refused(400, problem)


def _check_target(method: bytes, target: bytes) -> None:
    """RFC 9112 3.2: what is no path is a whole URL, or `*` of OPTIONS."""
    scheme, mark, rest = target.partition(b"://")
    is_url = mark and rest and scheme[:1].isalpha() and not scheme.translate(None, _SCHEME_BYTES)
    if not is_url and (method, target) != (b"OPTIONS", b"*"):
        raise Refused(400, "the request target is no path, URL or * of OPTIONS")


def _host_of_target(request: Request) -> None:
    """RFC 9112 3.2.2: what a whole URL names takes the place of Host, which apps may read instead
    of the target; RFC 9110 4.2.4: a user in it is an error."""
    scheme, is_url, _ = request.target.partition(b"://")
    if not is_url:
        return
    authority = authority_of(request.target)
    if authority is None:
        raise Refused(400, "the URL in the request line does not name a host and port")
    if not request.host or not same_authority(authority, request.host, scheme):
        request.host = authority
        request.head = with_host(request.head, authority)


def _chunked_request(request: Request, length: int | None) -> None:
    """RFC 9112 6.1: what else frames the message, or cannot read this, makes it an attack."""
    if length is not None:
        raise Refused(400, "Transfer-Encoding with Content-Length")
    if not request.minor:
        raise Refused(400, "Transfer-Encoding on HTTP/1.0")
    request.length = CHUNKED


def _connection_of_request(request: Request, connection: tuple[bytes, ...]) -> None:
    if not _MEANT_FOR_ALL.isdisjoint(connection):
        raise Refused(400, "Connection names a field that is not for one hop alone")
    if b"close" in connection:
        request.closes = True
    elif b"keep-alive" in connection:
        request.closes = False


def _upgrade(request: Request, connection: tuple[bytes, ...], upgrade: bytes) -> None:
    """RFC 9110 7.8: it may be ignored, and must be in HTTP/1.0, which not every app knows: there it
    is not passed on. Nor is it with a body, for parsers disagree on whether an upgrade has one; a
    WebSocket's never has (RFC 6455 4.1)."""
    offered = [token for token in tokens(upgrade) if token]
    if request.length and request.minor and _WEBSOCKET in offered:
        raise Refused(400, "an upgrade to a WebSocket with a body")
    heard = request.minor and not request.length
    passed = [t for t in offered if heard and _name(t) not in _NO_HOP_ACTS]
    if b"upgrade" in connection:
        request.upgrade = b",".join(passed)
    if passed != offered:
        request.head = with_upgrade(request.head, connection, request.upgrade)


def switched_to(request: Request, response: Response) -> bytes:
    """What a 101 says is spoken from now on, `websocket` in small letters; empty where that was not
    asked for, or is not said (RFC 9110 7.8 and 15.2.2)."""
    asked = {_name(token) for token in request.upgrade.split(b",")}
    said = {_name(token.strip(b" \t")) for token in response.upgrade.split(b",")}
    if not request.upgrade or not said <= asked:
        return b""
    return _WEBSOCKET if said == {_WEBSOCKET} else response.upgrade


def _name(protocol: bytes) -> bytes:
    """Of a protocol that may have a version."""
    return protocol.partition(b"/")[0]


# Hot, as above.
def parse_response(head: bytes, method: bytes, most_fields: int) -> Response:  # noqa: C901
    """Read the head of the answer to a request with `method`; Refused if any part is in doubt."""
    lines = head.split(b"\r\n")
    if len(lines) > most_fields + 3:
        raise Refused(502, f"more than {most_fields} fields")
    line = lines[0]
    minor = _HTTP_VERSIONS.get(line[:9])
    status = _STATUS.get(line[9:12])
    if minor is None or status is None or line[12:13] not in _AFTER_STATUS:
        raise Refused(502, "not a status line of HTTP/1")
    if line.translate(None, TEXT):
        raise Refused(502, "a control byte, a bare CR or a bare LF in the status line")
    response = Response(status, minor == 0)
    connection: tuple[bytes, ...] = ()
    length = coding = None
    # What means nothing to a hop is passed over without a step of the interpreter.
    for meaning, value in filter(None, map(read_field, lines[1:-2])):
        if meaning == _CONTENT_LENGTH:
            if length is not None:
                raise Refused(502, "more than one Content-Length")
            length = value
        elif meaning == _CONTENT_TYPE:
            response.event_stream = value
        elif meaning == _CONNECTION:
            connection += value
        elif meaning == _TRANSFER_ENCODING:
            if coding is not None:
                raise Refused(502, "more than one Transfer-Encoding")
            coding = value
        elif meaning == _CONTENT_ENCODING:
            response.encoded = value
        elif meaning == _UPGRADE:
            response.upgrade = response.upgrade + b"," + value if response.upgrade else value
        elif meaning == _TABBED:
            raise Refused(502, "a tab beside a value")
    if connection:
        _connection_of_response(response, connection)
    # RFC 9112 6.3, whose first rule comes first: such an answer ends with its head in any case.
    if method == b"HEAD" or status < 200 or status == 204 or status == 304:
        response.length = 0
        # 6.1: any hop may take a coding out of a 304, for whose chunks some clients wait.
        unframed = status < 200 or status == 204 or status == 304
        response.misframed = coding is not None and (unframed or length is not None or not minor)
    elif coding is not None:
        if length is not None or not minor:
            raise Refused(502, "Transfer-Encoding with Content-Length or on HTTP/1.0")
        response.length = CHUNKED
    elif length is not None:
        response.length = length
    else:
        response.closes = True
    return response


def _connection_of_response(response: Response, connection: tuple[bytes, ...]) -> None:
    """RFC 9112 9.3: `close` wins, wherever it stands."""
    if b"close" in connection:
        response.closes = True
    elif b"keep-alive" in connection:
        response.closes = False
        response.keeps = True


_AFTER_STATUS = (b" ", b"")
_HTTP_VERSIONS = {b"HTTP/1.1 ": 1, b"HTTP/1.0 ": 0}
