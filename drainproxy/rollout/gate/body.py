"""Decodes the body of a request to `gate serve`, or refuses it with a status that tells its author
why.

A readable body that makes no sense is a hold (see `request`). One that cannot be read, or is not
bounded, does not come from an engine.
"""

import zlib
from typing import Final

# A body is a few hundred bytes.
LARGEST: Final = 64 << 10

# zlib finds out itself whether it is gzip or zlib (RFC 9110, sections 8.4.1.2 and 8.4.1.3).
_EITHER: Final = 32 + zlib.MAX_WBITS
_CODINGS: Final = ("gzip", "x-gzip", "deflate")


class UnreadableBody(Exception):
    """Nothing can be read: the status of the answer, and the reason for people."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def too_large() -> UnreadableBody:
    """Of a body that is over the bound, as it came or decoded."""
    return UnreadableBody(413, f"the body is over {LARGEST >> 10} KiB")


def decoded(body: bytes, codings: str) -> bytes:
    """The body without the codings of its `Content-Encoding`; Unreadable if it is not so coded, is
    cut short, is too large, or if the coding is not known here. Bounded: of a bomb no more is
    decoded than the largest body."""
    coding = codings.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in _CODINGS:
        known = ", ".join(_CODINGS)
        raise UnreadableBody(
            415, f"Content-Encoding {codings!r} is not known here: send none, {known}"
        )
    decoder = zlib.decompressobj(_EITHER)
    try:
        found = decoder.decompress(body, LARGEST + 1)
    except zlib.error as error:
        reason = f"the body is not {coding}, as its Content-Encoding says: {error}"
        raise UnreadableBody(400, reason) from None
    if len(found) > LARGEST:
        raise too_large()
    if not decoder.eof:
        raise UnreadableBody(400, f"the {coding} of the body is cut short")
    return found
