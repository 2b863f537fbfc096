"""The report says what happened in the drain, no more and no less."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.ledger import CUT, ENDINGS, FINISHED, GOODBYE, KINDS, Ledger
from drainproxy.drain.machine import Phase
from drainproxy.drain.report import MOST_BLOCKERS, Account, Blocker, blockers
from tests.drain.work import Work

NO_ENDS = dict.fromkeys(ENDINGS, 0)


def opened(ledger: Ledger, *works: Work) -> Ledger:
    for work in works:
        ledger.open(work)
    return ledger


def test_of_a_long_report_blockers_give_way_and_the_verdict_never() -> None:
    ledger = opened(Ledger(), *(Work(path="/" + "x" * 300) for _ in range(MOST_BLOCKERS)))
    account = Account(ledger, now=0.0)
    account.note_blockers(now=1.0)
    report = account.close("SIGTERM", {}, now=2.0)
    whole_blockers = json.loads(report.as_json())["blockers"]
    whole, short, least = report.as_json(), report.as_json(4096), report.as_json(10)
    assert json.loads(whole) == report.as_dict()
    assert len(whole) > 4096 >= len(short) > 3000
    left = json.loads(short)["blockers"]
    assert json.loads(short) == {**report.as_dict(), "blockers": whole_blockers[: len(left)]}
    assert len(left) > 5
    assert json.loads(least) == {**report.as_dict(), "blockers": []}
    assert whole.count("\n") == 1


def test_the_report_of_a_drain_in_plain_types() -> None:
    request, socket, download = Work(opened=90.0), Work("websocket"), Work(opened=99.0, path="/big")
    ledger = opened(Ledger(), request, socket, download)
    account = Account(ledger, now=100.0, date="2026-11-23T03:00:00.000Z")
    ledger.close(request, FINISHED)
    ledger.close(socket, GOODBYE)
    account.note_blockers(now=120.0)
    ledger.close(download, CUT)
    lengths = {Phase.ANNOUNCED: 5.0, Phase.LEAVING: 15.00049}

    report = account.close("SIGTERM", lengths, now=122.0)

    assert report.cut == 1
    assert json.loads(json.dumps(report.as_dict())) == {
        "verdict": "cut 1",
        "why": "SIGTERM",
        "began": "2026-11-23T03:00:00.000Z",
        "seconds": 22.0,
        "phases": {"announced": 5.0, "leaving": 15.0},
        "in_flight_at_start": dict.fromkeys(KINDS, 0) | {"http1": 2, "websocket": 1},
        "ended": dict.fromkeys(KINDS, NO_ENDS)
        | {
            "http1": NO_ENDS | {"finished": 1, "cut": 1},
            "websocket": NO_ENDS | {"goodbye": 1},
        },
        "unanswered": 0,
        "blockers": [
            {
                "kind": "http1",
                "age": 21.0,
                "peer": "192.0.2.1:5000",
                "path": "/big",
                "ending": "cut",
            }
        ],
    }
    assert ledger.watched is None


def test_whose_question_was_left_unanswered_is_named_and_the_verdict_says_so() -> None:
    busy, quick, waited_for = Work("websocket", path="/busy"), Work("websocket"), Work("websocket")
    ledger = opened(Ledger(), busy, quick, waited_for)
    ledger.leave_unanswered(quick, 0.0)
    account = Account(ledger, 0.0)
    ledger.leave_unanswered(busy, 0.5)
    ledger.close(busy, GOODBYE)
    account.note_blockers(1.0)
    ledger.leave_unanswered(waited_for, 1.5)
    for work in (quick, waited_for):
        ledger.close(work, GOODBYE)
    report = account.close("SIGTERM", {}, 2.0)
    assert (report.verdict, report.unanswered, report.cut) == ("unanswered 2", 2, 0)
    named = [(each.path, each.ending) for each in report.blockers]
    assert sorted(named[:2]) == [(waited_for.path, "unanswered"), ("/busy", "unanswered")]
    # How old each was when it was left, whenever the drain ends.
    assert sorted(each.age for each in report.blockers[:2]) == [0.5, 1.5]
    assert named[2:] == [(quick.path, "goodbye")]
    assert ledger.unanswered_holds is None


def test_a_verdict_has_both_what_was_cut_and_what_was_left_unanswered() -> None:
    works = [Work("websocket") for _ in range(MOST_BLOCKERS + 2)]
    cut = Work()
    ledger = opened(Ledger(), cut, *works)
    account = Account(ledger, 0.0)
    for work in works:
        ledger.leave_unanswered(work, 0.5)
        ledger.close(work, GOODBYE)
    account.note_blockers(1.0)
    ledger.close(cut, CUT)
    report = account.close("SIGTERM", {}, 2.0)
    assert report.verdict == f"cut 1, unanswered {MOST_BLOCKERS + 2}"
    assert [each.ending for each in report.blockers] == [
        "cut",
        *["unanswered"] * (MOST_BLOCKERS - 1),
    ]


def test_a_drain_that_cut_nothing_is_clean() -> None:
    work = Work()
    ledger = opened(Ledger(), work)
    account = Account(ledger, 0.0)
    ledger.close(work, FINISHED)

    report = account.close("preStop", {}, 1.0)

    assert (report.verdict, report.cut, report.blockers) == ("clean", 0, [])


def test_what_ended_before_the_drain_is_not_in_its_report() -> None:
    early, late = Work(), Work()
    ledger = opened(Ledger(), early, late)
    ledger.close(early, CUT)
    account = Account(ledger, 0.0)
    ledger.close(late, FINISHED)

    report = account.close("SIGTERM", {}, 1.0)

    assert report.verdict == "clean"
    assert report.ended["http1"] == NO_ENDS | {"finished": 1}
    assert report.in_flight_at_start["http1"] == 1


def test_what_came_while_draining_is_in_its_report() -> None:
    ledger, work = Ledger(), Work("tcp")
    account = Account(ledger, 0.0)
    ledger.open(work)
    ledger.close(work, CUT)

    report = account.close("SIGTERM", {}, 1.0)

    assert report.in_flight_at_start == dict.fromkeys(KINDS, 0)
    assert report.verdict == "cut 1"


def test_the_longest_blockers_come_first() -> None:
    works = [Work(opened=float(moment)) for moment in (7, 3, 5)]
    ledger = opened(Ledger(), *works)
    assert [blocker.age for blocker in blockers(ledger, 10.0)] == [7.0, 5.0, 3.0]
    assert blockers(ledger, 10.0, most=1) == [Blocker("http1", 7.0, "192.0.2.1:5000", "/")]


def test_a_report_goes_to_logs_and_keeps_no_keys_of_a_query() -> None:
    ledger = opened(Ledger(), Work(path="/export?token=secret?x"), Work("tcp", path=""))
    assert sorted(blocker.path for blocker in blockers(ledger, 1.0)) == ["", "/export"]


def test_who_was_cut_comes_first_and_is_told_from_who_finished() -> None:
    works = [Work("grpc", opened=1.0), Work("tcp", opened=2.0), Work("sse", opened=3.0)]
    ledger = opened(Ledger(), *works, Work("websocket", opened=4.0))
    account = Account(ledger, 5.0)
    account.note_blockers(6.0)
    for work, ending in zip(works, (FINISHED, CUT, GOODBYE), strict=True):
        ledger.close(work, ending)
    told = [(each.kind, each.ending) for each in account.close("SIGTERM", {}, 9.0).blockers]
    assert told == [("tcp", "cut"), ("grpc", "finished"), ("sse", "goodbye"), ("websocket", "")]


def test_of_a_crowd_there_are_some_of_each_kind() -> None:
    crowd = [Work("grpc", opened=float(number)) for number in range(100)]
    ledger = opened(Ledger(), *crowd, Work("http1", opened=200.0), Work("tcp", opened=300.0))
    kinds = [blocker.kind for blocker in blockers(ledger, 400.0, most=5)]
    assert kinds == ["grpc", "grpc", "grpc", "http1", "tcp"]


def test_one_long_path_takes_not_the_place_of_others() -> None:
    ledger = opened(Ledger(), Work(path="/" + "x" * 60_000, opened=1.0), Work(opened=2.0))
    account = Account(ledger, 3.0)
    account.note_blockers(4.0)
    report = account.close("SIGTERM", {}, 5.0)
    assert [len(each.path) for each in report.blockers] == [203, 1]
    assert json.loads(report.as_json(4096))["blockers"] == report.as_dict()["blockers"]


def test_a_crowd_of_blockers_is_not_listed_to_the_end() -> None:
    ledger = opened(Ledger(), *[Work() for _ in range(MOST_BLOCKERS + 5)])
    assert len(blockers(ledger, 1.0)) == MOST_BLOCKERS


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(0, len(ENDINGS) - 1), max_size=30))
def test_the_verdict_counts_what_was_cut(kind: str, endings: list[int]) -> None:
    ledger = Ledger()
    account = Account(ledger, 0.0)
    for ending in endings:
        work = Work(kind)
        ledger.open(work)
        ledger.close(work, ending)

    report = account.close("SIGTERM", {}, 1.0)

    cut = endings.count(CUT)
    assert report.cut == cut
    assert report.verdict == (f"cut {cut}" if cut else "clean")
    assert sum(report.ended[kind].values()) == len(endings)
