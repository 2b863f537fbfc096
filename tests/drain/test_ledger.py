"""What is in flight is held: opened once, closed once, counted right in between."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.ledger import (
    CLIENT_LEFT,
    CUT,
    ENDINGS,
    FINISHED,
    GOODBYE,
    KINDS,
    MOST_NAMED,
    Ledger,
)
from tests.drain.work import Work

NONE = dict.fromkeys(KINDS, 0)


def test_a_ledger_begins_empty() -> None:
    ledger = Ledger()
    assert ledger.in_flight() == NONE
    assert ledger.ended() == {kind: [0] * len(ENDINGS) for kind in KINDS}
    assert ledger.oldest(10) == []


def test_what_is_opened_is_in_flight_until_it_is_closed() -> None:
    ledger, work = Ledger(), Work("websocket")
    ledger.open(work)
    assert ledger.in_flight() == NONE | {"websocket": 1}
    ledger.close(work, GOODBYE)
    assert ledger.in_flight() == NONE
    assert ledger.ended()["websocket"][GOODBYE] == 1


def test_an_end_comes_only_once() -> None:
    ledger, work = Ledger(), Work()
    ledger.open(work)
    ledger.close(work, FINISHED)
    with pytest.raises(KeyError):
        ledger.close(work, CUT)
    assert ledger.in_flight() == NONE
    assert sum(ledger.ended()["http1"]) == 1


def test_what_was_never_opened_cannot_end() -> None:
    with pytest.raises(KeyError):
        Ledger().close(Work(), FINISHED)


def test_a_response_that_is_an_event_stream_ends_as_one() -> None:
    ledger, work = Ledger(), Work("http1")
    ledger.open(work)
    work.kind = "sse"
    assert ledger.in_flight() == NONE | {"sse": 1}
    ledger.close(work, CLIENT_LEFT)
    assert ledger.in_flight() == NONE
    assert ledger.ended()["sse"][CLIENT_LEFT] == 1
    assert sum(ledger.ended()["http1"]) == 0


def test_what_is_cut_is_counted_by_why() -> None:
    ledger, work = Ledger(), Work("grpc")
    for why in ("deadline", "signal", "deadline"):
        ledger.open(work)
        ledger.close(work, CUT, why)
    ledger.open(work)
    ledger.close(work, FINISHED, "deadline")
    assert ledger.cuts == {("grpc", "deadline"): 2, ("grpc", "signal"): 1}


def test_the_last_release_is_heard_and_no_other() -> None:
    ledger, first, last = Ledger(), Work(), Work("tcp")
    heard: list[int] = []
    ledger.open(first)
    ledger.open(last)
    ledger.on_empty = lambda: heard.append(len(ledger.holds))
    ledger.close(first, FINISHED)
    assert heard == []
    ledger.close(last, FINISHED)
    assert heard == [0]


def test_what_finishes_together_is_counted_by_kind_and_heard_once() -> None:
    ledger, works = Ledger(), [Work("grpc"), Work("grpc"), Work("http2")]
    heard: list[dict[str, int]] = []
    ledger.on_empty = lambda: heard.append(ledger.in_flight())
    for work in works:
        ledger.open(work)
    ledger.finish(works[:1])
    assert heard == []
    ledger.finish(works[1:])
    assert heard == [NONE]
    assert {kind: counts[FINISHED] for kind, counts in ledger.ended().items() if any(counts)} == {
        "grpc": 2,
        "http2": 1,
    }


def test_how_those_end_that_are_watched_is_remembered_and_of_no_others() -> None:
    ledger, works = Ledger(), [Work("grpc"), Work("tcp"), Work("sse"), Work("http1"), Work("http2")]
    for work in works:
        ledger.open(work)
    ledger.watch(works[:3])
    ledger.close(works[0], CUT, "deadline")
    ledger.finish([works[1], works[3]])
    ledger.close(works[4], GOODBYE)
    assert ledger.watched == {works[0]: CUT, works[1]: FINISHED, works[2]: None}


def test_a_hold_that_stands_for_another_ends_in_its_place() -> None:
    ledger, work, last, other = Ledger(), Work("sse"), Work("sse"), Work("sse")
    ledger.open(work)
    ledger.open(other)
    ledger.watch([work])
    ledger.hand_over(work, last)
    assert ledger.in_flight() == NONE | {"sse": 2}
    assert ledger.watched == {work: None}
    with pytest.raises(KeyError):
        ledger.close(work, GOODBYE)
    ledger.close(other, FINISHED)
    ledger.close(last, CUT, "deadline")
    assert ledger.watched == {work: CUT}
    assert ledger.ended()["sse"] == [1, 0, 0, 0, 1]
    assert ledger.cuts == {("sse", "deadline"): 1}


def test_what_was_never_opened_cannot_finish() -> None:
    ledger, work = Ledger(), Work()
    ledger.open(work)
    with pytest.raises(KeyError):
        ledger.finish([work, Work()])


def test_who_listens_sees_the_books_closed() -> None:
    ledger, work = Ledger(), Work()
    seen: list[tuple[dict[str, int], int]] = []
    ledger.on_empty = lambda: seen.append((ledger.in_flight(), ledger.ended()["http1"][FINISHED]))
    ledger.open(work)
    ledger.close(work, FINISHED)
    assert seen == [(NONE, 1)]


def test_the_oldest_come_first_and_no_more_than_asked_for() -> None:
    ledger = Ledger()
    works = [Work(opened=moment) for moment in (3.0, 1.0, 2.0)]
    for work in works:
        ledger.open(work)
    assert [hold.opened for hold in ledger.oldest(2)] == [1.0, 2.0]
    assert [hold.opened for hold in ledger.oldest(9)] == [1.0, 2.0, 3.0]


def test_of_more_than_are_asked_for_there_are_some_of_each_kind() -> None:
    ledger = Ledger()
    for moment in (1.0, 2.0, 3.0):
        ledger.open(Work("grpc", opened=moment))
    ledger.open(Work("tcp", opened=4.0))
    assert [(hold.kind, hold.opened) for hold in ledger.oldest(3)] == [
        *(("grpc", 1.0), ("grpc", 2.0), ("tcp", 4.0)),
    ]


def test_an_account_that_was_taken_does_not_change_later() -> None:
    ledger, work = Ledger(), Work()
    ended, in_flight = ledger.ended(), ledger.in_flight()
    ledger.open(work)
    ledger.close(work, FINISHED)
    assert in_flight == NONE
    assert ended["http1"] == [0] * len(ENDINGS)


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-1, len(ENDINGS) - 1), st.booleans()))
)
def test_the_counts_are_those_of_the_holds(story: list[tuple[str, int, bool]]) -> None:
    """Each entry: a kind, how it ends (-1: not yet), and whether it turned into an event stream."""
    ledger, works, emptied = Ledger(), [], []
    ledger.on_empty = lambda: emptied.append(True)
    for kind, ending, streams in story:
        works.append((Work(kind), ending))
        ledger.open(works[-1][0])
        if streams:
            works[-1][0].kind = "sse"
    for work, ending in works:
        if ending >= 0:
            ledger.close(work, ending)

    open_kinds = Counter(work.kind for work, ending in works if ending < 0)
    assert ledger.in_flight() == NONE | open_kinds
    assert {hold.kind for hold in ledger.holds} == set(open_kinds)
    endings = Counter((work.kind, ending) for work, ending in works if ending >= 0)
    for kind, counts in ledger.ended().items():
        assert counts == [endings[kind, ending] for ending in range(len(ENDINGS))]
    assert emptied == [True] * (bool(works) and not ledger.holds)


def test_who_was_left_without_an_answer_is_named_if_somebody_wants_to_know() -> None:
    ledger, work = Ledger(), Work("websocket")
    ledger.leave_unanswered(work, 1.0)
    assert (ledger.unanswered, ledger.unanswered_holds) == (1, None)
    ledger.unanswered_holds = {}
    others = [Work("websocket") for _ in range(MOST_NAMED + 1)]
    for each in others:
        ledger.leave_unanswered(each, 2.0)
    assert ledger.unanswered == MOST_NAMED + 2
    assert ledger.unanswered_holds == dict.fromkeys(others[:MOST_NAMED], 2.0)
