import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire import sse
from drainproxy.wire.sse import EventTracker, retry
from tests.wire.drawn import pieces, places
from tests.wire.event_source import BOM, Read

WORDS = [
    *(b"\n", b"\r", b"\r\n", b"data: x", b"data", b"event: e", b":", b": ping", b"retry: 5"),
    *(b"retry", b"id: 1", b"id:", b"id", b"id: \0", b"id: 123456789\0", b"idea: 1", b"\xff", BOM),
]
STREAMS = pieces(WORDS, 16)
ENDS = [b"\n", b"\r", b"\r\n"]


def fed(stream: bytes, *, has_last_event_id: bool = False) -> EventTracker:
    tracker = EventTracker(has_last_event_id=has_last_event_id)
    tracker.feed(stream, 0, len(stream))
    return tracker


@pytest.mark.parametrize("end", ENDS)
def test_an_event_ends_with_an_empty_line(end: bytes) -> None:
    event = b"id: 1" + end + b"data: x" + end + end
    assert fed(event).between_events
    assert not fed(event[: -len(end)]).between_events
    assert not fed(event + b"data").between_events


def test_a_stream_begins_between_two_events() -> None:
    assert EventTracker().between_events


def test_a_line_end_alone_is_no_end_of_an_event() -> None:
    assert not fed(b"data: x\r\n").between_events


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("before", [b"", b"data: x", b"id: 1"])
@pytest.mark.parametrize("says_nothing", [b":", b": ping", b"retry: 100", b"retry", b"retry:x"])
def test_what_says_nothing_of_an_event_is_part_of_none(
    before: bytes, says_nothing: bytes, end: bytes
) -> None:
    """9.2.6: a line with a colon first is ignored, and `retry` sets only the time to come again."""
    stream = before + end * 2 + says_nothing
    assert not fed(stream).between_events
    assert fed(stream + end).between_events
    assert fed(stream + end + says_nothing + end * 3).between_events


@pytest.mark.parametrize("field", [b"event: e", b"id: 1", b"data", b"retries: 1", b"x: y", b" :"])
def test_any_other_field_begins_one(field: bytes) -> None:
    assert not fed(b"data: x\n\n" + field + b"\n").between_events


def test_an_event_with_a_comment_inside_goes_on_behind_it() -> None:
    assert not fed(b"data: x\n: ping\n").between_events


@pytest.mark.parametrize("line", [b"", b"\n", b": x\n", b"retry: 1\r\n"])
def test_a_byte_order_mark_is_part_of_no_line(line: bytes) -> None:
    """9.2.5: one may stand at the very beginning."""
    assert fed(BOM + line).between_events
    assert not fed(line + b"\n" + BOM).between_events


def test_an_id_behind_a_byte_order_mark_is_one() -> None:
    assert fed(BOM + b"id: 1\ndata: x\n\n").resumable
    assert not fed(b"\n" + BOM + b"id: 1\ndata: x\n\n").resumable


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("field", [b"id: 7", b"id:7", b"id:  ", b"id: a:b"])
def test_a_stream_can_be_resumed_once_an_event_with_an_id_is_whole(
    field: bytes, end: bytes
) -> None:
    """9.2.6: dispatching an event sets the last event ID string."""
    assert not fed(b"data: x" + end + field + end).resumable
    assert fed(b"data: x" + end + field + end * 2).resumable
    assert fed(field + end * 2 + b"data: y" + end * 2).resumable, "it keeps the id of another"


@pytest.mark.parametrize("field", [b"id: \0", b"idea: 1", b"ID: 1", b" id: 1", b"data: id: 1"])
def test_what_is_no_id_does_not_count(field: bytes) -> None:
    assert not fed(field + b"\n\n").resumable
    assert fed(b"id: 1\n\n" + field + b"\n\n").resumable


@pytest.mark.parametrize("field", [b"id", b"id:", b"id: "])
def test_an_empty_id_takes_back_the_one_before(field: bytes) -> None:
    """9.2.4: Last-Event-ID is not sent for an empty one."""
    assert not fed(b"id: 1\n\n" + field + b"\n\n").resumable


def test_who_has_come_with_an_id_can_come_with_it_again() -> None:
    assert fed(b": ping\n\n", has_last_event_id=True).resumable
    assert fed(b"id: 1\n\ndata: x\n\n", has_last_event_id=True).resumable
    assert not fed(b"data: x\n\n", has_last_event_id=True).resumable, "this app knows of none"


@pytest.mark.parametrize("much", [0, sse._MUCH])
@given(
    stream=STREAMS | STREAMS.map(lambda stream: stream.replace(b"\r", b"\n")),
    cuts=places(40, 12),
)
def test_any_split_of_a_stream_is_followed(much: int, stream: bytes, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse, "_MUCH", much)
        follow(stream, cuts)


@pytest.mark.parametrize("much", [0, sse._MUCH])
@given(stream=STREAMS)
def test_of_much_the_same_is_known_as_of_little(much: int, stream: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse, "_MUCH", much)
        at_once = fed(stream, has_last_event_id=True)
    little = EventTracker(has_last_event_id=True)
    for at in range(len(stream)):
        little.feed(stream, at, at + 1)
    said = [(each.between_events, each.resumable) for each in (at_once, little)]
    assert said[0] == said[1]


MUCH = b"data: x\n\n" * sse._MUCH


@pytest.mark.parametrize(
    ("stream", "resumable"),
    [
        (MUCH, False),
        (MUCH + b"id: 1\ndata: x\n\n", True),
        (b"id: 1\n\n" + MUCH, True),
        (MUCH + b"id: 1\n\nid:\n\n" + MUCH, False),
        (MUCH + b"id: 1\n\nid: \0\n\n" + MUCH, True),
        (MUCH + b"id: 1\n\nidea: 2\n\n" + MUCH, True),
        (b"id: 1\r\n\r\n" + MUCH, True),
        (b"id: 1\n" + b"data: x\n" * sse._MUCH + b"\n", True),
    ],
)
def test_of_much_only_the_last_id_counts(stream: bytes, resumable: bool) -> None:
    assert fed(stream).resumable is resumable
    assert fed(stream).between_events
    assert fed(stream + b"data").between_events is False


def test_who_has_come_with_an_id_keeps_it_until_much_is_said_without_one() -> None:
    assert fed(b": ping\n" * sse._MUCH + b"\n", has_last_event_id=True).resumable
    assert not fed(MUCH, has_last_event_id=True).resumable


def follow(stream: bytes, cuts: list[int]) -> None:
    tracker, at = EventTracker(), 0
    for cut in [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]:
        tracker.feed(stream, at, cut)
        at = cut
        read = Read(stream[:at])
        in_mark = 0 < at < len(BOM) and BOM.startswith(stream[:at])
        assert tracker.between_events == (read.may_end and not in_mark)
        assert tracker.resumable == bool(read.last_id)


@given(STREAMS, STREAMS, st.booleans())
def test_the_first_end_is_found_where_it_is(before: bytes, after: bytes, resumable: bool) -> None:
    framed = b"###" + after + b"###"
    end = fed(before).end_in(framed, 3, 3 + len(after), resumable=resumable)
    stream = before + after
    ends = [
        place
        for place in range(len(before) + 1, len(stream) + 1)
        # A CRLF is not left in the middle, nor ended twice.
        if stream[place - 1] in b"\r\n"
        and stream[place - 1 : place + 1] != b"\r\n"
        and not (place == len(before) + 1 and stream[place - 2 : place] == b"\r\n")
        and (read := Read(stream[:place])).may_end
        and (read.last_id or not resumable)
    ]
    assert end == (3 + ends[0] - len(before) if ends else -1)


@given(STREAMS, STREAMS, st.booleans(), st.booleans())
def test_the_first_end_is_where_a_stream_that_comes_byte_by_byte_may_end(
    before: bytes, after: bytes, resumable: bool, has_last_event_id: bool
) -> None:
    tracker = fed(before, has_last_event_id=has_last_event_id)
    end = tracker.end_in(after, 0, len(after), resumable=resumable)
    ends = []
    for at in range(len(after)):
        tracker.feed(after, at, at + 1)
        whole = after[at] in b"\r\n" and after[at : at + 2] != b"\r\n"
        torn = at == 0 and after[:1] == b"\n" and before.endswith(b"\r")
        if whole and not torn and tracker.between_events and (tracker.resumable or not resumable):
            ends.append(at + 1)
    assert end == (ends[0] if ends else -1)


# Of many lines there is no step for each: calls are counted, since a clock would tell of the
# machine. What is behind the run is read too.
RUNS = [b"\n", b":\n", b"\r", b"\r\n", b"data:\n\n", b"data:\r\n\r\n", b"x\n", b"retry\n", b"idx\n"]
RUNS += [b"id\n\n", b"id:1\n\n", b"id:1\nid\n\n", b"id: \0\n", b":\r", b"x\r\n\r\n"]


@pytest.mark.parametrize("has_last_event_id", [True, False])
@pytest.mark.parametrize("begun", [b"", b"data: x\n"])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "size",
    [
        100,
        pytest.param(1000, marks=pytest.mark.slow),
        pytest.param(200_000, marks=pytest.mark.amount),
    ],
)
def test_a_run_of_lines_takes_no_step_for_each(
    run: bytes, begun: bytes, has_last_event_id: bool, size: int
) -> None:
    stream = run * (size // len(run))
    tracker = fed(begun, has_last_event_id=has_last_event_id)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        for resumable in (True, False):
            tracker.end_in(stream, 0, len(stream), resumable=resumable)
        tracker.feed(stream, 0, len(stream))
    finally:
        sys.setprofile(None)
    assert calls < 400


def test_a_line_feed_behind_a_carriage_return_is_part_of_the_same_end() -> None:
    tracker = fed(b"data: x\r")
    tracker.feed(b"\n", 0, 1)
    assert not tracker.between_events
    tracker.feed(b"\n", 0, 1)
    assert tracker.between_events


def test_looking_for_an_end_feeds_nothing() -> None:
    tracker = fed(b"data: x\n")
    assert tracker.end_in(b"\ndata", 0, 5) == 1
    assert tracker.end_in(b"y", 0, 1) == -1
    assert not tracker.between_events


def test_the_time_to_come_again_is_an_event_of_its_own() -> None:
    assert retry(1500) == b"retry: 1500\n\n"
    assert fed(b"data: x\n\n" + retry(1)).between_events
