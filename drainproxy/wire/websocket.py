"""WebSocket frame boundaries (RFC 6455), and the one frame we ever write: Close.

Frames pass through the proxy unread. A tracker per direction knows where they begin and end,
because that is where a frame of ours may stand. It reads headers only and keeps no payload.
"""

import re
from copy import copy
from functools import cache
from itertools import cycle

# RFC 6455 5.2: FIN and opcode in the first byte, MASK and length in the second.
FIN = 0x80
OPCODE = 0x0F
CONTROL = 0x08  # 5.5: the opcodes with this bit; they may stand between fragments (5.4)
CLOSE = 0x08
MASKED = 0x80
LENGTH = 0x7F
LENGTH_16 = 126
LENGTH_64 = 127

MAX_HEADER_SIZE = 14  # 2 + 8 of length + 4 of mask
MAX_CONTROL_PAYLOAD = 125  # 5.5
MAX_REASON_SIZE = MAX_CONTROL_PAYLOAD - 2  # 5.5.1: the code comes first

# 7.4.1: what stands for a Close without a code, and for an end without a Close.
NO_CODE, NO_CLOSE = 1005, 1006


def _header_size(second: int) -> int:
    """The size of a header in bytes, as its second byte announces it (RFC 6455 5.2)."""
    length = {LENGTH_16: 2, LENGTH_64: 8}.get(second & LENGTH, 0)
    return 2 + length + (4 if second & MASKED else 0)


_HEADER_SIZES = tuple(map(_header_size, range(256)))

# So many frames of one piece of data are read at once, about half a millisecond; behind the first
# few the shortest are looked for as a run, which takes no step for each.
_FRAMES_AT_ONCE, _FEW_FRAMES = 800, 8
_LONGEST_IN_RUN = 31
_CONTROLS = bytes(first for first in range(256) if first & CONTROL and first & OPCODE != CLOSE)
_MIDDLES = bytes(first for first in range(FIN) if not first & CONTROL)
_FINALS = bytes(first for first in range(FIN, 256) if not first & CONTROL)


@cache
def _run(first: int, masked: bool) -> re.Pattern[bytes]:
    """A whole frame of at most 31 bytes that begins like `first`, and any number behind it that
    leave it open as it does whether a message is complete: control frames, and for a data frame
    those that are final, or that are not."""
    like = next(each for each in (_MIDDLES, _FINALS, _CONTROLS) if first in each)
    mask, bit = (4, MASKED) if masked else (0, 0)
    lengths = (
        re.escape(bytes((length | bit,))) + b".{%d}" % (length + mask)
        for length in range(_LONGEST_IN_RUN + 1)
    )
    rest = b"(?:" + b"|".join(lengths) + b")"
    begins, goes_on = (b"[" + re.escape(each) + b"]" for each in (like, like + _CONTROLS))
    # An atomic group: `*+` stands in the middle of a frame that fails before CPython 3.11.5.
    return re.compile(begins + rest + b"(?>(?:" + goes_on + rest + b")*)", re.DOTALL)


class FrameTracker:
    """Where the frames of one direction end. Feed it all bytes of that direction, in order.

    `close_passed`: a Close frame has passed to its last byte; what follows it is no frame (5.5.1).
    `steps`: how many frames, or runs of short ones, were looked at in what was fed last.
    `data_passed`: of what was fed last, something belongs to a message and not to a control frame.
    """

    __slots__ = (
        "_close",
        "_fragmented",
        "_head",
        "_in_data",
        "_left",
        "close_passed",
        "data_passed",
        "steps",
    )

    def __init__(self) -> None:
        self.close_passed = False
        self.data_passed = False
        self.steps = 0
        self._in_data = False  # the open frame, or the last one, is part of a message
        self._left = 0  # bytes of the open frame that are still to come, its header being known
        self._head = b""  # a header that is not complete yet
        self._fragmented = False  # by the last data frame, a message is not complete yet
        # The Close frame up to its code, as far as it has passed; nothing before one has begun.
        self._close = b""

    @property
    def between_frames(self) -> bool:
        """Whether a frame of ours may stand here; never again after a Close."""
        return not self._left and self._may_end(message=False)

    @property
    def between_messages(self) -> bool:
        """The same, and no fragmented message is cut by it."""
        return not self._left and self._may_end(message=True)

    def feed(self, data: bytes) -> int:
        """Take note of the next bytes of the stream, whatever their split, and return how many:
        all, or where enough was read at once; the rest is to be fed later."""
        close = self._close
        if close:
            return self._pass_close(data)
        end = self._left
        size = len(data)
        self.data_passed = end > 0 and self._in_data
        self.steps = 0
        if size < end:
            self._left = end - size
            return size
        if self._head:
            end = self._resume(data)
        frames = 0
        while end < size:
            frames += 1
            if frames > _FEW_FRAMES:
                if frames > _FRAMES_AT_ONCE:
                    self.steps, self._left = frames, 0
                    return end
                end = self._pass_run(data, end)
            end = self._begin(data, end)
        self.steps, self._left = frames, end - size
        if self._close and end == size:
            self.close_passed = True
        return size

    @property
    def close_code(self) -> int:
        """The code of the Close that has passed (7.1.5)."""
        at = _HEADER_SIZES[self._close[1]]
        code, mask = self._close[at:], self._close[at - 4 : at]
        if len(code) < 2:
            return NO_CODE
        if self._close[1] & MASKED:
            code = bytes(octet ^ key for octet, key in zip(code, mask, strict=False))
        return int.from_bytes(code, "big")

    def feed_all(self, data: bytes) -> None:
        """The same, however long that takes."""
        while (read := self.feed(data)) < len(data):
            data = data[read:]

    def boundary_in(self, data: bytes, *, message: bool) -> int:
        """The first offset in `data`, what comes next, where a frame of ours may stand; or -1.

        With `message` it does not cut a fragmented message either. 0 if we are at such a place
        already. This feeds nothing: feed what is sent on, `data[:offset]` or all.
        """
        probe = copy(self)
        end = probe._resume(data) if probe._head else probe._left
        while end < len(data) and not probe._may_end(message):
            end = probe._begin(data, end)
        return end if end <= len(data) and probe._may_end(message) else -1

    def _may_end(self, message: bool) -> bool:
        """Whether the end of the frame that we know of is a place for a frame of ours."""
        return not (self._head or self._close or (message and self._fragmented))

    def _begin(self, data: bytes, start: int) -> int:
        """Read the header at `start`; the offset where its frame ends, maybe beyond `data`.

        A header that `data` does not hold in full is kept for `_resume`.
        """
        size = len(data)
        if self._close:
            return size
        second = data[start + 1] if start + 1 < size else 0
        end = start + _HEADER_SIZES[second]
        if end > size:
            self._head = data[start:]
            return size
        first = data[start]
        self._in_data = not first & CONTROL
        if self._in_data:
            self.data_passed = True
            self._fragmented = first < FIN
        length = second & LENGTH
        if length < LENGTH_16:
            stop = end + length
        elif length == LENGTH_16:
            stop = end + (data[start + 2] << 8 | data[start + 3])
        else:
            # With its top bit set, which 5.2 forbids, it never ends: no boundary follows.
            stop = end + int.from_bytes(data[start + 2 : start + 10], "big")
        if first & CONTROL and first & OPCODE == CLOSE:
            self._close = data[start : min(end + 2, stop)]
        return stop

    def _pass_close(self, data: bytes) -> int:
        """More of the Close, and what follows it, which is no frame (5.5.1)."""
        most = _HEADER_SIZES[self._close[1]] + 2
        self._close = (self._close + data[: self._left])[:most]
        self._left = max(self._left - len(data), 0)
        self.close_passed = not self._left
        return len(data)

    def _pass_run(self, data: bytes, start: int) -> int:
        """Where the run of short frames ends that begins at `start`; `start` if none does, or if
        what is left of the data is short."""
        first = data[start]
        if self._close or len(data) - start < MAX_HEADER_SIZE or first & OPCODE == CLOSE:
            return start
        run = _run(first, data[start + 1] >= MASKED).match(data, start, len(data) - 1)
        if run is None:
            return start
        if not first & CONTROL:
            self.data_passed = True
            self._fragmented = first < FIN
        return run.end()

    def _resume(self, data: bytes) -> int:
        """Complete the header that was cut off, and return as `_begin` does."""
        before = len(self._head)
        head, self._head = self._head + data[: MAX_HEADER_SIZE + 2], b""
        return self._begin(head, 0) - before


def close_answer(code: int) -> bytes:
    """The Close frame that answers one with this code (RFC 6455 5.5.1); where it had none, or one
    that no frame may carry (7.4.1), none is said."""
    if code in (1004, NO_CODE, NO_CLOSE, 1015) or not 1000 <= code < 5000:
        return bytes((FIN | CLOSE, 0))
    return close_frame(code)


def close_frame(code: int, reason: str = "", mask: bytes | None = None) -> bytes:
    """A Close frame (RFC 6455 5.5.1), its reason cut to 123 bytes of whole characters.

    Without `mask` it is one for the client; to the app it goes under a mask of 4 bytes (5.3).
    """
    text = reason.encode("utf-8", "replace")[:MAX_REASON_SIZE].decode("utf-8", "ignore")
    payload = code.to_bytes(2, "big") + text.encode()
    if mask is None:
        return bytes((FIN | CLOSE, len(payload))) + payload
    masked = bytes(octet ^ key for octet, key in zip(payload, cycle(mask), strict=False))
    return bytes((FIN | CLOSE, MASKED | len(payload))) + mask + masked
