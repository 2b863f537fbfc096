"""Detects the protocol of a connection from its first bytes.

It is not strict: whatever any app server would read as a request, however malformed, is HTTP here,
so that the strict parser refuses it. An opaque tunnel is only for what no server reads. Servers
that split the request line with Python's `str.split` (wsgiref, Werkzeug, gevent, Eventlet) ignore
blanks before and between its words, take any byte in a method, and HTTP/0.9 for GET; Cheroot takes
any bytes before the version, and Waitress takes HTTP/0.9 for any method.
"""

import re
from enum import Enum

from drainproxy.wire.fields import TEXT, TOKEN

# RFC 9113 3.4
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# What `str.split` splits at, if bytes are read as Latin-1.
BLANKS = b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0"


def _class_of(text: bytes, *, other: bool = False) -> bytes:
    return (b"[^%b]" if other else b"[%b]") % re.escape(text)


_WORD, _BLANK = _class_of(TOKEN), _class_of(BLANKS)
# However the word ends: with anything but a blank it is a bad request, and still a request.
_A_METHOD = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT)" + _class_of(TOKEN, other=True)
)
# What a whole first line tells to be no HTTP though a method of HTTP begins it: STOMP's CONNECT,
# which is alone, and OPTIONS of a URI in SIP (RFC 3261 7.1) or ICAP (RFC 3507 4.3.2). No server
# that we know reads a request in these. The line is waited for while it may still become one.
_NO_TARGET = rb"(?!/|\*|https?:)"
_OTHERS = re.compile(rb"CONNECT\r?|OPTIONS %b[^ ]+ (?:SIP/2\.0|ICAP/1\.0)\r?" % _NO_TARGET)
_MAY_BECOME_ONE = re.compile(rb"CONNECT\r?|OPTIONS %b.*" % _NO_TARGET, re.DOTALL)
# Relatives of HTTP that Node's parser takes for it (RFC 2326 6.1; Icecast's SOURCE).
_RELATIVE = re.compile(rb".*%b(?:RTSP|ICE)/[^ ]*" % _BLANK, re.DOTALL)
# A method and a path or URL, and nothing else: HTTP/0.9.
_METHOD_AND_TARGET = re.compile(
    rb"%b++%b++(?:/|%b*+://)[^ ]*+%b*+"
    % (_WORD, _BLANK, _class_of(BLANKS + b":", other=True), _BLANK)
)
# What `int` reads on both sides of the point in a version, and blanks behind it.
_VERSION_BYTES = b"0123456789.+-_" + BLANKS
_LIKE_A_METHOD = re.compile(rb"%b*(?:(%b)|\Z)" % (_WORD, _BLANK))
# No first line of another text protocol is as long as this without a line end.
_LONGEST = 8192
_TEXT = bytes({*(c for c in TEXT if c < 0x80), *BLANKS})


class Sniffed(Enum):
    """What the first bytes say."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    OTHER = "other"
    UNDECIDED = "undecided"


def sniff(data: bytes) -> Sniffed:
    """Tell HTTP/1, HTTP/2 and anything else apart; UNDECIDED wants the next bytes too.

    Whoever writes `HTTP/` in a first line of text, or a version at the end of any, speaks HTTP: it
    gets a strict parser and a 400. So what may still become a line of text is waited for, and the
    strict parser gets it too if it does not end. What begins with another byte is not waited for,
    since other protocols do; `Doubt` follows it.
    """
    start = data.lstrip(BLANKS)
    if _A_METHOD.match(start):
        return _with_a_method(data)
    if not start:
        return Sniffed.UNDECIDED if len(data) <= _LONGEST else Sniffed.HTTP1
    if HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
        return Sniffed.HTTP2 if len(data) >= len(HTTP2_PREFACE) else Sniffed.UNDECIDED
    line, line_end, _ = start.partition(b"\n")
    if start[0] not in _TEXT:
        return Sniffed.HTTP1 if line_end and _ends_with_version(line) else Sniffed.OTHER
    if b"HTTP/" in line:
        return Sniffed.HTTP1
    if line_end and _RELATIVE.fullmatch(line):
        return Sniffed.HTTP1
    if line_end:
        return Sniffed.HTTP1 if _METHOD_AND_TARGET.fullmatch(line) else Sniffed.OTHER
    return _unended(line, len(data) > _LONGEST)


def _with_a_method(data: bytes) -> Sniffed:
    line, line_end, _ = data.partition(b"\n")
    if line_end:
        return Sniffed.OTHER if _OTHERS.fullmatch(line) else Sniffed.HTTP1
    waits = _MAY_BECOME_ONE.fullmatch(line) and len(line) <= _LONGEST
    return Sniffed.UNDECIDED if waits else Sniffed.HTTP1


def _unended(line: bytes, too_long: bool) -> Sniffed:
    """A method may have any name."""
    like_a_request = _LIKE_A_METHOD.match(line)
    if too_long:
        return Sniffed.HTTP1 if like_a_request else Sniffed.OTHER
    if line.translate(None, _TEXT) and not (like_a_request and like_a_request[1]):
        return Sniffed.OTHER
    return Sniffed.UNDECIDED


def _ends_with_version(line: bytes) -> bool:
    before, word, after = line.rpartition(b"HTTP/")
    blank = word and before and not before[-1:].strip(BLANKS)
    return bool(blank) and not after.translate(None, _VERSION_BYTES)


# What is not enough to wait for in a first line, since other protocols begin so too (`AUTH secret`
# of Redis, `NICK me` of IRC), and what makes Waitress read a request in it: nothing but fields
# after it, and an empty line.
# The line ends with its first CR LF, and blanks before that are no part of it, LFs neither.
_TWO_WORDS = re.compile(rb"[%b]+ [^ \r\n]+" % re.escape(TOKEN.upper()))
_FIELD = re.compile(rb"%b+:|[ \t]" % _WORD)


class Doubt:
    """Follows what was told to be something else, while a lenient server may still read a request
    in it: where an odd byte came before the rest of its line, or its lines come one by one."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen = b""

    def feed(self, data: bytes) -> Sniffed:
        """HTTP1: none of this data may reach the app. OTHER: it is certain now. UNDECIDED: this
        data may go on, and the next is wanted too."""
        seen = self._seen + data
        start = seen.lstrip(BLANKS)
        line, line_end, _ = start.partition(b"\n")
        if not line_end:
            self._seen = seen if len(seen) <= _LONGEST else _end_of(seen)
            return Sniffed.UNDECIDED
        if _ends_with_version(line):
            return Sniffed.HTTP1
        line, _, rest = start.partition(b"\r\n")
        if not _TWO_WORDS.fullmatch(line.rstrip()):
            return Sniffed.OTHER
        self._seen = seen
        for field in rest.split(b"\r\n")[:-1]:
            if not field:
                return Sniffed.HTTP1
            if not _FIELD.match(field):
                return Sniffed.OTHER
        return Sniffed.UNDECIDED if len(seen) <= _LONGEST else Sniffed.HTTP1


def _end_of(line: bytes) -> bytes:
    """What matters of a long line that has not ended, behind a byte that is no blank."""
    return b"\0 HTTP/" if _ends_with_version(line) else b"\0" + line[-len(b" HTTP") :]
