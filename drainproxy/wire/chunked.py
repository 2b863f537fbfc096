"""The chunked transfer coding (RFC 9112 7.1): where a body ends, without touching its bytes."""

import re
from functools import cache

from drainproxy.wire.fields import TEXT, TOKEN, Refused

_HEX = b"0123456789abcdefABCDEF"
# 15 hex digits stay below 2**60: no app's integer overflows.
_MOST_HEX = 15
# With its line end.
_LONGEST_LINE = 4096
# What an attacker may make an app read beside the body: extensions and trailers of one message.
_MOST_BESIDE = 16384
# RFC 9110 6.5.1: fields that frame, route, authenticate or change the message may not trail it.
NEVER_IN_TRAILERS = frozenset(
    b"transfer-encoding content-length host connection keep-alive proxy-connection upgrade te "
    b"trailer expect max-forwards cache-control authorization proxy-authorization "
    b"proxy-authenticate www-authenticate cookie set-cookie content-encoding content-type "
    b"content-range x-forwarded-for x-forwarded-proto x-forwarded-host".split()
)
# RFC 9112 7.1.1: `;name` or `;name=value`, where the value is a token or quoted. Blanks around
# them are only "bad whitespace" there, and parsers disagree on it: none are taken.
_EXTENSIONS = re.compile(
    rb'(?:;[%(token)s]+(?:=(?:[%(token)s]+|"(?:[%(plain)s]|\\[%(text)s])*"))?)+'
    % {
        b"token": re.escape(TOKEN),
        b"plain": re.escape(TEXT.translate(None, b'"\\')),
        b"text": re.escape(TEXT),
    }
)

_SIZE, _DATA_END, _TRAILER = range(3)

# So many lines (two for each chunk) of one piece of data are read at once, half a millisecond.
# Behind the first few the shortest chunks are looked for as a run, which takes no step for each.
_LINES_AT_ONCE, _FEW_LINES = 800, 8
_LONGEST_IN_RUN = 127
# So many of its last bytes show the end of a body to a caller that needs no more than that.
_TAIL = 3


@cache
def _run(least: int) -> re.Pattern[bytes]:
    """Any number of whole chunks of so many to 127 bytes, their sizes written with no digit too
    many. A choice by the first digit, then by the second: a search tries what begins with another
    byte without a step into it."""
    choices = []
    for first in range(1, 16):
        ends = [rb"\r\n.{%d}\r\n" % first] if first >= least else []
        if first <= _LONGEST_IN_RUN >> 4:
            ends += [_digit(low) + rb"\r\n.{%d}\r\n" % (first << 4 | low) for low in range(16)]
        choices.append(_digit(first) + b"(?:" + b"|".join(ends) + b")")
    # An atomic group: `*+` stands in the middle of a chunk that fails before CPython 3.11.5.
    return re.compile(b"(?>(?:" + b"|".join(choices) + b")*)", re.DOTALL)


def _run_end(data: bytes, here: int, least: int = 1) -> int:
    """Where the run ends that begins here; here, if none does."""
    run = _run(least).match(data, here)
    assert run is not None  # it may be empty
    return run.end()


def _digit(value: int) -> bytes:
    return b"[%x%X]" % (value, value) if value > 9 else b"%d" % value


# A part of a chunk: where in the data its chunk begins, -1 if that was earlier, and its own bytes.
Part = tuple[int, int, int]


class ChunkedBody:
    """Follows one chunked body through any cuts of the byte stream.

    `parts`: if it is a list, `feed` adds what of the body itself stands in the data; unless `every`
    of them is wanted, of a run of chunks only its last bytes. `stopped`: where in the data the last
    `feed` has stopped, since that was enough at once; 0 if it has read all.
    """

    __slots__ = ("_beside", "_expects", "_left", "_partial", "every", "parts", "stopped")

    _longest_line = _LONGEST_LINE

    def __init__(self) -> None:
        self.parts: list[Part] | None = None
        self.every = True
        self.stopped = 0
        self._left = 0
        self._expects = _SIZE
        self._partial = b""
        self._beside = 0

    @property
    def between_chunks(self) -> bool:
        """Whether a chunk may stand behind what has passed."""
        return self._expects == _SIZE and not self._left and not self._partial

    # Hot, and so one function: a call for each line would cost more than reading it.
    def feed(self, data: bytes, start: int = 0) -> int:  # noqa: C901
        """Read on from `start`: the offset just after the body's end, or -1 if more must come, or
        if the rest, from `stopped` on, is to be fed later.

        Refused(400) at the first byte that a strict parser would not take.
        """
        here = start
        chunk = -1
        self.stopped = 0
        for lines in range(_LINES_AT_ONCE):
            if self._left:
                if self.parts is not None:
                    self.parts.append((chunk, here, min(here + self._left, len(data))))
                if len(data) - here < self._left:
                    self._left -= len(data) - here
                    return -1
                here += self._left
                self._left = 0
            elif lines > _FEW_LINES and self.between_chunks:
                here = self._pass_run(data, here)
            end = data.find(b"\r\n", here)
            chunk = -1 if self._partial else here
            if end < 0 or self._partial:
                line, here = self._torn_line(data, here)
                if line is None:
                    return -1
            else:
                line = data[here:end]
                here = end + 2
            if self._expects == _SIZE:
                self._chunk_head(line, here)
            elif self._expects == _DATA_END:
                if line:
                    raise Refused(400, "a chunk is longer than its size")
                self._expects = _SIZE
            elif line:
                self._trailer(line, here)
            else:
                return here
        self.stopped = here
        return -1

    def _pass_run(self, data: bytes, here: int) -> int:
        if self.parts is None:
            return _run_end(data, here)
        if self.every:
            return here
        end = _run_end(data, here, _TAIL)
        if end > here:
            self.parts.append((-1, end - 2 - _TAIL, end - 2))
        return end

    def _chunk_head(self, line: bytes, end: int) -> None:
        """`end`: where the line, with its line end, ends in the data."""
        if len(line) > _MOST_HEX or not line or line.translate(None, _HEX):
            line = self._special_head(line, end)
        self._left = int(line, 16)
        self._expects = _DATA_END if self._left else _TRAILER

    def _special_head(self, line: bytes, end: int) -> bytes:
        """The size in a chunk head that is more than one."""
        size = line.partition(b";")[0]
        if not size or len(size) > _MOST_HEX or size.translate(None, _HEX):
            raise Refused(400, "a chunk size is not plain hex")
        self._count_beside(line)
        if not _EXTENSIONS.fullmatch(line, len(size)):
            raise Refused(400, "a chunk extension is not name=value")
        return size

    def _trailer(self, line: bytes, end: int) -> None:
        self._count_beside(line)
        name, colon, value = line.partition(b":")
        if not colon or not name or name.translate(None, TOKEN) or value.translate(None, TEXT):
            raise Refused(400, "a trailer is not a field")
        if may_not_trail(name):
            raise Refused(400, "a field that must not be a trailer")

    def _count_beside(self, line: bytes) -> None:
        self._beside += len(line) + 2
        if len(line) + 2 > self._longest_line or self._beside > _MOST_BESIDE:
            raise Refused(400, "too long chunk extensions or trailers")

    def _torn_line(self, data: bytes, here: int) -> tuple[bytes | None, int]:
        """A line that began in an earlier segment or does not end in this one."""
        end = data.find(b"\n", here)
        piece = data[here:] if end < 0 else data[here : end + 1]
        line = self._partial + piece
        if len(line) > self._longest_line:
            raise Refused(400, "a chunk head or trailer line is too long")
        if end < 0:
            self._refuse_hopeless(line)
            self._partial = line
            return None, here
        self._partial = b""
        if line[-2:] != b"\r\n":
            raise Refused(400, "a bare LF in a chunk head")
        return line[:-2], end + 1

    def _refuse_hopeless(self, line: bytes) -> None:
        """Refuse what no further byte can mend, before more of it reaches the app."""
        if self._expects == _DATA_END and line not in (b"", b"\r"):
            raise Refused(400, "a chunk is longer than its size")
        # RFC 9112 2.2: an app may take a CR for the end of the line.
        if b"\r" in line[:-1] or b"\0" in line:
            raise Refused(400, "a bare CR or a NUL in a chunk head or trailer")
        if self._expects == _SIZE:
            self._refuse_hopeless_size(line)

    def _refuse_hopeless_size(self, line: bytes) -> None:
        size = line.partition(b";")[0].rstrip(b"\r")
        if len(size) > _MOST_HEX or size.translate(None, _HEX):
            raise Refused(400, "a chunk size is not plain hex")


def may_not_trail(name: bytes) -> bool:
    """Whether an app may merge this field into the head: WSGI and CGI map "_" and "-" to the same
    variable."""
    return name.lower().replace(b"_", b"-") in NEVER_IN_TRAILERS
