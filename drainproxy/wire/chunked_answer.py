"""Chunked responses: parsed leniently, and forwarded so that no client can parse them differently.

What a strict parser accepts passes as it came. The rest is what app servers send and clients accept
(blanks after a size, odd or long extensions, odd trailers): it is replaced by `edits`, parts of the
data and what is forwarded instead. A line that is split at the end of the data is held back until
it is whole, since what it has to become is not known before.
"""

from bisect import bisect_right
from itertools import accumulate

from drainproxy.wire.chunked import ChunkedBody, may_not_trail
from drainproxy.wire.fields import TEXT, TOKEN, Refused

_HEX = b"0123456789abcdefABCDEF"
_BLANKS = b" \t"
# Below 2**60, as for requests; zeros before it may be many.
_MOST_HEX = 15
# As for requests, an extension that is longer does not go on.
_LONG_LINE = 4096
_FRAMING = (b"content-length", b"transfer-encoding")

Edit = tuple[int, int, bytes]


class AnswerBody(ChunkedBody):
    """Follows the body of one chunked answer. There is no budget for what stands beside it but for
    each line: with an app that sends too much only its own clients are served.

    If there are `edits` after `feed`, call `mended` before anything is forwarded, with the data up
    to where it has `stopped`, if it has.
    """

    __slots__ = ("edits",)

    _longest_line = 65536

    def __init__(self) -> None:
        super().__init__()
        self.edits: list[Edit] = []

    def mended(self, data: bytes, end: int) -> tuple[bytes, int]:
        """The data that was fed as it goes on, and where the body ends in it (-1 stays -1)."""
        pieces: list[bytes] = []
        here = 0
        for begin, stop, instead in self.edits:
            pieces += data[here:begin], instead
            here = stop
        pieces.append(data[here:])
        whole = b"".join(pieces)
        if self.parts:
            self._move_parts()
        self.edits.clear()
        return whole, end if end < 0 else end + len(whole) - len(data)

    def _move_parts(self) -> None:
        assert self.parts is not None
        stops = [stop for _, stop, _ in self.edits]
        moves = [0, *accumulate(len(new) - stop + begin for begin, stop, new in self.edits)]
        self.parts[:] = [
            (
                chunk if chunk < 0 else chunk + moves[bisect_right(stops, chunk)],
                begin + moves[bisect_right(stops, begin)],
                end + moves[bisect_right(stops, end)],
            )
            for chunk, begin, end in self.parts
        ]

    def _special_head(self, line: bytes, end: int) -> bytes:
        try:
            return super()._special_head(line, end)
        except Refused:
            size = self._mended_size(line)
            self._replace(line, end, size + b"\r\n")
            return size

    def _mended_size(self, line: bytes) -> bytes:
        """RFC 9112 7.1.1: a recipient ignores the extensions that it does not know."""
        size = _size_in(line)
        if not size or line.translate(None, TEXT) or len(line) + 2 > self._longest_line:
            raise Refused(400, "a chunk size is not plain hex")
        return size

    def _trailer(self, line: bytes, end: int) -> None:
        try:
            super()._trailer(line, end)
        except Refused:
            self._replace(line, end, self._mended_trailer(line))

    def _mended_trailer(self, line: bytes) -> bytes:
        """RFC 9110 6.5.1: what may not trail, or is no field, is left out; what frames the message
        or belongs to the line before is too odd for that."""
        name, colon, value = line.partition(b":")
        name = name.rstrip(_BLANKS)
        folded = line[:1] in (b" ", b"\t")
        if folded or name.lower() in _FRAMING or any(byte in line for byte in b"\0\r\n"):
            raise Refused(400, "a trailer that readers may take differently")
        if len(line) + 2 > self._longest_line:
            raise Refused(400, "too long trailers")
        token = colon and name and not name.translate(None, TOKEN)
        if not token or value.translate(None, TEXT) or may_not_trail(name):
            return b""
        return name + b":" + value + b"\r\n"

    def _count_beside(self, line: bytes) -> None:
        if len(line) + 2 > _LONG_LINE:
            raise Refused(400, "too long chunk extensions or trailers")

    def _replace(self, line: bytes, end: int, instead: bytes) -> None:
        """The line that ends at `end`, of which a torn one is an edit already."""
        if self.edits and self.edits[-1][1] == end:
            begin = self.edits.pop()[0]
        else:
            begin = end - len(line) - 2
        self.edits.append((begin, end, instead))

    def _torn_line(self, data: bytes, here: int) -> tuple[bytes | None, int]:
        line, end = super()._torn_line(data, here)
        if line is not None:
            self.edits.append((here, end, line + b"\r\n"))
        elif here < len(data):
            self.edits.append((here, len(data), b""))
        return line, end

    def _refuse_hopeless_size(self, line: bytes) -> None:
        if line.strip(_BLANKS + b"\r") and not _size_in(line.rstrip(b"\r")):
            raise Refused(400, "a chunk size is not plain hex")


def _size_in(line: bytes) -> bytes:
    """The size in a chunk head without blanks around it and zeros before it; empty if that is not
    what stands there."""
    size = line.partition(b";")[0].strip(_BLANKS)
    if not size or size.translate(None, _HEX):
        return b""
    size = size.lstrip(b"0") or b"0"
    return size if len(size) <= _MOST_HEX else b""
