"""HTTP/2 frames (RFC 9113 4 and 6): their numbers, what their payloads say, and frames of our own.

How a byte stream is cut into frames stands in `frames`.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Protocol

# 6: the types of frames.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9

# Their flags; END_STREAM is for DATA and HEADERS what ACK is for SETTINGS and PING.
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, HAS_PRIORITY = 0x4, 0x8, 0x20

# 7
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT = range(5)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = range(5, 10)
CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(10, 14)

# 6.5.2
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6

# 4.1: what stands before each payload.
HEAD_SIZE = 9
# 4.2, and the value of MAX_FRAME_SIZE until another is agreed.
LEAST_MAX_FRAME = 16384
_MOST_MAX_FRAME = 2**24 - 1
# 4.1 and 6.9.1: identifiers, windows and their increments have 31 bits.
MOST_STREAM = 2**31 - 1

# The length has 24 bits: a byte for its upper ones comes first.
# Length and kind in one number: one value less to pass for each frame.
_pack_head = Struct(">IBI").pack
# That of a frame below 64 KiB: its length needs no operation on bits, which takes longer.
_pack_short_head = Struct(">xHBBI").pack
# By the flags of a frame, whether it ends its stream.
ENDS_STREAM = [f & END_STREAM == END_STREAM for f in range(256)]
# The flags of HEADERS, by what was asked for: END_STREAM and HAS_PRIORITY of them count.
_FLAGS_OF_WHOLE = [f & (END_STREAM | HAS_PRIORITY) | END_HEADERS for f in range(256)]
_SETTING = Struct(">HI")
_NUMBER = Struct(">I")
_TWO_NUMBERS = Struct(">II")

Setting = tuple[int, int]


# Frames of one size (6.3, 6.4, 6.7, 6.9), and the names of all in the order of their types (6).
FIXED_SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
# Those that belong to a stream, or to none.
OF_A_BLOCK = {HEADERS, PUSH_PROMISE, CONTINUATION}
OF_A_STREAM = {*OF_A_BLOCK, PRIORITY, RST_STREAM}
OF_NO_STREAM = {SETTINGS, PING, GOAWAY}
NAMES = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
)


class Http2Error(Exception):
    """An error of the whole connection (5.4.1): `code` for GOAWAY, `reason` in plain words.

    `budget` names what was spent, if that is what is wrong, as `drainproxy_rejected_total` does,
    and `spent` says how much that was.
    """

    def __init__(self, code: int, reason: str, budget: str = "", spent: int = 0) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.budget = budget
        self.spent = spent


class Follower(Protocol):
    """Is fed the DATA of a stream as it passes."""

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """The next bytes of the stream are those of `data` from `start` to `end`. Returns where it
        has read enough for now, `end` if it has not, and how many steps that took."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return _pack_head(len(payload) << 8 | kind, flags, stream) + payload


def header_frames(
    stream: int, flags: int, priority: bytes, block: bytes, most: int = LEAST_MAX_FRAME
) -> bytes:
    """HEADERS, and a CONTINUATION for each `most` bytes that do not fit (6.10): by default no more
    than everybody takes, who may keep to that until its SETTINGS are acknowledged; never 64 KiB.

    Of `flags` END_STREAM and HAS_PRIORITY count; `priority` is what the latter announces.
    """
    if priority:
        block = priority + block
    length = len(block)
    if length <= most:
        return _pack_short_head(length, HEADERS, _FLAGS_OF_WHOLE[flags], stream) + block
    return _split(HEADERS, flags & (END_STREAM | HAS_PRIORITY), stream, block, most)


def push_promise_frames(
    stream: int, promised: int, block: bytes, most: int = LEAST_MAX_FRAME
) -> bytes:
    """PUSH_PROMISE, and CONTINUATIONs where it does not fit."""
    payload = _NUMBER.pack(promised) + block
    if len(payload) <= most:
        return frame(PUSH_PROMISE, END_HEADERS, stream, payload)
    return _split(PUSH_PROMISE, 0, stream, payload, most)


def _split(kind: int, flags: int, stream: int, payload: bytes, most: int) -> bytes:
    written = [frame(kind, flags, stream, payload[:most])]
    for at in range(most, len(payload), most):
        last = END_HEADERS if at + most >= len(payload) else 0
        written.append(frame(CONTINUATION, last, stream, payload[at : at + most]))
    return b"".join(written)


def rst_stream(stream: int, code: int) -> bytes:
    """6.4"""
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(code))


def goaway(last_stream: int, code: int, debug: bytes = b"") -> bytes:
    """6.8"""
    return frame(GOAWAY, 0, 0, _TWO_NUMBERS.pack(last_stream, code) + debug)


def ping(data: bytes, *, ack: bool = False) -> bytes:
    """6.7; `data` has 8 bytes."""
    return frame(PING, ACK if ack else 0, 0, data)


def window_update(stream: int, increment: int) -> bytes:
    """6.9"""
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(increment))


_CREDIT = frame(WINDOW_UPDATE, 0, 0, bytes(4))[:HEAD_SIZE]


def append(waiting: list[bytes], added: bytes) -> int:
    """Let a frame wait behind others; returns how many bytes more that is. What it gives back of
    the connection's window is added to what the one before does (6.9.1): there may be one for each
    frame of DATA that was left out."""
    last = waiting[-1] if waiting else b""
    if added.startswith(_CREDIT) and last.startswith(_CREDIT):
        credit = number(added[HEAD_SIZE:]) + number(last[HEAD_SIZE:])
        if credit <= MOST_STREAM:
            waiting[-1] = window_update(0, credit)
            return 0
    waiting.append(added)
    return len(added)


def settings(*values: Setting, ack: bool = False) -> bytes:
    """6.5"""
    payload = b"".join(_SETTING.pack(*value) for value in values)
    return frame(SETTINGS, ACK if ack else 0, 0, payload)


def number(payload: bytes) -> int:
    """The four bytes of an error code or an increment; the reserved bit is the caller's."""
    value: int = _NUMBER.unpack_from(payload)[0]
    return value


def read_goaway(payload: bytes) -> tuple[int, int]:
    """The last stream and the error code (6.8)."""
    last, code = _TWO_NUMBERS.unpack_from(payload)
    return last & MOST_STREAM, code


def read_settings(payload: bytes) -> list[Setting]:
    """The values in their order, checked as 6.5.2 wants it; Http2Error says what is wrong."""
    return list(_checked(payload))


def _checked(payload: bytes) -> Iterator[Setting]:
    for key, value in _SETTING.iter_unpack(payload):
        if key == ENABLE_PUSH and value > 1:
            raise Http2Error(PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")
        if key == INITIAL_WINDOW_SIZE and value > MOST_STREAM:
            raise Http2Error(FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is {value}")
        if key == MAX_FRAME_SIZE and not LEAST_MAX_FRAME <= value <= _MOST_MAX_FRAME:
            raise Http2Error(PROTOCOL_ERROR, f"MAX_FRAME_SIZE is {value}")
        yield key, value


def clamped(values: list[Setting], most: dict[int, int]) -> list[Setting]:
    """The same settings, none of those named above its most."""
    return [(key, min(value, most.get(key, value))) for key, value in values]
