"""Another parser reads the frames that we build, and payloads are read as RFC 9113 says."""

from typing import TypeVar

import pytest
from h2.errors import ErrorCodes
from hyperframe import frame as hyper
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire import http2
from drainproxy.wire.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    GOAWAY,
    HAS_PRIORITY,
    HEAD_SIZE,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LEAST_MAX_FRAME,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    MOST_STREAM,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Error,
    Setting,
    clamped,
    frame,
    header_frames,
    push_promise_frames,
    read_goaway,
    read_settings,
)
from tests.conftest import well_formed
from tests.wire.http2_streams import RESERVED, Wire, cut, parsed

One = TypeVar("One", bound=hyper.Frame)

streams = st.integers(1, MOST_STREAM)
codes = st.integers(0, 2**32 - 1)
eight_bytes = st.binary(min_size=8, max_size=8)


def only(kind: type[One], data: bytes) -> One:
    """The single frame in `data`, read by hyperframe."""
    (read,) = parsed(data)
    assert isinstance(read, kind)
    return read


# Numbers.


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (hyper.DataFrame, DATA),
        (hyper.HeadersFrame, HEADERS),
        (hyper.PriorityFrame, PRIORITY),
        (hyper.RstStreamFrame, RST_STREAM),
        (hyper.SettingsFrame, SETTINGS),
        (hyper.PushPromiseFrame, PUSH_PROMISE),
        (hyper.PingFrame, PING),
        (hyper.GoAwayFrame, GOAWAY),
        (hyper.WindowUpdateFrame, WINDOW_UPDATE),
        (hyper.ContinuationFrame, CONTINUATION),
    ],
)
def test_types_have_the_numbers_that_others_give_them(kind: type[hyper.Frame], number: int) -> None:
    assert kind.type == number


FLAGS = {
    ("END_STREAM", END_STREAM),
    ("ACK", ACK),
    ("END_HEADERS", END_HEADERS),
    ("PADDED", PADDED),
    ("PRIORITY", HAS_PRIORITY),
}


def test_flags_have_the_bits_that_others_give_them() -> None:
    defined = {
        (flag.name, flag.bit) for kind in hyper.FRAMES.values() for flag in kind.defined_flags
    }
    assert defined == FLAGS


@pytest.mark.parametrize(
    "name",
    [
        *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR"),
        *("SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL"),
        *("COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY"),
        "HTTP_1_1_REQUIRED",
    ],
)
def test_errors_have_the_codes_that_others_give_them(name: str) -> None:
    assert getattr(http2, name) == ErrorCodes[name]


@pytest.mark.parametrize(
    "name",
    [
        *("HEADER_TABLE_SIZE", "ENABLE_PUSH", "MAX_CONCURRENT_STREAMS"),
        *("INITIAL_WINDOW_SIZE", "MAX_FRAME_SIZE", "MAX_HEADER_LIST_SIZE"),
    ],
)
def test_settings_have_the_keys_that_others_give_them(name: str) -> None:
    assert getattr(http2, name) == getattr(hyper.SettingsFrame, name)


# Frames of our own.


@well_formed
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, MOST_STREAM), st.binary())
@example(0, 0, 1, b"x" * 65535)
@example(0, 0, 1, b"x" * 65536)
@example(0, 0, 1, b"x" * (2**24 - 1))
def test_a_frame_is_its_head_and_its_payload(
    kind: int, flags: int, stream: int, payload: bytes
) -> None:
    assert frame(kind, flags, stream, payload) == Wire(kind, flags, stream, payload).encode()


def test_a_frame_has_no_payload_unless_it_is_given() -> None:
    assert frame(SETTINGS, ACK, 0) == Wire(SETTINGS, ACK).encode()


@well_formed
@given(streams, codes)
def test_a_reset_names_its_stream_and_its_code(stream: int, code: int) -> None:
    written = http2.rst_stream(stream, code)
    assert written == hyper.RstStreamFrame(stream, code).serialize()
    assert http2.number(written[HEAD_SIZE:]) == code


@well_formed
@given(st.integers(0, MOST_STREAM), codes, st.binary(max_size=50))
def test_a_goaway_names_the_last_stream_its_code_and_more(
    last: int, code: int, debug: bytes
) -> None:
    written = http2.goaway(last, code, debug)
    assert written == hyper.GoAwayFrame(0, last, code, debug).serialize()
    assert read_goaway(written[HEAD_SIZE:]) == (last, code)
    assert http2.goaway(last, code) == http2.goaway(last, code, b"")


def test_the_reserved_bit_of_the_last_stream_means_nothing() -> None:
    assert read_goaway((RESERVED | 7).to_bytes(4, "big") + b"\0\0\0\x02") == (7, 2)


@well_formed
@given(eight_bytes, st.booleans())
def test_a_ping_takes_its_data_there_and_back(data: bytes, ack: bool) -> None:
    written = http2.ping(data, ack=ack)
    assert written == hyper.PingFrame(0, data, flags=["ACK"] if ack else []).serialize()
    assert http2.ping(data) == http2.ping(data, ack=False)


@well_formed
@given(st.integers(0, MOST_STREAM), st.integers(1, MOST_STREAM))
def test_a_window_update_names_its_increment(stream: int, increment: int) -> None:
    written = http2.window_update(stream, increment)
    assert written == hyper.WindowUpdateFrame(stream, increment).serialize()


# Header blocks.


def blocks_around(most: int) -> st.SearchStrategy[bytes]:
    """Blocks around the sizes at which one frame more is needed."""
    around = st.sampled_from([most, 2 * most, 3 * most]).flatmap(
        lambda size: st.integers(size - 6, size + 1)
    )
    return (around | st.integers(0, 4 * most)).map(
        lambda size: bytes(i & 0xFF for i in range(size))
    )


limits = st.integers(7, 40)
cases = limits.flatmap(lambda most: st.tuples(st.just(most), blocks_around(most)))


def block_of(data: bytes, kind: type[One], stream: int, most: int) -> tuple[One, bytes]:
    """The first frame and the block of all of them, which must be as few as possible."""
    raws = [raw for _, raw in cut(data)]
    sizes = [len(raw) - HEAD_SIZE for raw in raws]
    assert all(size == most for size in sizes[:-1])
    assert sizes[-1] <= most
    assert sizes[-1] or len(sizes) == 1
    assert [raw[4] & END_HEADERS for raw in raws] == [0] * len(raws[1:]) + [END_HEADERS]
    assert all(raw[4] & ~END_HEADERS == 0 for raw in raws[1:])
    first, *more = frames = parsed(data)
    assert isinstance(first, kind)
    assert all(isinstance(one, hyper.ContinuationFrame) for one in more)
    assert [one.stream_id for one in frames] == [stream] * len(frames)
    return first, b"".join(getattr(one, "data", b"") for one in frames)


@well_formed
@given(cases, streams, st.integers(0, 255), st.none() | st.binary(min_size=5, max_size=5))
@example((20, b"x" * 15), 1, HAS_PRIORITY, b"prior")
@example((20, b"x" * 16), 1, HAS_PRIORITY, b"prior")
@example((20, b"x" * 55), 1, HAS_PRIORITY, b"prior")
def test_a_header_block_is_split_where_it_does_not_fit(
    case: tuple[int, bytes], stream: int, flags: int, priority: bytes | None
) -> None:
    most, block = case
    flags = flags & ~HAS_PRIORITY if priority is None else flags | HAS_PRIORITY
    written = header_frames(stream, flags, priority or b"", block, most)

    first, joined = block_of(written, hyper.HeadersFrame, stream, most)

    assert joined == block
    assert written[4] & ~END_HEADERS == flags & (END_STREAM | HAS_PRIORITY)
    if priority:
        exclusive = RESERVED if first.exclusive else 0
        depends_on = (first.depends_on | exclusive).to_bytes(4, "big")
        assert depends_on + bytes((first.stream_weight,)) == priority


@well_formed
@given(cases, streams, st.integers(1, MOST_STREAM // 2).map(lambda half: 2 * half))
@example((20, b"x" * 16), 1, 2)
@example((20, b"x" * 17), 1, 2)
def test_a_promise_is_split_where_it_does_not_fit(
    case: tuple[int, bytes], stream: int, promised: int
) -> None:
    most, block = case
    written = push_promise_frames(stream, promised, block, most)
    first, joined = block_of(written, hyper.PushPromiseFrame, stream, most)
    assert joined == block
    assert written[4] & ~END_HEADERS == 0
    assert first.promised_stream_id == promised


@pytest.mark.parametrize(("size", "frames"), [(LEAST_MAX_FRAME, 1), (LEAST_MAX_FRAME + 1, 2)])
def test_a_receiver_that_has_said_nothing_gets_no_larger_frames(size: int, frames: int) -> None:
    assert LEAST_MAX_FRAME == hyper.FRAME_MAX_LEN
    assert len(parsed(header_frames(1, 0, b"", b"x" * size))) == frames


# SETTINGS.

fine_settings = st.one_of(
    st.tuples(st.just(ENABLE_PUSH), st.integers(0, 1)),
    st.tuples(st.just(INITIAL_WINDOW_SIZE), st.integers(0, MOST_STREAM)),
    st.tuples(st.just(MAX_FRAME_SIZE), st.integers(LEAST_MAX_FRAME, 2**24 - 1)),
    st.tuples(st.sampled_from([HEADER_TABLE_SIZE, MAX_HEADER_LIST_SIZE, 0, 8, 65535]), codes),
)


@well_formed
@given(st.lists(fine_settings, max_size=6))
@example([(INITIAL_WINDOW_SIZE, MOST_STREAM), (MAX_FRAME_SIZE, 2**24 - 1)])
@example([(MAX_FRAME_SIZE, LEAST_MAX_FRAME), (ENABLE_PUSH, 1), (ENABLE_PUSH, 0)])
def test_settings_are_read_as_they_were_written_unknown_ones_too(values: list[Setting]) -> None:
    written = http2.settings(*values)
    assert only(hyper.SettingsFrame, written).settings == dict(values)
    assert read_settings(written[HEAD_SIZE:]) == values


def test_an_acknowledgement_of_settings_says_so() -> None:
    assert "ACK" in only(hyper.SettingsFrame, http2.settings(ack=True)).flags
    assert "ACK" not in only(hyper.SettingsFrame, http2.settings()).flags


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (ENABLE_PUSH, 2, PROTOCOL_ERROR),
        (ENABLE_PUSH, 2**32 - 1, PROTOCOL_ERROR),
        (INITIAL_WINDOW_SIZE, 2**31, FLOW_CONTROL_ERROR),
        (MAX_FRAME_SIZE, LEAST_MAX_FRAME - 1, PROTOCOL_ERROR),
        (MAX_FRAME_SIZE, 2**24, PROTOCOL_ERROR),
        (MAX_FRAME_SIZE, 0, PROTOCOL_ERROR),
    ],
)
def test_settings_that_may_not_be_are_refused_wherever_they_stand(
    key: int, value: int, code: int
) -> None:
    fine = HEADER_TABLE_SIZE, 0
    for values in [(key, value)], [fine, (key, value)], [(key, value), fine]:
        with pytest.raises(Http2Error, match=f"is {value}") as error:
            read_settings(http2.settings(*values)[HEAD_SIZE:])
        assert error.value.code == code


def test_settings_are_clamped_to_their_most_and_others_stay() -> None:
    values = [(1, 5000), (3, 100), (1, 10), (5, 2**24 - 1)]
    assert clamped(values, {1: 4096, 3: 256}) == [(1, 4096), (3, 100), (1, 10), (5, 2**24 - 1)]
    assert clamped(values, {}) == values


@pytest.mark.parametrize("budget", ["", "continuations"])
def test_an_error_has_a_code_for_the_peer_and_words_for_people(budget: str) -> None:
    error = Http2Error(PROTOCOL_ERROR, "no", budget) if budget else Http2Error(PROTOCOL_ERROR, "no")
    assert (error.code, error.reason, error.budget, str(error)) == (1, "no", budget, "1: no")


def test_credit_that_waits_is_given_back_at_once_and_whole() -> None:
    """6.9.1: a window has no more than 2**31 - 1 bytes, nor has what opens it."""
    most = http2.MOST_STREAM
    waiting: list[bytes] = []
    sizes = [
        http2.append(waiting, http2.window_update(0, increment))
        for increment in (1, 2, most - 3, 1)
    ]
    assert sizes == [13, 0, 0, 13]
    assert waiting == [http2.window_update(0, most), http2.window_update(0, 1)]


def test_of_frames_that_wait_no_other_is_changed() -> None:
    update = http2.window_update
    frames = [update(0, 1), update(1, 1), update(1, 1), http2.ping(bytes(8))]
    waiting: list[bytes] = []
    for each in (*frames, update(0, 1)):
        http2.append(waiting, each)
    assert waiting == [*frames, update(0, 1)]
