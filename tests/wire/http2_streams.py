"""Streams of HTTP/2 frames, each with what it must be told as, and a scanner that notes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from zlib import crc32

from hyperframe.frame import Frame
from hypothesis import strategies as st

from drainproxy.wire.frames import FrameScanner
from drainproxy.wire.http2 import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Error,
)
from tests.wire.drawn import one_of_each

RESERVED = 1 << 31
MOST_BLOCK = 200
MOST_CONTINUATIONS = 8

Told = tuple[Any, ...]
Rule = Callable[[Told], bytes | None]


@dataclass(frozen=True, slots=True)
class Wire:
    """One frame as hostile as its head allows."""

    kind: int
    flags: int = 0
    stream: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        length = len(self.payload).to_bytes(3, "big")
        return (
            length + bytes((self.kind, self.flags)) + self.stream.to_bytes(4, "big") + self.payload
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """What passes or does not pass as a whole: a frame, or those of a header block."""

    frames: tuple[Wire, ...]
    told: Told

    def encode(self) -> bytes:
        return b"".join(frame.encode() for frame in self.frames)

    def passed(self, rule: Rule) -> bytes:
        """What must come of it."""
        instead = rule(self.told)
        if instead is None:
            return self.encode()
        return b"" if self.told[0] in ("data", "unknown") else instead


def encoded(units: Iterable[Unit]) -> bytes:
    return b"".join(unit.encode() for unit in units)


def as_it_came(told: Told) -> bytes | None:
    return None


INSTEAD = Wire(PING, 0, 0, b"instead!").encode() * 2


def rule_of(seed: int, *, raises: bool = False) -> Rule:
    """Leaves out and replaces some frames, by what they say; never SETTINGS."""

    def rule(told: Told) -> bytes | None:
        number = crc32(repr(told).encode(), seed) % 10
        if raises and not number:
            raise Http2Error(CANCEL, "not this one", "a budget")
        if told[0] == "settings" or number > 4:
            return None
        return b"" if number > 2 else INSTEAD

    return rule


class Recorder(FrameScanner[int]):
    """Notes what it is told; `rule` says what takes the place of a frame."""

    def __init__(self, rule: Rule = as_it_came, max_block: int = MOST_BLOCK) -> None:
        super().__init__(max_block)
        self.told: list[Told] = []
        self.rule = rule

    def note(self, *told: object) -> bytes | None:
        self.told.append(told)
        return self.rule(told)

    def data(self, stream: int, flags: int, length: int) -> bool:
        return self.note("data", stream, flags, length) is None

    def ended(self, ending: int) -> None:
        self.told.append(("ended", ending))

    def headers(self, stream: int, flags: int, priority: bytes, block: bytes) -> bytes | None:
        return self.note("headers", stream, flags, priority, block)

    def push(self, stream: int, promised: int, block: bytes) -> bytes | None:
        return self.note("push", stream, promised, block)

    def forget_block(self) -> None:
        self.told.append(("forget",))

    def reset(self, stream: int, code: int) -> bytes | None:
        return self.note("reset", stream, code)

    def window_update(self, stream: int, increment: int) -> bytes | None:
        return self.note("window_update", stream, increment)

    def priority(self, stream: int) -> bytes | None:
        return self.note("priority", stream)

    def settings(self, payload: bytes) -> bytes | None:
        return self.note("settings", payload)

    def settings_acknowledged(self) -> bytes | None:
        return self.note("settings_acknowledged")

    def ping(self, data: bytes, *, ack: bool) -> bytes | None:
        return self.note("ping", data, ack)

    def goaway(self, payload: bytes) -> bytes | None:
        return self.note("goaway", payload)

    def unknown(self, stream: int) -> bool:
        return self.note("unknown", stream) is None


FIRST = Unit((Wire(SETTINGS),), ("settings", b""))

STREAMS = range(1, 5)
# Those that mean nothing: they change nothing.
ODD_FLAGS = [0, 0, 0, 0x10, 0x40, 0x80]
PADDINGS = [*[None] * 5, *range(5)]
# 4.1: the bit before the identifier means nothing. Which of the frames have it.
HAVE_RESERVED_BIT = [*[0] * 6, 1, 2, 0x1FF]


def unit(frames: Iterable[Wire], told: Told, have_reserved_bit: int) -> Unit:
    bits = (RESERVED * (have_reserved_bit >> place & 1) for place in count())
    both = zip(frames, bits, strict=False)
    return Unit(tuple(replace(each, stream=each.stream | bit) for each, bit in both), told)


def with_padding(flags: int, payload: bytes, size: int | None) -> tuple[int, bytes]:
    if size is None:
        return flags, payload
    return flags | PADDED, bytes((size,)) + payload + b"\0" * size


def data_unit(of: list[Any], payload: bytes) -> Unit:
    odd, end, padding, stream, reserved = of
    flags, payload = with_padding(odd | end, payload, padding)
    told = ("data", stream, flags, len(payload))
    return unit([Wire(DATA, flags, stream, payload)], told, reserved)


def block_unit(of: list[Any], parts: list[bytes], prior: bytes) -> Unit:
    """HEADERS, or PUSH_PROMISE where there is a stream that is promised."""
    odd, flags, promised, padding, stream, reserved = of
    flags = odd if promised else odd | flags
    prefix = promised.to_bytes(4, "big") if promised else prior * bool(flags & HAS_PRIORITY)
    if len(parts) == 1:
        flags |= END_HEADERS
    flags, payload = with_padding(flags, prefix + parts[0], padding)
    frames = [Wire(PUSH_PROMISE if promised else HEADERS, flags, stream, payload)]
    frames += [Wire(CONTINUATION, 0, stream, part) for part in parts[1:]]
    frames[-1] = replace(frames[-1], flags=frames[-1].flags | END_HEADERS)
    block = b"".join(parts)
    told = (
        ("push", stream, promised, block) if promised else ("headers", stream, flags, prefix, block)
    )
    return unit(frames, told, reserved)


def other_unit(of: list[Any], eight: bytes) -> Unit:
    which, flags, stream, number, bit, kind = of
    some, reserved = number.to_bytes(4, "big"), (number | bit).to_bytes(4, "big")
    frame, told = [
        (Wire(PRIORITY, flags, stream, some + b"\x10"), ("priority", stream)),
        (Wire(RST_STREAM, flags, stream, some), ("reset", stream, number)),
        (Wire(SETTINGS, flags, 0, b"\0\x04" + some), ("settings", b"\0\x04" + some)),
        (Wire(SETTINGS, flags | ACK), ("settings_acknowledged",)),
        (Wire(PING, flags, 0, eight), ("ping", eight, False)),
        (Wire(PING, flags | ACK, 0, eight), ("ping", eight, True)),
        (Wire(GOAWAY, flags, 0, eight + some), ("goaway", eight + some)),
        (Wire(WINDOW_UPDATE, flags, 0, reserved), ("window_update", 0, number)),
        (Wire(WINDOW_UPDATE, flags, stream, reserved), ("window_update", stream, number)),
        (Wire(kind, flags, stream, eight), ("unknown", stream)),
        (Wire(kind, flags, 0), ("unknown", 0)),
    ][which]
    return Unit((frame,), told)


def parts_of(drawn: bytes) -> list[bytes]:
    """A block in up to three frames, or in as many as may be."""
    many = drawn[0] % 6
    if many > 3:
        return [b"x"] * (1 + MOST_CONTINUATIONS)
    size = 1 + (len(drawn) - 1) // max(1, many)
    return [drawn[1 + at * size :][:size] for at in range(many)] or [b""]


valid_units = (
    st.builds(
        data_unit,
        one_of_each(ODD_FLAGS, [0, END_STREAM], PADDINGS, STREAMS, HAVE_RESERVED_BIT),
        st.binary(max_size=20),
    )
    | st.builds(
        block_unit,
        one_of_each(
            ODD_FLAGS,
            [0, END_STREAM, HAS_PRIORITY],
            [*[0] * 4, 2, 4, 6, 8],
            *(PADDINGS, STREAMS, HAVE_RESERVED_BIT),
        ),
        st.binary(min_size=4, max_size=36).map(parts_of),
        st.binary(min_size=5, max_size=5),
    )
    | st.builds(
        other_unit,
        one_of_each(
            *(range(11), ODD_FLAGS, STREAMS, [1, 8, 2**31 - 1], [0, RESERVED], range(10, 256))
        ),
        st.binary(min_size=8, max_size=8),
    )
)
valid_streams = st.lists(valid_units, max_size=12).map(lambda units: [FIRST, *units])


def cut(data: bytes) -> list[tuple[Frame, bytes]]:
    """The frames that another parser sees, each with all its bytes."""
    frames = []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        assert len(data) >= 9 + length, "a frame is not whole"
        frames.append((frame, data[: 9 + length]))
        data = data[9 + length :]
    return frames


def parsed(data: bytes) -> list[Frame]:
    """The frames that another parser reads."""
    frames = []
    for frame, raw in cut(data):
        frame.parse_body(memoryview(raw)[9:])
        frames.append(frame)
    return frames


class Body:
    """Sees the DATA of a stream, so many bytes at once, in a step for each if that is `costly`."""

    def __init__(self, most: int = 2**24, *, costly: bool = True) -> None:
        self.seen = b""
        self._most = most
        self._costly = costly

    def feed(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        stop = min(start + self._most, end)
        self.seen += data[start:stop]
        return stop, (stop - start) * self._costly


def padded(stream: int, body: bytes, pad: int | None) -> bytes:
    if pad is None:
        return Wire(DATA, 0, stream, body).encode()
    return Wire(DATA, PADDED, stream, bytes((pad,)) + body + bytes(pad)).encode()
