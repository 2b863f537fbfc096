"""Frames of HTTP/2 (RFC 9113, 4.1 and 6) by hand, right or wrong, and what RFC 7541 calls literals.

Nothing of the package is used here: its mistakes must not repeat themselves in what judges it.
"""

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = 9
LARGEST_WINDOW = 2**31 - 1
DEFAULT_FRAME_SIZE = 16384


class Kind(IntEnum):
    """Frame types (6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    UNKNOWN = 0xEE


class Code(IntEnum):
    """Error codes (7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """Settings (6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    UNKNOWN = 0xEEEE


# Flags: ACK and END_STREAM are one bit, the type of the frame tells which.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20
WHOLE = END_STREAM | END_HEADERS


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Any frame; `stream` may hold the reserved bit."""
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload


def data(stream: int, payload: bytes = b"", flags: int = END_STREAM) -> bytes:
    return frame(Kind.DATA, flags, stream, payload)


def headers(stream: int, block: bytes, flags: int = WHOLE) -> bytes:
    return frame(Kind.HEADERS, flags, stream, block)


def continuation(stream: int, block: bytes, flags: int = END_HEADERS) -> bytes:
    return frame(Kind.CONTINUATION, flags, stream, block)


def priority(stream: int, depends_on: int = 0, weight: int = 16) -> bytes:
    """`weight` is 1 to 256."""
    return frame(Kind.PRIORITY, 0, stream, preference(depends_on, weight))


def preference(depends_on: int = 0, weight: int = 16) -> bytes:
    """The payload of PRIORITY, which HEADERS may begin with; the top bit means exclusive."""
    return struct.pack(">IB", depends_on, weight - 1)


def rst_stream(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4))


def settings(*values: tuple[int, int], flags: int = 0, stream: int = 0) -> bytes:
    payload = b"".join(struct.pack(">HI", *value) for value in values)
    return frame(Kind.SETTINGS, flags, stream, payload)


def push_promise(stream: int, promised: int, block: bytes) -> bytes:
    payload = promised.to_bytes(4) + block
    return frame(Kind.PUSH_PROMISE, END_HEADERS, stream, payload)


def ping(payload: bytes = b"conforms", flags: int = 0, stream: int = 0) -> bytes:
    return frame(Kind.PING, flags, stream, payload)


def goaway(code: int = Code.NO_ERROR, last: int = 0, stream: int = 0) -> bytes:
    return frame(Kind.GOAWAY, 0, stream, struct.pack(">II", last, code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, increment.to_bytes(4))


def padded(payload: bytes, padding: int) -> bytes:
    """What a frame with PADDED holds."""
    return bytes([padding]) + payload + bytes(padding)


def literal(name: bytes, value: bytes, form: int = 0x00) -> bytes:
    """A field that is in no table, without Huffman (RFC 7541, 6.2).

    `form` 0x40 puts it into the dynamic table, 0x10 says that nobody ever may.
    """
    assert max(len(name), len(value)) < 127
    return bytes([form, len(name)]) + name + bytes([len(value)]) + value
