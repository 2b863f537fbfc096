"""Padding in HTTP/2 frames, and what stands before a header block (RFC 9113 6.1, 6.2 and 6.6)."""

from drainproxy.wire.http2 import (
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    HEAD_SIZE,
    NAMES,
    PADDED,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    Http2Error,
)


def padding_of(data: bytes, at: int, stop: int) -> int:
    """How many bytes of the frame are padding, which must fit into it, or the length of that (6.1);
    0 if the length has not come."""
    payload = at + HEAD_SIZE
    if stop == payload:
        raise Http2Error(FRAME_SIZE_ERROR, "a padded DATA has no padding length")
    if payload == len(data):
        return 0
    if data[payload] >= stop - payload:
        raise Http2Error(PROTOCOL_ERROR, "the padding is longer than its frame")
    return 1 + data[payload]


def prefix_and_part(kind: int, flags: int, payload: bytes) -> tuple[bytes, bytes]:
    """What stands before the part of the block in HEADERS (6.2) or PUSH_PROMISE (6.6), and that
    part; the padding is left out."""
    start = 1 if flags & PADDED else 0
    stop = start + (4 if kind == PUSH_PROMISE else 5 if flags & HAS_PRIORITY else 0)
    if stop > len(payload):
        raise Http2Error(FRAME_SIZE_ERROR, f"a {NAMES[kind]} is too short for what it announces")
    end = len(payload) - payload[0] if start else len(payload)
    if stop > end:
        raise Http2Error(PROTOCOL_ERROR, "the padding is longer than its frame")
    return payload[start:stop], payload[stop:end]
