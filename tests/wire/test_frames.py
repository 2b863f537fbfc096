"""What is told of each frame, what passes, and which frames end a direction with which error."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.frames import FrameScanner
from drainproxy.wire.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEAD_SIZE,
    HEADERS,
    LEAST_MAX_FRAME,
    PADDED,
    PING,
    PROTOCOL_ERROR,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Error,
)
from tests.conftest import well_formed
from tests.wire.http2_edges import BEFORE, BEGINNINGS, FINE, UNKNOWN, WRONG
from tests.wire.http2_streams import (
    FIRST,
    INSTEAD,
    MOST_BLOCK,
    MOST_CONTINUATIONS,
    Body,
    Recorder,
    Rule,
    Told,
    Unit,
    Wire,
    as_it_came,
    encoded,
    padded,
    rule_of,
    valid_streams,
)

LARGEST = 2**24 - 1
SOME, SOME_TOLD = Wire(PING, 0, 0, b"see you!").encode(), ("ping", b"see you!", False)


def begun(rule: Rule = as_it_came, *, max_block: int = MOST_BLOCK) -> Recorder:
    """A scanner that has passed the first SETTINGS."""
    scanner = Recorder(as_it_came, max_block)
    assert scanner.feed(FIRST.encode()) == FIRST.encode()
    scanner.told.clear()
    scanner.rule = rule
    return scanner


def all_of(scanner: Recorder, data: bytes) -> bytes:
    """What passes of it, in as many turns as that takes."""
    passed = scanner.feed(data)
    return passed + (all_of(scanner, scanner.take_rest()) if scanner.rest else b"")


def leaving_out(*kinds: str) -> Rule:
    return lambda told: b"" if told[0] in kinds else None


# What passes.


@well_formed
@given(valid_streams)
def test_a_stream_that_breaks_no_rule_passes_and_is_told_frame_by_frame(units: list[Unit]) -> None:
    stream, scanner = encoded(units), Recorder()
    assert scanner.feed(stream) == stream
    assert scanner.error is None
    assert scanner.told == [unit.told for unit in units]
    assert scanner.between_frames
    assert not scanner.unfinished


@well_formed
@given(valid_streams, st.integers(0, 2**32 - 1))
def test_others_take_the_place_of_frames_and_of_whole_header_blocks(
    units: list[Unit], seed: int
) -> None:
    rule = rule_of(seed)
    scanner = Recorder(rule)
    assert scanner.feed(encoded(units)) == b"".join(unit.passed(rule) for unit in units)
    assert scanner.told == [unit.told for unit in units]


@pytest.mark.parametrize(("wire", "told"), FINE)
def test_a_frame_at_the_edge_of_what_is_right_passes(wire: Wire, told: Told) -> None:
    scanner = begun()
    assert all_of(scanner, wire.encode() + SOME) == wire.encode() + SOME
    assert scanner.told == [told, SOME_TOLD]


@pytest.mark.parametrize("kind", ["data", "unknown"])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_frame_is_left_out_wholly_however_it_comes(kind: str, size: int) -> None:
    left_out = Wire(DATA if kind == "data" else UNKNOWN, 0, 1, b"x" * size).encode()
    passes = Wire(UNKNOWN if kind == "data" else DATA, 0, 3, b"y" * 20).encode()
    for step in range(1, 40):
        scanner = begun(leaving_out(kind))
        stream = left_out * 2 + SOME + left_out + passes
        pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
        assert b"".join(map(scanner.feed, pieces)) == SOME + passes
        assert scanner.between_frames


@pytest.mark.parametrize("left_out", [False, True])
def test_a_payload_is_not_kept_but_goes_on_at_once_or_never(left_out: bool) -> None:
    scanner = begun(leaving_out("data") if left_out else as_it_came)
    scanner.max_frame = LARGEST
    head, piece = Wire(DATA, 0, 1, b"x" * LARGEST).encode()[:HEAD_SIZE], b"x" * 65536
    assert scanner.feed(head) == (b"" if left_out else head)
    assert scanner.told == [("data", 1, 0, LARGEST)]
    tracemalloc.start()
    try:
        for _ in range(LARGEST // len(piece)):
            assert scanner.feed(piece) is (b"" if left_out else piece)
            assert scanner.between_frames is left_out
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()
    rest = piece[1:]
    assert scanner.feed(rest + SOME) == (SOME if left_out else rest + SOME)


def test_what_passes_as_it_came_is_not_copied() -> None:
    scanner = begun()
    for data in SOME * 2, SOME + Wire(DATA, 0, 1, b"x" * 10).encode()[:-5], b"x" * 5 + SOME:
        assert scanner.feed(data) is data


@pytest.mark.parametrize(("flags", "head"), [(0, HEAD_SIZE), (PADDED, HEAD_SIZE + 1)])
def test_a_payload_goes_on_as_soon_as_its_head_is_there(flags: int, head: int) -> None:
    scanner = begun()
    large, data = Wire(GOAWAY, 0, 0, b"x" * 100).encode(), Wire(DATA, flags, 1, b"\0" * 5).encode()
    for end in range(head):
        assert scanner.feed(large[:20]) == b""
        assert scanner.feed(large[20:] + data[:end]) == large
        assert scanner.feed(data[end : head - 1]) == b""
        assert scanner.feed(data[head - 1 : head]) == data[:head]
        assert scanner.feed(data[head:]) == data[head:]


class Counting(Recorder):
    """Counts how often it looks for frames."""

    scans = 0

    def _scan(self, data: bytes, at: int) -> int:
        self.scans += 1
        return super()._scan(data, at)


def test_a_frame_that_comes_byte_by_byte_is_not_read_anew_with_each() -> None:
    scanner = Counting()
    for byte in Wire(SETTINGS, 0, 0, b"\0" * 6000).encode():
        scanner.feed(bytes((byte,)))
    assert scanner.begun
    assert scanner.scans == 3  # for its first byte, when its head is there, and when it is whole


# Errors.


def test_a_direction_begins_with_settings() -> None:
    scanner = Recorder()
    assert (scanner.begun, scanner.unfinished, scanner.between_frames) == (False, False, False)
    first = Wire(SETTINGS, 0, 0, b"\0\3\0\0\0\1").encode()
    assert scanner.feed(first[:-1]) == b""
    assert (scanner.begun, scanner.unfinished, scanner.between_frames) == (False, True, False)
    assert scanner.feed(first[-1:] + SOME) == first + SOME
    assert (scanner.begun, scanner.unfinished, scanner.between_frames) == (True, False, True)


@pytest.mark.parametrize(
    "wire",
    [
        Wire(SETTINGS, ACK),
        Wire(PING, 0, 0, b"x" * 8),
        Wire(HEADERS, END_HEADERS, 1),
        Wire(DATA, 0, 1, b"x"),
        Wire(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
        Wire(GOAWAY, 0, 0, b"x" * 8),
        Wire(CONTINUATION, END_HEADERS, 1),
        Wire(UNKNOWN),
    ],
    ids=lambda wire: f"{wire.kind}",
)
def test_nothing_else_begins_a_direction(wire: Wire) -> None:
    scanner = Recorder()
    assert scanner.feed(wire.encode() + FIRST.encode()) == b""
    assert scanner.error is not None
    assert scanner.error.code == PROTOCOL_ERROR
    assert scanner.told == []
    assert not scanner.begun


def refuse(told: Told) -> bytes | None:
    raise Http2Error(ENHANCE_YOUR_CALM, "enough", "a budget")


def test_settings_that_are_refused_have_not_begun_a_direction() -> None:
    scanner = Recorder(refuse)
    assert scanner.say(SOME) == b""
    assert scanner.feed(FIRST.encode()) == b""
    assert not scanner.begun
    assert scanner.say(SOME) == b""


def fed_until_an_error(stream: bytes, step: int) -> tuple[Recorder, bytes]:
    """A scanner that got as much of the stream as it takes, and what has passed."""
    scanner, passed = begun(), b""
    for at in range(0, len(stream), step):
        if scanner.error is None:
            passed += scanner.feed(stream[at : at + step])
    return scanner, passed


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(("code", "budget", "wrong"), WRONG)
def test_what_stands_before_a_wrong_frame_passes_and_nothing_else(
    code: int, budget: str, wrong: bytes, before: int
) -> None:
    stream = SOME * before + wrong + SOME
    for step in len(stream), 1:
        scanner, passed = fed_until_an_error(stream, step)
        assert scanner.error is not None
        assert (scanner.error.code, scanner.error.budget) == (code, budget)
        assert scanner.error.reason
        assert passed == SOME * before
        assert scanner.told == [SOME_TOLD] * before


def test_frames_are_as_large_as_the_receiver_takes() -> None:
    scanner = begun()
    scanner.max_frame = 20_000
    large, too_large = (Wire(UNKNOWN, 0, 0, b"x" * size).encode() for size in (20_000, 20_001))
    assert scanner.feed(large) == large
    assert scanner.feed(too_large[:HEAD_SIZE]) == b""
    assert scanner.error is not None
    assert scanner.error.code == FRAME_SIZE_ERROR


@pytest.mark.parametrize("kind", [SETTINGS, GOAWAY])
@pytest.mark.parametrize("whole", [False, True])
def test_what_must_be_kept_until_it_is_whole_has_a_limit_of_its_own(kind: int, whole: bool) -> None:
    scanner = begun()
    scanner.max_frame = LARGEST
    frame = Wire(kind, 0, 0, b"x" * 16386).encode()
    assert scanner.feed(frame if whole else frame[:HEAD_SIZE]) == b""
    assert scanner.error is not None
    assert scanner.error.code == ENHANCE_YOUR_CALM


def test_whoever_is_told_may_refuse_and_then_nothing_more_passes() -> None:
    for wire in Wire(DATA, 0, 1, b"x"), Wire(UNKNOWN), Wire(PING, 0, 0, b"x" * 8):
        scanner = begun()
        scanner.feed(SOME)
        scanner.rule = refuse
        assert scanner.feed(wire.encode() + SOME) == b""
        assert scanner.error is not None
        assert (scanner.error.code, scanner.error.budget) == (ENHANCE_YOUR_CALM, "a budget")
        assert len(scanner.told) == 2
        assert not scanner.unfinished


# Header blocks in more than one frame.


@pytest.mark.parametrize(("first", "told"), BEGINNINGS)
@pytest.mark.parametrize("instead", [None, b"", INSTEAD])
def test_a_header_block_waits_for_its_end_and_passes_as_a_whole(
    first: Wire, told: Told, instead: bytes | None
) -> None:
    scanner = begun(lambda told: instead)
    frames = [first, Wire(CONTINUATION, 0, 1), Wire(CONTINUATION, PADDED, 1, b"two ")]
    for frame in frames:
        assert scanner.feed(frame.encode()) == b""
        assert scanner.unfinished
        assert scanner.between_frames
        assert scanner.told == []
    frames.append(Wire(CONTINUATION, END_HEADERS, 1, b"three"))
    whole = b"".join(frame.encode() for frame in frames) if instead is None else instead
    assert scanner.feed(frames[-1].encode()) == whole
    assert scanner.told == [(*told, b"one two three")]
    assert not scanner.unfinished


@pytest.mark.parametrize("first", [first for first, _ in BEGINNINGS])
@pytest.mark.parametrize("part", [b"", b"x" * (MOST_BLOCK - len(b"one "))])
def test_a_header_block_may_use_up_all_its_frames_and_bytes(first: Wire, part: bytes) -> None:
    more = Wire(CONTINUATION, 0, 1).encode() * (MOST_CONTINUATIONS - 1)
    whole = first.encode() + more + Wire(CONTINUATION, END_HEADERS, 1, part).encode()
    assert begun().feed(whole) == whole


def test_a_header_block_may_be_larger_than_a_frame() -> None:
    scanner = begun(max_block=3 * LEAST_MAX_FRAME)
    part = b"x" * LEAST_MAX_FRAME
    frames = [Wire(HEADERS, 0, 1, part), *[Wire(CONTINUATION, 0, 1, part)] * 2]
    whole = b"".join(f.encode() for f in [*frames, Wire(CONTINUATION, END_HEADERS, 1)])
    assert all_of(scanner, whole) == whole
    assert scanner.told == [("headers", 1, 0, b"", part * 3), ("forget",)]


def test_of_a_long_block_it_is_told_when_it_is_not_needed_any_more() -> None:
    scanner = begun(max_block=5000)
    for size in 2048, 2049:
        scanner.feed(Wire(HEADERS, END_HEADERS, 1, b"x" * size).encode())
    assert [told[0] for told in scanner.told] == ["headers", "headers", "forget"]


# Frames of our own.


def test_what_is_said_between_frames_is_written_at_once() -> None:
    scanner = begun()
    assert scanner.say(SOME) == SOME
    assert scanner.feed(SOME[:5]) == b""
    assert scanner.say(SOME) == SOME
    assert scanner.feed(SOME[5:]) == SOME


def test_what_is_said_before_the_first_settings_waits_for_them() -> None:
    scanner = Recorder()
    assert scanner.say(b"one") == scanner.say(b"two") == b""
    assert scanner.feed(FIRST.encode()[:5]) == b""
    assert scanner.waiting == len(b"onetwo")
    assert scanner.feed(FIRST.encode()[5:]) == FIRST.encode() + b"onetwo"
    assert scanner.waiting == 0
    assert scanner.feed(SOME) == SOME


@pytest.mark.parametrize("left_out", [False, True])
def test_what_is_said_inside_data_waits_for_its_end_if_that_passes(left_out: bool) -> None:
    scanner = begun(leaving_out("data") if left_out else as_it_came)
    data = Wire(DATA, 0, 1, b"x" * 10).encode()
    passed = scanner.feed(data[:-2]) + scanner.say(INSTEAD) + scanner.feed(data[-2:-1])
    # Of a frame that is left out the receiver is not in the middle.
    assert passed == (INSTEAD if left_out else data[:-1])
    assert scanner.feed(data[-1:] + SOME) == (b"" if left_out else b"x" + INSTEAD) + SOME


def test_what_is_said_inside_a_header_block_stands_before_it() -> None:
    scanner = begun()
    first = Wire(HEADERS, 0, 1, b"one ").encode()
    last = Wire(CONTINUATION, END_HEADERS, 1, b"two").encode()
    assert scanner.feed(first) == b""
    assert scanner.say(INSTEAD) == INSTEAD
    assert scanner.feed(last) == first + last


@pytest.mark.parametrize("error", [False, True])
def test_what_is_said_of_a_frame_goes_out_with_what_that_frame_came_in(error: bool) -> None:
    scanner = begun()

    def answer(told: Told) -> bytes | None:
        assert scanner.say(INSTEAD) == b""
        return refuse(told) if error else b""

    scanner.rule = answer
    assert scanner.feed(SOME) == INSTEAD
    scanner.rule = as_it_came
    assert scanner.feed(SOME) == SOME


def test_every_frame_is_told_to_whoever_extends_the_scanner() -> None:
    scanner = FrameScanner[int](MOST_BLOCK)
    hooks: list[Callable[[], object]] = [
        lambda: scanner.ended(1),
        lambda: scanner.data(1, 0, 0),
        lambda: scanner.headers(1, 0, b"", b""),
        lambda: scanner.push(1, 2, b""),
        scanner.forget_block,
        lambda: scanner.reset(1, 0),
        lambda: scanner.window_update(0, 1),
        lambda: scanner.priority(1),
        lambda: scanner.settings(b""),
        scanner.settings_acknowledged,
        lambda: scanner.ping(b"", ack=False),
        lambda: scanner.goaway(b""),
        lambda: scanner.unknown(1),
    ]
    for hook in hooks:
        with pytest.raises(NotImplementedError):
            hook()


# Who follows a stream


@pytest.mark.parametrize("size", [11, 12, 100])
def test_a_follower_sees_the_data_without_padding_as_it_comes(size: int) -> None:
    body = Body()

    def rule(told: Told) -> bytes | None:
        scanner.follower = body if told[:2] == ("data", 1) else None
        return None

    scanner = begun(rule)
    whole = padded(1, b"abcdefgh", 2) + padded(3, b"ij", 2) + padded(1, b"kl", None)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert b"".join(map(scanner.feed, pieces)) == whole
    assert body.seen == b"abcdefghkl"


@pytest.mark.parametrize("left_out", [False, True])
def test_a_follower_that_has_read_enough_ends_the_turn(left_out: bool) -> None:
    body = Body(3)

    def rule(told: Told) -> bytes | None:
        scanner.follower = body if told[0] == "data" else None
        return b"" if left_out and told[0] == "data" else None

    scanner = begun(rule)
    whole = padded(1, b"abcdefgh", 2) + SOME
    passed = scanner.feed(whole[:14])
    # Of a frame whose head came before no more is read at once.
    for seen in b"abc", b"abcd", b"abcdefg":
        assert body.seen == seen
        assert scanner.between_frames == left_out
        passed += scanner.feed(scanner.take_rest() or whole[14:])
    assert (body.seen, scanner.rest, scanner.error) == (b"abcdefgh", b"", None)
    assert passed == (SOME if left_out else whole)


@pytest.mark.parametrize("size", [1, 9, 12, 100])
def test_who_waits_for_the_end_of_data_hears_of_it_when_the_last_byte_has_come(size: int) -> None:
    def rule(told: Told) -> bytes | None:
        scanner.ending = told[1] if told[0] == "data" and told[1] == 3 else None
        return None

    scanner = begun(rule)
    coded = padded(1, b"abc", None) + padded(3, b"", None) + padded(3, b"abc", 2) + b"\0"
    ends = [(at, stream) for at, stream in [(21, 3), (36, 3)]]
    for at in range(0, len(coded), size):
        scanner.feed(coded[at : at + size])
        passed = [("ended", stream) for end, stream in ends if end <= at + size]
        assert [told for told in scanner.told if told[0] == "ended"] == passed
