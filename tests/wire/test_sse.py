import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.sse import EventTracker, retry

STREAMS = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b":", b"\xff"])).map(
    b"".join
)


def ends_with_an_event(stream: bytes) -> bool:
    """By the letter of the specification: whether the last of the lines so far is an empty one."""
    if not stream:
        return True
    *lines, rest = re.split(rb"\r\n|\n|\r", stream)
    return not rest and lines[-1] == b""


def fed(stream: bytes) -> EventTracker:
    tracker = EventTracker()
    tracker.feed(stream, 0, len(stream))
    return tracker


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_ends_with_an_empty_line(end: bytes) -> None:
    event = b"id: 1" + end + b"data: x" + end + end
    assert fed(event).between_events
    assert not fed(event[: -len(end)]).between_events
    assert not fed(event + b"data").between_events


def test_a_stream_begins_between_two_events() -> None:
    assert EventTracker().between_events


def test_a_line_end_alone_is_no_end_of_an_event() -> None:
    assert not fed(b"data: x\r\n").between_events


@given(STREAMS, st.lists(st.integers(0, 40)))
def test_any_split_of_a_stream_is_followed(stream: bytes, cuts: list[int]) -> None:
    tracker, at = EventTracker(), 0
    for cut in [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]:
        tracker.feed(stream, at, cut)
        at = cut
        assert tracker.between_events == (at == 0 or ends_with_an_event(stream[:at]))


@given(STREAMS.filter(lambda stream: not stream.endswith(b"\r")), STREAMS)
def test_the_first_end_is_found_where_it_is(before: bytes, after: bytes) -> None:
    framed = b"###" + after + b"###"
    end = fed(before).end_in(framed, 3, 3 + len(after))
    ends = [
        place
        for place in range(1, len(after) + 1)
        # A CRLF is not left in the middle.
        if ends_with_an_event(before + after[:place]) and after[place - 1 : place + 1] != b"\r\n"
    ]
    assert end == (3 + ends[0] if ends else -1)


def test_looking_for_an_end_feeds_nothing() -> None:
    tracker = fed(b"data: x\n")
    assert tracker.end_in(b"\ndata", 0, 5) == 1
    assert not tracker.between_events


def test_the_time_to_come_again_is_an_event_of_its_own() -> None:
    assert retry(1500) == b"retry: 1500\n\n"
    assert fed(b"data: x\n\n" + retry(1)).between_events
