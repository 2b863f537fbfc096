"""Takes the content coding off a body (RFC 9110 8.4.1), up to its end: aiohttp takes a body in gzip
that breaks off for a whole one."""

import zlib
from collections.abc import Iterator
from typing import Final

from drainproxy.rollout.smoke.stage import Failed

# What is asked for, if a test asks for nothing else.
ACCEPTED: Final = "gzip, deflate"
_GZIP = ("gzip", "x-gzip")
# Codings that cannot be taken off here. Whatever else is named, as a charset is by some servers,
# codes nothing.
_UNKNOWN = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
# The most that is made of a piece at once, in bytes.
_MOST_MADE = 1 << 18
# zlib.decompressobj: which frame is around the data.
_GZIP_FRAME, _ZLIB_FRAME, _NO_FRAME = 31, 15, -15


class Decoder:
    """Of one body; `coding` is its Content-Encoding. Raises Failed for what is not coded so."""

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower()
        self._codes = self._coding in (*_GZIP, "deflate")
        self._is_unknown = self._coding in _UNKNOWN or "," in self._coding
        self._zlib: zlib._Decompress | None = None

    @property
    def _problem(self) -> str:
        return f"the body cannot be decoded from {self._coding}, which its Content-Encoding names"

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The next piece of the body, in parts of a bounded size."""
        # Not before there is one: an answer to HEAD names the coding that GET would have.
        if piece and self._is_unknown:
            raise Failed(self._problem)
        while piece and self._codes:
            if self._zlib is None or (self._zlib.eof and self._coding in _GZIP):
                # RFC 1952 2.2: members follow one another.
                self._zlib = zlib.decompressobj(self._frame(piece[0]))
            try:
                yield self._zlib.decompress(piece, _MOST_MADE)
            except zlib.error:
                raise Failed(self._problem) from None
            piece = self._zlib.unconsumed_tail or self._zlib.unused_data
            if piece and self._zlib.eof and self._coding not in _GZIP:
                raise Failed(self._problem)
        if piece:
            yield piece

    def end(self) -> None:
        """The body is over. One without a byte, as of HEAD, has no coding."""
        if self._zlib is not None and not self._zlib.eof:
            raise Failed(f"the answer broke off: its body in {self._coding} has no end")

    def _frame(self, first: int) -> int:
        if self._coding in _GZIP:
            return _GZIP_FRAME
        # Some servers leave out the frame that "deflate" has (RFC 9110 8.4.1.2, RFC 1950 2.2).
        return _ZLIB_FRAME if first & 0x0F == 8 else _NO_FRAME
