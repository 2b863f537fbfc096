"""Rewrites malformed heads of responses so that they can be read in one way only.

Lenient parsing of requests allows smuggling; responses of an app server are another matter. Its
clients have always coped with them, and since what we read is what we write, none of them can read
it differently. `parse_response` has refused such a head, and gets the new one.
"""

import re

from drainproxy.wire.fields import TEXT, TOKEN, Refused, plain_line, tokens
from drainproxy.wire.rewrite import END_OF_HEAD

# RFC 9112 4: a lenient reader may take any blanks between the words.
_STATUS_LINE = re.compile(rb"HTTP/1\.([01])[ \t]+([1-9][0-9]{2})(?:[ \t]+(.*))?")
_BEGINNING = b"HTTP/1."
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
# By the end of a line: what may become fields, of which the last has not ended.
_FIELDS_SO_FAR = {
    line_end: re.compile(
        rb"(?:[%b]+[ \t]*:[^\0\r\n]*%b)*[^\0\r\n]*%b" % (re.escape(TOKEN), line_end, part)
    )
    for line_end, part in ((b"\r\n", rb"\r?"), (b"\n", b""))
}
_BLANKED = bytes(c if c in TEXT else 0x20 for c in range(256))
_MOST_LENGTH_DIGITS = 18


def doubtful(data: bytes, seen: int = 0) -> bool:
    """Whether the beginning of an answer, whose head has not ended, is not that of a strict head:
    then there may be nothing to wait for. `seen`: so many of its bytes were not doubtful before."""
    if data[: len(_BEGINNING)] != _BEGINNING[: len(data)]:
        return True
    if data.find(b"\n", seen) < 0:
        return data.find(b"\r", max(seen - 1, 0), -1) >= 0 or data.find(b"\0", seen) >= 0
    fields = data.rfind(b"\r\n", 0, seen) + 2
    if fields < 2:
        line, line_end, _ = data.partition(b"\r\n")
        if not line_end or not _STATUS_LINE.fullmatch(line):
            return True
        fields = len(line) + 2
    return not _FIELDS_SO_FAR[b"\r\n"].fullmatch(data, fields)


def mended(data: bytes, seen: int = 0) -> tuple[bytes, int]:
    """The head that an answer begins with as it should be, and the offset where its own ends; empty
    and 0 if more must come. Refused if two readers could take it for different heads, or if nothing
    that may come can end it. `seen`: of so many of its bytes this was not said before."""
    lines, end = _lines(data, seen)
    head = [_status_line(lines[0])]
    if not end:
        return b"", 0
    lengths: set[int] = set()
    codings: list[bytes] = []
    for line in lines[1:]:
        name, value = _field(line)
        lower = name.lower()
        if lower == _LENGTH:
            lengths |= said_lengths(value)
        elif lower == _CODING:
            codings += tokens(value)
        else:
            head.append(plain_line(name, _harmless(value)))
    return b"\r\n".join(head + _framing(lengths, codings)) + END_OF_HEAD, end


def _lines(data: bytes, seen: int) -> tuple[list[bytes], int]:
    """The lines of the head, and its end; if that is still to come, the first line, and 0.

    RFC 9112 2.2: a LF alone may be a line's end. If only some are, readers may differ on which.
    """
    line_end = b"\r\n" if data.partition(b"\n")[0][-1:] == b"\r" else b"\n"
    head, empty_line, _ = data.partition(line_end * 2)
    if head.count(b"\n") != head.count(line_end) or (line_end == b"\n" and b"\r" in head):
        raise Refused(502, "lines that end with LF, and others with CR LF")
    if not empty_line:
        line = head.partition(line_end)[0]
        fields = max(head.rfind(line_end, 0, seen), len(line)) + len(line_end)
        if not _FIELDS_SO_FAR[line_end].fullmatch(head, fields):
            raise Refused(502, _NO_FIELD)
        return [line], 0
    return head.split(line_end), len(head) + len(empty_line)


_NO_FIELD = "a line that is not a field"


def _status_line(line: bytes) -> bytes:
    words = _STATUS_LINE.fullmatch(line)
    if words is None:
        raise Refused(502, "not a status line of HTTP/1")
    minor, status, reason = words.groups(b"")
    return b"HTTP/1.%b %b %b" % (minor, status, _harmless(reason))


def _field(line: bytes) -> tuple[bytes, bytes]:
    """RFC 9112 5.1: a proxy takes blanks before the colon out of an answer."""
    name, colon, value = line.partition(b":")
    name = name.rstrip(b" \t")
    if not colon or not name or name.translate(None, TOKEN):
        raise Refused(502, _NO_FIELD)
    return name, value


def _harmless(text: bytes) -> bytes:
    """RFC 9110 5.5: NUL, CR and LF are dangerous; any other control byte may become a blank."""
    if any(byte in text for byte in b"\0\r\n"):
        raise Refused(502, "a NUL, a bare CR or a bare LF")
    return text.translate(_BLANKED)


def said_lengths(value: bytes) -> set[int]:
    """RFC 9112 6.3: a list of one number, however often it is said."""
    numbers = [number.strip(b" \t") for number in value.split(b",")]
    if not all(number.isdigit() and len(number) <= _MOST_LENGTH_DIGITS for number in numbers):
        raise Refused(502, "Content-Length is not a plain number")
    return set(map(int, numbers))


def _framing(lengths: set[int], codings: list[bytes]) -> list[bytes]:
    """RFC 9112 6.1: chunked is never applied twice, so said twice it is said once too often; an
    identity coding was none (RFC 2616 3.6)."""
    codings = [coding for coding in codings if coding not in (b"", b"identity")]
    if any(coding != b"chunked" for coding in codings):
        raise Refused(502, "Transfer-Encoding is not chunked")
    if len(lengths) > 1:
        raise Refused(502, "Content-Lengths that differ")
    return [b"Content-Length: %d" % length for length in lengths] + (
        [b"Transfer-Encoding: chunked"] if codings else []
    )
