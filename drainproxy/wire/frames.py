"""Cuts one direction of an HTTP/2 connection into frames as it passes (RFC 9113 4 to 6).

    forward = scanner.feed(data)

Bytes come in as they are read, and what comes back goes on to the receiver: as a rule the very
same bytes. A payload of DATA is never kept. Header blocks and small frames are kept until they are
whole, and whoever extends the scanner is told of each and may put other bytes in its place: such
methods return None for "as it came". An `error` ends the direction: what stood before the wrong
frame has been returned, nothing after it may be fed.
"""

from struct import Struct
from typing import Generic, TypeVar

from drainproxy.wire.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    FIXED_SIZES,
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    HEAD_SIZE,
    HEADERS,
    LEAST_MAX_FRAME,
    MOST_STREAM,
    NAMES,
    OF_A_BLOCK,
    OF_A_STREAM,
    OF_NO_STREAM,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Follower,
    Http2Error,
    append,
    number,
)
from drainproxy.wire.padding import padding_of, prefix_and_part

# 4.1. Bit operations take longer than to unpack one more value: so the first byte of a length comes
# by itself, since it is 0 in most frames, and a stream with the reserved bit is a negative number.
_unpack_head = Struct(">BHBBi").unpack_from
# By the flags of HEADERS, whether its payload is one whole block and nothing else.
_ALL_BLOCK = [f & (END_HEADERS | PADDED | HAS_PRIORITY) == END_HEADERS for f in range(256)]

# A frame that is kept until it is whole has no use for more; header blocks have their own limit.
_MOST_KEPT = LEAST_MAX_FRAME
# What may stand in a frame beside its part of a header block: padding and its length, priority.
_BESIDE_A_BLOCK = 256 + 5
_MOST_CONTINUATIONS = 8
# In bytes. What is made of a longer block is not kept once it has passed: a connection may be idle
# for an hour.
_LONG_BLOCK = 2048
# Bytes that are read at once, in a millisecond or two; payloads that are not read do not count.
_BYTES_AT_ONCE = 8192

# What must come next: anything, the first SETTINGS (3.4), a CONTINUATION (6.10).
_ANYTHING, _FIRST_SETTINGS, _CONTINUATION = range(3)

# 6.8 and 6.5.1
_LEAST_GOAWAY, _SETTING_SIZE = 8, 6

# What waits for the end of a frame.
Ending = TypeVar("Ending")


class FrameScanner(Generic[Ending]):
    """One direction. `max_frame`: the largest payload that the receiver takes; `max_block`: the
    largest header block that we do; in bytes. `unfinished`: a frame or a header block that has to
    be whole has come in part. `data` sets `follower` for a frame that is to be followed, left out
    or not, and `ending` to what is over once the frame has come as a whole. `rest`: what of the
    last data is to be fed later, since enough was read at once. `waiting`: bytes of our own frames
    that wait for their place."""

    __slots__ = (
        "_block",
        "_block_head",
        "_expected",
        "_feeding",
        "_follow_left",
        "_kept",
        "_left",
        "_needed",
        "_own_frames",
        "_pieces",
        "_run",
        "_skipping",
        "ending",
        "error",
        "follower",
        "max_block",
        "max_frame",
        "padding",
        "rest",
        "unfinished",
        "waiting",
    )

    def __init__(self, max_block: int) -> None:
        self.max_frame = LEAST_MAX_FRAME
        self.max_block = max_block
        self.error: Http2Error | None = None
        self.unfinished, self.rest = False, b""
        self.ending: Ending | None = None
        self._expected = _FIRST_SETTINGS
        # The payload that is passing: its bytes to come, and whether they are left out.
        self._left, self._skipping, self.padding = 0, False, 0
        # Who follows it, and how many bytes without padding are to come.
        self.follower: Follower | None = None
        self._follow_left = 0
        # The part of a frame that has to be whole, and how many bytes that takes.
        self._kept = bytearray()
        self._needed = 0
        # The header block that goes on in the next frame: kind, flags, stream and prefix of its
        # first frame, and its parts with their frames as they came.
        self._block_head = (HEADERS, 0, 0, b"")
        self._block: list[tuple[bytes, bytes]] = []
        # What `feed` returns: these, and the run of bytes since `_run` that go on as they came.
        self._pieces: list[bytes] = []
        self._run = 0
        # Frames of our own that wait for a place between two others.
        self._own_frames: list[bytes] = []
        self.waiting, self._feeding = 0, False

    # What the one who extends this is told

    def data(self, stream: int, flags: int, length: int) -> bool:
        """DATA begins, `padding` included in `length` if it is PADDED, stream 0 not excluded; False
        to leave it out."""
        raise NotImplementedError

    def ended(self, ending: Ending) -> None:
        """The DATA has come as a whole that `ending` has waited for."""
        raise NotImplementedError

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        """A header block is whole; `priority` is what stands before it if HAS_PRIORITY is set."""
        raise NotImplementedError

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        """PUSH_PROMISE and its header block are whole."""
        raise NotImplementedError

    def forget_block(self) -> None:
        """The header block that was told of last is long, and not needed any more."""
        raise NotImplementedError

    def reset(self, stream: int, code: int) -> bytes | None:
        """RST_STREAM."""
        raise NotImplementedError

    def window_update(self, stream: int, increment: int) -> bytes | None:
        """WINDOW_UPDATE; 0 for the whole connection."""
        raise NotImplementedError

    def priority(self, stream: int) -> bytes | None:
        """PRIORITY."""
        raise NotImplementedError

    def settings(self, payload: bytes) -> bytes | None:
        """SETTINGS that are no acknowledgement."""
        raise NotImplementedError

    def settings_acknowledged(self) -> bytes | None:
        """SETTINGS of the other direction took effect."""
        raise NotImplementedError

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        """PING."""
        raise NotImplementedError

    def goaway(self, payload: bytes) -> bytes | None:
        """GOAWAY."""
        raise NotImplementedError

    def unknown(self, stream: int) -> bool:
        """A frame of a type that RFC 9113 does not know begins; False to leave it out."""
        raise NotImplementedError

    # Where the direction stands

    @property
    def begun(self) -> bool:
        """The first SETTINGS have passed."""
        return self._expected != _FIRST_SETTINGS

    @property
    def between_frames(self) -> bool:
        """What the receiver has got ends with a whole frame, and began with SETTINGS."""
        return (not self._left or self._skipping) and self._expected != _FIRST_SETTINGS

    def take_rest(self) -> bytes:
        """`rest`, which is nobody's business here any more."""
        rest, self.rest = self.rest, b""
        return rest

    def say(self, frame: bytes) -> bytes:
        """Put a frame of ours into this direction: what is returned must be written at once; if
        that is nothing, the frame will be in what `feed` returns."""
        if self.between_frames and not self._feeding:
            return frame
        self.waiting += append(self._own_frames, frame)
        return b""

    # Hot: called for each piece of data; most pass through the first branches.
    def feed(self, data: bytes) -> bytes:  # noqa: C901
        """What goes on to the receiver, now that `data` has come."""
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return b""
            data = bytes(self._kept)
            self._kept.clear()
        at, end = self._left, len(data)
        if self.follower is not None:
            self._follow_on(data)
            data = data[: (end := end - len(self.rest))]
        if at > end:
            self._left -= end
            return b"" if self._skipping else data
        self._left = 0
        self._run = at if self._skipping else 0
        self._skipping = False
        if (ending := self.ending) is not None:
            self.ending = None
            self.ended(ending)
        self._feeding = True
        if self._own_frames:
            self.put_own_frames(data, at)
        at = self._scan(data, at)
        end -= len(self.rest)
        self._feeding = False
        if at < end:
            if self.error is None:
                self._kept += data[at:]
            end = at
        else:
            self._left = at - end
        self.unfinished = bool(self._kept) or self._expected == _CONTINUATION
        if self._own_frames:
            self.put_own_frames(data, end)
        if not self._pieces:
            return data if not self._run and end == len(data) else data[self._run : end]
        self._pieces.append(data[self._run : end])
        whole, self._pieces = b"".join(self._pieces), []
        return whole

    def _follow(self, data: bytes, at: int, stop: int, flags: int) -> int:
        """The follower sees what is here of the frame whose payload begins at `at`."""
        if flags & PADDED:
            at, stop = at + 1, stop - data[at]
        self._follow_left = stop - at
        return self._follow_on(data, at)

    def _follow_on(self, data: bytes, at: int = 0) -> int:
        """In how many steps; there is a `rest` if it has read enough at once."""
        end = min(at + self._follow_left, len(data))
        assert self.follower is not None
        read, steps = self.follower.feed(data, at, end)
        self._follow_left -= read - at
        if read < end:
            self.rest = data[read:]
        elif not self._follow_left:
            self.follower = None
        return steps

    def put_own_frames(self, data: bytes, at: int) -> None:
        """What waits has its place before `data` from `at` on, unless a frame is passing there."""
        if self.between_frames:
            self._pieces += data[self._run : at], *self._own_frames
            self._run = at
            self._own_frames.clear()
            self.waiting = 0

    # Hot, and so one function: a call for each frame would cost more than reading its head.
    def _scan(self, data: bytes, at: int) -> int:  # noqa: C901
        """Work off the frames from `at` on. Returns where the first one begins that is not whole
        or is wrong, or with which `rest` begins; without one, where the last one ends, which may be
        beyond the data."""
        end, most, steps = len(data), self.max_frame, 0
        bound = min(at + _BYTES_AT_ONCE, end)
        try:
            while (payload := at + HEAD_SIZE) <= bound:
                high, length, kind, flags, stream = _unpack_head(data, at)
                if high:
                    length |= high << 16
                if stream < 0:
                    stream &= MOST_STREAM
                stop = payload + length
                if length > most:
                    raise Http2Error(FRAME_SIZE_ERROR, "a frame is over MAX_FRAME_SIZE")
                if self._expected:
                    self._check_expected(kind, flags, stream)
                if kind == DATA:
                    if bound < end:
                        bound = min(bound + length, end)
                    if flags >= PADDED and flags & PADDED:
                        self.padding = padding_of(data, at, stop)
                        if not self.padding:
                            self._needed = HEAD_SIZE + 1
                            return at
                    if not self.data(stream, flags, length):
                        self._skip(data, at, stop)
                    at = stop
                    if self.follower is not None:
                        steps += self._follow(data, payload, stop, flags)
                        bound = at if steps * HEAD_SIZE > _BYTES_AT_ONCE else bound
                        if self.rest:
                            self._skipping = self._run == stop
                            return at
                    if (ending := self.ending) is not None and stop <= end:
                        self.ending = None
                        self.ended(ending)
                    continue
                if kind == HEADERS and _ALL_BLOCK[flags] and stop <= end:
                    if length > self.max_block:
                        raise _too_long(self.max_block)
                    if not stream:
                        raise Http2Error(PROTOCOL_ERROR, "HEADERS of no stream")
                    instead = self.headers(stream, flags, b"", data[payload:stop])
                    if length > _LONG_BLOCK:
                        self.forget_block()
                elif kind > CONTINUATION:
                    bound = min(bound + length, end)
                    if not self.unknown(stream):
                        self._skip(data, at, stop)
                    at = stop
                    continue
                elif stop > end:
                    self._check_size(kind, length)
                    self._needed = stop - at
                    return at
                else:
                    instead = self._special(kind, flags, stream, data[at:stop])
                    # These may be the SETTINGS that say so.
                    most = self.max_frame
                if instead is not None:
                    self._pieces += data[self._run : at], instead
                    self._run = stop
                at = stop
        except Http2Error as error:
            self.error = error
            return at
        if payload <= end:
            self.rest = data[at:]
        self._needed = HEAD_SIZE
        return at

    def _skip(self, data: bytes, at: int, stop: int) -> None:
        """The frame from `at` to `stop` is left out."""
        self._skipping = stop > len(data)
        self._pieces.append(data[self._run : at])
        self._run = stop

    def _check_expected(self, kind: int, flags: int, stream: int) -> None:
        if self._expected == _CONTINUATION:
            if kind != CONTINUATION or stream != self._block_head[2]:
                raise Http2Error(PROTOCOL_ERROR, "a header block is torn by another frame")
        elif kind != SETTINGS or flags & ACK:
            raise Http2Error(PROTOCOL_ERROR, "the connection does not begin with SETTINGS")

    def _check_size(self, kind: int, length: int) -> None:
        """A frame that is kept until it is whole must not be longer than it can ever mean."""
        size = FIXED_SIZES.get(kind)
        if size is not None and length != size:
            raise Http2Error(FRAME_SIZE_ERROR, f"a {NAMES[kind]} of {length} bytes")
        if kind in OF_A_BLOCK:
            if length > self.max_block + _BESIDE_A_BLOCK:
                raise _too_long(self.max_block)
        elif length > _MOST_KEPT:
            raise Http2Error(ENHANCE_YOUR_CALM, f"a {NAMES[kind]} of {length} bytes")

    def _special(self, kind: int, flags: int, stream: int, raw: bytes) -> bytes | None:
        """Any frame but DATA, those of unknown types, and the usual HEADERS."""
        self._check_size(kind, len(raw) - HEAD_SIZE)
        if (kind in OF_A_STREAM and not stream) or (kind in OF_NO_STREAM and stream):
            raise Http2Error(PROTOCOL_ERROR, f"{NAMES[kind]} of stream {stream}")
        payload = raw[HEAD_SIZE:]
        if kind == WINDOW_UPDATE:
            return self.window_update(stream, number(payload) & MOST_STREAM)
        if kind == RST_STREAM:
            return self.reset(stream, number(payload))
        if kind in OF_A_BLOCK:
            return self._block_part(kind, flags, stream, payload, raw)
        if kind == PING:
            return self.ping(payload, ack=bool(flags & ACK))
        if kind == SETTINGS:
            return self._settings(payload, ack=bool(flags & ACK))
        if kind == PRIORITY:
            return self.priority(stream)
        if len(payload) < _LEAST_GOAWAY:
            raise Http2Error(FRAME_SIZE_ERROR, f"a GOAWAY of {len(payload)} bytes")
        return self.goaway(payload)

    def _settings(self, payload: bytes, *, ack: bool) -> bytes | None:
        if len(payload) % _SETTING_SIZE or (ack and payload):
            raise Http2Error(FRAME_SIZE_ERROR, f"SETTINGS of {len(payload)} bytes")
        if ack:
            return self.settings_acknowledged()
        instead = self.settings(payload)
        # Not before: those that are refused have not begun anything.
        self._expected = _ANYTHING
        return instead

    # Header blocks

    def _block_part(
        self, kind: int, flags: int, stream: int, payload: bytes, raw: bytes
    ) -> bytes | None:
        if kind == CONTINUATION:
            if self._expected != _CONTINUATION:
                raise Http2Error(PROTOCOL_ERROR, "CONTINUATION of no header block")
            part = payload
        else:
            prefix, part = prefix_and_part(kind, flags, payload)
            self._block_head = kind, flags, stream, prefix
        self._block.append((part, raw))
        if sum([len(part) for part, _ in self._block]) > self.max_block:
            raise _too_long(self.max_block)
        if not flags & END_HEADERS:
            if len(self._block) > _MOST_CONTINUATIONS:
                reason = "a header block in too many frames"
                raise Http2Error(ENHANCE_YOUR_CALM, reason, "continuations", len(self._block))
            self._expected = _CONTINUATION
            return b""
        return self._block_ended()

    def _block_ended(self) -> bytes | None:
        kind, flags, stream, prefix = self._block_head
        block = b"".join([part for part, _ in self._block])
        raw = b"".join([each for _, each in self._block])
        self._block.clear()
        self._expected = _ANYTHING
        if kind == HEADERS:
            instead = self.headers(stream, flags, prefix, block)
        else:
            instead = self.push(stream, number(prefix) & MOST_STREAM, block)
        if len(block) > _LONG_BLOCK:
            self.forget_block()
        return raw if instead is None else instead


def _too_long(most: int) -> Http2Error:
    return Http2Error(ENHANCE_YOUR_CALM, f"a header block is over {most} bytes")
