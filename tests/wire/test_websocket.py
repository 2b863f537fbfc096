"""The tracker against a model of the stream, however it is split; our Close against a parser."""

import tracemalloc
from dataclasses import dataclass
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from drainproxy.wire import websocket
from drainproxy.wire.websocket import FrameTracker, close_answer, close_frame
from tests.cases import dear
from tests.conftest import well_formed
from tests.wire.drawn import one_of_each
from tests.wire.segments import bytewise

KEY = b"\x11\x22\x33\x44"
MESSAGE_OPCODES = (0, 1, 2, 3, 7)
CONTROL_OPCODES = (8, 9, 10, 11, 15)


@dataclass(frozen=True, slots=True)
class Wire:
    """One frame as hostile as the header allows: reserved bits, any opcode, overlong lengths."""

    fin: bool
    opcode: int
    size: int
    masked: bool = False
    reserved: int = 0
    width: int = 0  # bytes of extended length; the smallest that fits if it is too small

    def encode(self) -> bytes:
        width = max(self.width, 0 if self.size < 126 else 2 if self.size < 1 << 16 else 8)
        short = {0: self.size, 2: 126, 8: 127}[width]
        header = bytes((self.fin << 7 | self.reserved << 4 | self.opcode, self.masked << 7 | short))
        extended = self.size.to_bytes(width, "big") if width else b""
        # A payload of what looks like Close frames shows any reader that gets out of step.
        payload = (b"\x88\x00" * (self.size // 2 + 1))[: self.size]
        return header + extended + (KEY if self.masked else b"") + payload


class Model:
    """Where a frame of ours may stand in a stream, told from the frames and not from bytes."""

    def __init__(self, frames: list[Wire]) -> None:
        self.stream = b"".join(frame.encode() for frame in frames)
        ends = list(accumulate((len(frame.encode()) for frame in frames), initial=0))
        closes = [index for index, frame in enumerate(frames) if frame.opcode == 8]
        self.close_end = ends[closes[0] + 1] if closes else None
        allowed = closes[0] + 1 if closes else len(ends)
        self.frame_ends = set(ends[:allowed])
        self.message_ends = set()
        fragmented = False
        for end, frame in zip(ends[:allowed], [None, *frames], strict=False):
            if frame and frame.opcode < 8:
                fragmented = not frame.fin
            if not fragmented:
                self.message_ends.add(end)

    def first_in(self, start: int, stop: int, *, message: bool) -> int:
        places = self.message_ends if message else self.frame_ends
        return min((place - start for place in places if start <= place <= stop), default=-1)


BOTH = (True, False)
SIZES = [*range(6), 0, 124, 125, 126, 127, 300, 65535, 65536]
OPCODES = MESSAGE_OPCODES + CONTROL_OPCODES
wires = one_of_each(BOTH, OPCODES, SIZES, BOTH, range(8), [0, 2, 8]).map(lambda of: Wire(*of))
models = st.lists(wires, max_size=8).map(Model)


@st.composite
def cut_models(draw: st.DrawFn) -> tuple[Model, list[int]]:
    """A stream and where it is split: anywhere, and often close to the end of a frame."""
    model = draw(models)
    length = len(model.stream)
    ends = sorted(model.frame_ends)
    drawn = [draw(st.binary(min_size=2, max_size=12)) for _ in range(4)]
    near = {ends[a % len(ends)] + b % 18 - 2 for a, b in zip(*drawn[:2], strict=False)}
    anywhere = {(a << 8 | b) * length >> 16 for a, b in zip(*drawn[2:], strict=False)}
    return model, sorted({0, length} | {cut for cut in near | anywhere if 0 <= cut <= length})


def state(tracker: FrameTracker) -> dict[str, object]:
    """What it goes on from; of what was fed last it says something else."""
    of_last = {"data_passed", "steps", "_in_data"}
    return {name: getattr(tracker, name) for name in {*tracker.__slots__} - of_last}


def fed(*chunks: bytes) -> FrameTracker:
    tracker = FrameTracker()
    for chunk in chunks:
        tracker.feed(chunk)
    return tracker


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        *((b"", b"\x81\x02hi", True), (b"", b"\x01\x00", True), (b"\x01\x00", b"\x80\x00", True)),
        *((b"", b"\x89\x00", False), (b"", b"\x8a\x01p", False), (b"", b"\x88\x00", False)),
        *((b"\x81\x02h", b"i", True), (b"\x89\x02h", b"i", False), (b"\x81", b"\x02", True)),
        *((b"\x81\x02hi", b"\x89\x00", False), (b"\x01\x00\x89\x01", b"p", False)),
        *((b"", b"\x89\x00\x81\x00", True), (b"", b"\x81\x00" * 50, True)),
        *((b"", b"\x89\x00" * 50, False), (b"", b"\x89\x00" * 50 + b"\x81\x00", True)),
    ],
)
def test_what_belongs_to_a_message_is_told_from_control_frames(
    before: bytes, last: bytes, expected: bool
) -> None:
    """RFC 6455 5.5: frames of the opcodes from 8 on, which may stand between fragments."""
    assert fed(before, last).data_passed == expected


def parse(stream: bytes, *, masked: bool) -> list[Frame]:
    reader = StreamReader()
    reader.feed_data(stream)
    reader.feed_eof()
    frames: list[Frame] = []
    while True:
        at_end = reader.at_eof()
        with pytest.raises(StopIteration) as ended:
            next(at_end)
        if ended.value.value:
            return frames
        with pytest.raises(StopIteration) as parsed:
            next(Frame.parse(reader.read_exact, mask=masked))
        frames.append(parsed.value.value)


@given(cut_models())
def test_the_tracker_knows_after_every_chunk_what_the_model_knows(
    case: tuple[Model, list[int]],
) -> None:
    model, cuts = case
    tracker = FrameTracker()
    for start, stop in pairwise(cuts):
        tracker.feed(model.stream[start:stop])
        assert tracker.between_frames == (stop in model.frame_ends)
        assert tracker.between_messages == (stop in model.message_ends)
        assert tracker.close_passed == (model.close_end is not None and stop >= model.close_end)


@given(cut_models())
def test_the_state_does_not_depend_on_the_split(case: tuple[Model, list[int]]) -> None:
    model, cuts = case
    split = fed(*(model.stream[start:stop] for start, stop in pairwise(cuts)))
    assert state(split) == state(fed(model.stream))


@given(st.lists(wires.filter(lambda wire: wire.size <= 300), max_size=5).map(Model))
def test_a_stream_may_come_one_byte_at_a_time(model: Model) -> None:
    assert state(fed(*bytewise(model.stream))) == state(fed(model.stream))


@given(cut_models(), st.booleans())
def test_the_first_boundary_is_the_model_s_and_finding_it_feeds_nothing(
    case: tuple[Model, list[int]], message: bool
) -> None:
    model, cuts = case
    tracker = FrameTracker()
    for start, stop in pairwise(cuts):
        before = state(tracker)
        found = tracker.boundary_in(model.stream[start:stop], message=message)
        assert found == model.first_in(start, stop, message=message)
        assert state(tracker) == before
        tracker.feed(model.stream[start:stop])


@given(cut_models(), st.booleans())
def test_a_tracker_fed_up_to_the_boundary_stands_at_it(
    case: tuple[Model, list[int]], message: bool
) -> None:
    model, cuts = case
    for start in cuts:
        tracker, rest = fed(model.stream[:start]), model.stream[start:]
        cut = tracker.boundary_in(rest, message=message)
        if cut >= 0:
            tracker.feed(rest[:cut])
            assert tracker.between_messages if message else tracker.between_frames
            assert tracker.boundary_in(rest[cut:], message=message) == 0


fragments = st.lists(st.sampled_from(SIZES), min_size=1, max_size=4)


@st.composite
def conversations(draw: st.DrawFn) -> list[Frame]:
    """Messages that keep RFC 6455 5.4: fragments in order, control frames in between."""
    frames: list[Frame] = []
    for sizes_of_message in draw(st.lists(fragments, max_size=3)):
        last = len(sizes_of_message) - 1
        for index, size in enumerate(sizes_of_message):
            opcode = Opcode.CONT if index else Opcode.BINARY
            frames.append(Frame(opcode, b"\x88" * size, fin=index == last))
            frames.extend(draw(st.lists(st.just(Frame(Opcode.PING, b"still there?")), max_size=1)))
    return frames


@well_formed
@given(conversations(), st.booleans(), st.booleans(), st.data())
def test_a_close_at_a_boundary_leaves_a_stream_that_a_parser_reads(
    frames: list[Frame], masked: bool, message: bool, data: st.DataObject
) -> None:
    stream = b"".join(frame.serialize(mask=masked) for frame in frames)
    start = data.draw(st.integers(0, len(stream)))
    cut = fed(stream[:start]).boundary_in(stream[start:], message=message)
    assert cut >= 0
    goodbye = close_frame(1001, "going away", KEY if masked else None)
    received = parse(stream[: start + cut] + goodbye, masked=masked)
    assert received[:-1] == frames[: len(received) - 1]
    assert received[-1] == Frame(Opcode.CLOSE, Close(1001, "going away").serialize())
    if message:
        data_frames = [frame for frame in received if frame.opcode < 8]
        assert not data_frames or data_frames[-1].fin


# Many frames in one piece: runs of short ones, and what is left for the next turn

short_wires = one_of_each(
    (True, True, True, False),
    [*[0, 1, 2] * 3, *MESSAGE_OPCODES, 9, 10, 11, 15],
    [*range(41), *[0, 1, 2, 3] * 10],
    BOTH,
    [0, 0, 4],
    [0, 0, 0, 2],
).map(lambda of: Wire(*of))
crowds = st.builds(
    lambda frames, repeats, last: Model([*frames * repeats, *last]),
    st.lists(short_wires, min_size=1, max_size=30),
    st.integers(1, 60),
    st.lists(wires, max_size=2),
)


@dear
@pytest.mark.amount
@given(crowds, st.data())
def test_many_frames_in_one_piece_leave_what_they_leave_one_byte_at_a_time(
    crowd: Model, data: st.DataObject
) -> None:
    end = data.draw(st.integers(max(0, len(crowd.stream) - 300), len(crowd.stream)))
    stream = crowd.stream[:end]
    tracker = FrameTracker()
    tracker.feed_all(stream)
    assert tracker.between_frames == (end in crowd.frame_ends)
    assert tracker.between_messages == (end in crowd.message_ends)
    assert state(tracker) == state(fed(*bytewise(stream)))


@pytest.mark.parametrize("first", [0x01, 0x81, 0x89])
def test_a_run_is_right_in_every_python(first: int) -> None:
    """A possessive `*+` has taken half a frame for a whole one before CPython 3.11.5."""
    assert websocket._run(first, True).pattern.endswith(b")*)")


@pytest.mark.parametrize("masked", [True, False])
def test_a_run_of_short_frames_takes_no_step_for_each(masked: bool) -> None:
    frames = b"".join(Wire(True, 1, size % 32, masked).encode() for size in range(5000))
    assert FrameTracker().feed(frames) == len(frames)


def test_eight_hundred_frames_that_take_a_step_each_are_enough_at_once() -> None:
    frame = Wire(True, 1, 3, width=2).encode()
    tracker = FrameTracker()
    assert tracker.feed(frame * 2000) == len(frame) * 800
    assert tracker.between_messages
    assert tracker.feed(frame * 1200) == len(frame) * 800
    assert tracker.feed(frame * 400) == len(frame) * 400
    tracker.feed_all(frame * 2000 + b"\x01")
    assert not tracker.between_frames


def test_no_run_goes_beyond_a_close() -> None:
    frames = b"\x81\x00" * 30 + b"\x88\x00" + b"\x81\x00" * 30
    tracker = FrameTracker()
    tracker.feed_all(frames)
    assert tracker.close_passed
    assert not tracker.between_frames


def test_a_new_connection_is_between_messages() -> None:
    tracker = FrameTracker()
    assert tracker.between_frames
    assert tracker.between_messages
    assert tracker.boundary_in(b"", message=True) == 0


def test_a_ping_between_fragments_does_not_end_the_message() -> None:
    fragment, ping = Wire(False, 1, 5).encode(), Wire(True, 9, 3).encode()
    last = Wire(True, 0, 7).encode()
    tracker = fed(fragment + ping)
    assert tracker.between_frames
    assert not tracker.between_messages
    assert tracker.boundary_in(ping + last + ping, message=True) == len(ping + last)
    assert tracker.boundary_in(ping + last + ping, message=False) == 0


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 1 << 20])
def test_a_frame_ends_with_its_last_byte_and_not_before(size: int, masked: bool) -> None:
    frame = Wire(True, 2, size, masked).encode()
    tracker = fed(frame[:-1])
    assert not tracker.between_frames
    tracker.feed(frame[-1:])
    assert tracker.between_messages


def test_an_empty_chunk_changes_nothing() -> None:
    frame = Wire(True, 1, 300, masked=True).encode()
    for place in range(20):
        tracker = fed(frame[:place])
        before = state(tracker)
        tracker.feed(b"")
        assert state(tracker) == before


def test_a_close_has_passed_with_the_last_byte_of_its_reason() -> None:
    goodbye = close_frame(1000, "bye", KEY)
    tracker = fed(Wire(True, 1, 3).encode(), goodbye[:-1])
    assert not tracker.close_passed
    tracker.feed(goodbye[-1:])
    assert tracker.close_passed


def test_nothing_of_ours_may_follow_a_close() -> None:
    goodbye = close_frame(1000)
    tracker = fed(goodbye)
    assert not tracker.between_frames
    assert tracker.boundary_in(b"", message=False) == -1
    assert fed(goodbye[:1]).boundary_in(goodbye[1:], message=False) == -1
    assert fed().boundary_in(goodbye, message=False) == 0


def test_what_follows_a_close_is_not_read_as_frames() -> None:
    tracker = fed(close_frame(1000), b"\x82\x7f" + b"\xff" * 8, b"noise", b"\x81")
    assert tracker.close_passed


@pytest.mark.parametrize("first", [0x82, 0x02, 0x88])
def test_a_length_with_its_top_bit_set_loses_the_framing_for_good(first: int) -> None:
    tracker = fed(bytes((first, 127)) + (1 << 63).to_bytes(8, "big"))
    for _ in range(3):
        assert not tracker.close_passed
        assert not tracker.between_frames
        assert tracker.boundary_in(b"\x81\x00" * 8, message=False) == -1
        tracker.feed(b"\x81\x00" * 1000)


def test_the_largest_length_that_is_allowed_is_a_very_long_frame() -> None:
    tracker = fed(b"\x82\x7f" + ((1 << 63) - 1).to_bytes(8, "big"), b"payload")
    assert not tracker.between_frames


def test_no_payload_is_kept_or_copied_even_when_a_header_is_cut() -> None:
    frame = Wire(False, 0, 60_000, masked=True).encode()
    tracker, chunks = fed(frame[:3]), [frame[3:30_000], frame[30_000:] + frame[:3]] * 20
    tracemalloc.start()
    try:
        for chunk in chunks:
            tracker.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


@well_formed
@given(st.integers(3000, 4999), st.binary(max_size=300), st.booleans())
def test_a_close_frame_is_read_back_with_its_code_and_the_start_of_its_reason(
    code: int, text: bytes, masked: bool
) -> None:
    reason = text.decode("utf-16-le", "ignore")
    [frame] = parse(close_frame(code, reason, KEY if masked else None), masked=masked)
    close = Close.parse(frame.data)
    assert (frame.opcode, frame.fin, close.code) == (Opcode.CLOSE, True, code)
    assert len(frame.data) <= 125
    assert reason.startswith(close.reason)
    assert close.reason == reason or len(frame.data) > 121


@pytest.mark.parametrize(("letter", "kept"), [("a", 123), ("ä", 61), ("€", 41), ("😀", 30)])
def test_a_long_reason_is_cut_between_characters(letter: str, kept: int) -> None:
    [frame] = parse(close_frame(1001, letter * 200), masked=False)
    assert Close.parse(frame.data) == Close(1001, letter * kept)


def test_a_reason_that_is_no_unicode_still_makes_a_close_frame() -> None:
    [frame] = parse(close_frame(1001, "bye \udcff"), masked=False)
    assert Close.parse(frame.data) == Close(1001, "bye ?")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (close_frame(1001, "going away"), 1001),
        (close_frame(4999, "x" * 123, KEY), 4999),
        (close_frame(1012, "", KEY), 1012),
        (b"\x88\x00", 1005),
        (b"\x88\x80" + KEY, 1005),
        # 5.5.1: a payload holds a code, or nothing; half of one is none.
        (b"\x88\x01\x03", 1005),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\x81\x02\x03\xf4"])
@pytest.mark.parametrize("after", [b"", b"\x03\xf3\x03\xf3"])
def test_the_code_of_a_close_is_known_however_it_comes(
    frame: bytes, code: int, before: bytes, after: bytes
) -> None:
    stream = before + frame + after
    for cut in range(len(stream) + 1):
        tracker = fed(stream[:cut], stream[cut:])
        assert (tracker.close_passed, tracker.close_code) == (True, code)
    tracker = fed(*bytewise(stream))
    assert (tracker.close_passed, tracker.close_code) == (True, code)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_a_close_is_answered_with_its_code(code: int) -> None:
    """RFC 6455 5.5.1: an endpoint typically echoes the status code that it received."""
    assert close_answer(code) == close_frame(code)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 5000, 65535])
def test_what_no_frame_may_carry_is_answered_without_a_code(code: int) -> None:
    """7.4.1 and 7.4.2."""
    assert close_answer(code) == b"\x88\x00"
