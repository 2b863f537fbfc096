"""Which protocol a connection speaks, told by its first bytes."""

import re
from enum import Enum

from drainproxy.wire.fields import TEXT, TOKEN

# RFC 9113 3.4
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# However the word ends: with anything but a blank it is a bad request, and still a request.
_A_METHOD = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT)[^%s]" % re.escape(TOKEN)
)
# No first line of another text protocol is as long as this without a line end.
_LONGEST = 8192
_TEXT = bytes(c for c in TEXT if c < 0x80) + b"\r"


class Sniffed(Enum):
    """What the first bytes say."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    OTHER = "other"
    UNDECIDED = "undecided"


def sniff(data: bytes) -> Sniffed:
    """Tell HTTP/1, HTTP/2 and anything else apart; UNDECIDED wants the next bytes too.

    Whoever writes `HTTP/` in a first line of text speaks HTTP, however badly: it gets a strict
    parser and a 400, never an opaque tunnel to the app. So what may still become such a line is
    waited for, and the strict parser gets it too if it does not end.
    """
    start = data.lstrip(b"\r\n")
    if _A_METHOD.match(start):
        return Sniffed.HTTP1
    if not start:
        return Sniffed.UNDECIDED if len(data) <= _LONGEST else Sniffed.HTTP1
    if HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
        return Sniffed.HTTP2 if len(data) >= len(HTTP2_PREFACE) else Sniffed.UNDECIDED
    if start[0] not in _TEXT:
        return Sniffed.OTHER
    line, line_end, _ = start.partition(b"\n")
    if b"HTTP/" in line:
        return Sniffed.HTTP1
    if line_end:
        return Sniffed.OTHER
    return _unended(line, len(data) > _LONGEST)


def _unended(line: bytes, too_long: bool) -> Sniffed:
    """A method may have any name, and blanks before it are overlooked by some apps."""
    method, blank, _ = line.lstrip(b" \t").partition(b" ")
    like_a_request = not method.translate(None, TOKEN)
    if too_long:
        return Sniffed.HTTP1 if like_a_request else Sniffed.OTHER
    if line.translate(None, _TEXT) and not (blank and like_a_request):
        return Sniffed.OTHER
    return Sniffed.UNDECIDED
