"""However a direction is split into reads the same passes; our words land between two frames."""

from itertools import pairwise
from unittest.mock import patch

import pytest
from hyperframe.frame import ContinuationFrame, HeadersFrame, PushPromiseFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire import frames
from drainproxy.wire.http2 import CONTINUATION, DATA, END_HEADERS, HEADERS, PING, SETTINGS
from tests.cases import dear
from tests.conftest import well_formed
from tests.wire.drawn import one_of_each, places
from tests.wire.http2_streams import (
    FIRST,
    MOST_BLOCK,
    RESERVED,
    Body,
    Recorder,
    Rule,
    Told,
    Unit,
    Wire,
    as_it_came,
    cut,
    encoded,
    padded,
    rule_of,
    valid_streams,
)

# Small enough that streams which are quickly made go beyond it.
MAX_FRAME = 600

# Frames of all types, most of which are wrong in some way, of sizes around the limits.
_hostile_frames = st.builds(
    lambda of, begin: Wire(of[0], of[1], of[2], begin[: of[3]].ljust(of[3], b"\1")),
    one_of_each(
        range(12),
        [*range(256), *[0, END_HEADERS] * 128],
        [0, 1, 1, 1, 3, RESERVED, RESERVED | 1],
        [*range(13), *[MOST_BLOCK, MOST_BLOCK + 1, 461, 462, 600, 601] * 2],
    ),
    st.binary(min_size=12, max_size=12),
)
_hostile = st.lists(_hostile_frames.map(Wire.encode), max_size=5).map(b"".join)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A stream that was valid before something was put in, taken out or replaced."""
    stream = encoded(draw(valid_streams))
    place, gone = draw(st.integers(0, len(stream))), draw(st.integers(0, 3))
    return stream[:place] + draw(st.binary(max_size=3)) + stream[place + gone :]


any_bytes = (
    st.binary(max_size=60)
    | _mutated()
    | st.builds(lambda units, end: encoded(units) + end, valid_streams, _hostile)
)
seeds = st.none() | st.integers(0, 2**32 - 1)


@st.composite
def in_pieces(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    stream = draw(streams)
    cuts = sorted(cut % (len(stream) + 1) for cut in draw(places(2**16 - 1, 12)))
    if draw(st.integers(0, 9)) == 0:
        cuts = list(range(len(stream)))
    return stream, [stream[start:stop] for start, stop in pairwise([0, *cuts, len(stream)])]


def fed(pieces: list[bytes], rule: Rule) -> tuple[bytes, list[Told], object, tuple[bool, ...]]:
    """What passed, what was told, the error, and where the direction stands."""
    scanner, passed = Recorder(rule), []
    scanner.max_frame = MAX_FRAME
    for piece in pieces:
        if scanner.error is None:
            passed.append(scanner.feed(piece))
        while scanner.error is None and scanner.rest:
            passed.append(scanner.feed(scanner.take_rest()))
    error = scanner.error
    said = error and (error.code, error.reason, error.budget)
    stands = scanner.begun, scanner.between_frames, scanner.unfinished
    return b"".join(passed), scanner.told, said, stands


@dear
@given(in_pieces(any_bytes), seeds)
def test_any_bytes_have_the_same_fate_however_they_are_split(
    case: tuple[bytes, list[bytes]], seed: int | None
) -> None:
    stream, pieces = case
    rule = as_it_came if seed is None else rule_of(seed, raises=True)
    assert fed(pieces, rule) == fed([stream], rule)


@dear
@given(in_pieces(any_bytes), seeds, st.integers(9, 70) | st.integers(9, 700))
def test_any_bytes_have_the_same_fate_however_little_is_read_at_once(
    case: tuple[bytes, list[bytes]], seed: int | None, few: int
) -> None:
    stream, pieces = case
    rule = as_it_came if seed is None else rule_of(seed, raises=True)
    with patch.object(frames, "_BYTES_AT_ONCE", few):
        little = fed(pieces, rule)
    assert little == fed([stream], rule)


@pytest.mark.parametrize(
    ("frame", "at_once"),
    [
        pytest.param(Wire(DATA, 0, 1, b"some data"), 910, id="DATA"),
        pytest.param(Wire(PING, 0, 0, b"see you!"), 482, id="PING"),
        pytest.param(Wire(HEADERS, END_HEADERS, 1, b"b" * 16), 328, id="HEADERS"),
        pytest.param(Wire(HEADERS, END_HEADERS, 1, b"b" * 600), 14, id="long HEADERS"),
        pytest.param(Wire(SETTINGS, 0, 0, b"\0\x63\0\0\0\1" * 64), 21, id="long SETTINGS"),
    ],
)
def test_so_many_frames_are_enough_at_once(frame: Wire, at_once: int) -> None:
    scanner = Recorder(max_block=1000)
    scanner.feed(FIRST.encode())
    one = frame.encode()
    assert scanner.feed(one * 1000) == one * at_once
    assert scanner.between_frames
    assert scanner.take_rest() == one * (1000 - at_once)
    assert scanner.rest == b""


@dear
@given(in_pieces(any_bytes))
def test_nothing_is_made_up_and_nothing_changes_its_place(case: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = case
    assert stream.startswith(fed(pieces, as_it_came)[0])


@well_formed
@given(in_pieces(valid_streams.map(encoded)))
def test_of_a_stream_that_breaks_no_rule_only_what_must_be_whole_waits(
    case: tuple[bytes, list[bytes]],
) -> None:
    stream, pieces = case
    scanner, read, passed = Recorder(), 0, b""
    for piece in pieces:
        read += len(piece)
        passed += scanner.feed(piece)
        assert scanner.unfinished is (len(passed) < read)
    assert passed == stream


# What we say.


class Speaker(Recorder):
    """Notes what is written. Of each so many frames that it is told of it says something too."""

    def __init__(self, rule: Rule, every: int | None = None) -> None:
        super().__init__(rule)
        self.every = every
        self.words: list[bytes] = []
        self.written = b""

    def note(self, *told: object) -> bytes | None:
        if self.every and len(self.told) % self.every == 0:
            assert self.speak() == b""
        return super().note(*told)

    def speak(self) -> bytes:
        """One or two frames that are told from all others."""
        word = Wire(PING, 0, 0, b"word%4d" % len(self.words)).encode()
        self.words.append(word * (1 + len(self.words) % 2))
        return self.say(self.words[-1])

    def take(self, piece: bytes | None) -> None:
        """Read this, or say something."""
        self.written += self.speak() if piece is None else self.feed(piece)
        assert not (self._own_frames and self.between_frames)


def assert_in_its_place(written: bytes, words: list[bytes], others: bytes) -> None:
    """All words are there, whole and in their order, between the frames of the others."""
    said: list[bytes] = []
    rest: list[bytes] = []
    block_goes_on = False
    frames = cut(written)
    assert isinstance(frames[0][0], SettingsFrame)
    for frame, raw in frames:
        is_word = raw[9:13] == b"word"
        assert isinstance(frame, ContinuationFrame) is block_goes_on
        if isinstance(frame, HeadersFrame | PushPromiseFrame | ContinuationFrame):
            block_goes_on = "END_HEADERS" not in frame.flags
        (said if is_word else rest).append(raw)
    assert b"".join(said) == b"".join(words)
    assert b"".join(rest) == others


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[Unit], list[bytes | None]]:
    """Units, and their bytes in reads between which something is said."""
    units = draw(valid_streams)
    _, pieces = draw(in_pieces(st.just(encoded(units))))
    steps: list[bytes | None] = [*pieces]
    for place in draw(st.binary(max_size=8)):
        steps.insert(place % (len(steps) + 1), None)
    return units, steps


@well_formed
@given(interleavings(), seeds, st.none() | st.integers(1, 5))
def test_what_we_say_lands_whole_and_in_order_between_two_frames(
    case: tuple[list[Unit], list[bytes | None]], seed: int | None, every: int | None
) -> None:
    units, steps = case
    rule = as_it_came if seed is None else rule_of(seed)
    speaker = Speaker(rule, every)
    for step in steps:
        speaker.take(step)
    others = b"".join(unit.passed(rule) for unit in units)
    assert_in_its_place(speaker.written, speaker.words, others)


@well_formed
@given(interleavings(), seeds, st.none() | st.integers(1, 5))
def test_what_we_say_is_not_lost_when_a_frame_is_wrong(
    case: tuple[list[Unit], list[bytes | None]], seed: int | None, every: int | None
) -> None:
    units, steps = case
    rule = as_it_came if seed is None else rule_of(seed)
    speaker = Speaker(rule, every)
    torn = Wire(HEADERS, 0, 1).encode() + Wire(CONTINUATION, END_HEADERS, 3).encode()
    for step in [*steps, torn, None]:
        speaker.take(step)
    assert speaker.error is not None
    others = b"".join(unit.passed(rule) for unit in units)
    assert_in_its_place(speaker.written, speaker.words, others)


def test_a_word_finds_its_place_wherever_it_is_said() -> None:
    block = Wire(HEADERS, 0, 1, b"a").encode() + Wire(CONTINUATION, END_HEADERS, 1).encode()
    stream = FIRST.encode() + Wire(DATA, 0, 1, b"abc").encode() + block + Wire(DATA).encode()[:8]
    stream += b"\1"
    for place in range(len(stream) + 1):
        for step in 1, 2, 10, len(stream):
            speaker = Speaker(as_it_came)
            for at in range(0, place, step):
                speaker.take(stream[at : min(at + step, place)])
            speaker.take(None)
            speaker.take(stream[place:])
            assert_in_its_place(speaker.written, speaker.words, stream)


def test_who_follows_what_is_left_out_sees_it_all_the_same() -> None:
    body, scanner = Body(), Recorder()
    scanner.feed(FIRST.encode())

    def rule(told: Told) -> bytes | None:
        scanner.follower = body
        return b""

    scanner.rule = rule
    assert scanner.feed(Wire(DATA, 0, 1, b"abc").encode()[:-1]) == b""
    assert scanner.feed(b"c") == b""
    assert body.seen == b"abc"


@pytest.mark.parametrize(("costly", "least", "most"), [(True, 800, 1600), (False, 80000, 100000)])
def test_the_steps_of_a_follower_count_as_what_is_read(costly: bool, least: int, most: int) -> None:
    """Of what it passes over without a step as much as there is passes at once."""
    body, scanner = Body(costly=costly), Recorder()
    scanner.feed(FIRST.encode())

    def rule(told: Told) -> bytes | None:
        scanner.follower = body
        return None

    scanner.rule = rule
    scanner.feed(Wire(DATA, 0, 1, bytes(100)).encode() * 1000)
    assert least <= len(body.seen) <= most


@well_formed
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 3, 5]), st.binary(max_size=30), st.none() | st.integers(0, 9))
    ),
    places(400, 12),
    st.integers(1, 40),
)
def test_whoever_follows_a_stream_sees_its_bytes_without_padding_and_no_others(
    frames: list[tuple[int, bytes, int | None]], cuts: list[int], most: int
) -> None:
    bodies, scanner = {1: Body(most), 3: Body(most)}, Recorder()
    scanner.feed(FIRST.encode())

    def rule(told: Told) -> bytes | None:
        scanner.follower = bodies.get(told[1])
        return b"" if told[1] == 3 else None

    scanner.rule = rule
    parts = [(stream, padded(stream, body, pad)) for stream, body, pad in frames]
    coded = b"".join(part for _, part in parts)
    at = 0
    passed = b""
    for to in [*sorted(to for to in cuts if to < len(coded)), len(coded)]:
        passed += scanner.feed(coded[at:to])
        while scanner.rest:
            passed += scanner.feed(scanner.take_rest())
        at = to
    assert passed == b"".join(part for stream, part in parts if stream != 3)
    for stream, body in bodies.items():
        assert body.seen == b"".join(part for of, part, _ in frames if of == stream)
