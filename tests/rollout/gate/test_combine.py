"""All gates in one verdict; behind a contract a fail is a hold that says so."""

import pytest

from drainproxy.rollout.gate.combine import combined, judge_migration, without_way_back
from drainproxy.rollout.gate.judgement import SignalJudgement
from drainproxy.rollout.gate.report import GateReport, held, report

PASSED = report([SignalJudgement("errors", "pass", "fine")], ["a"])
FAILED = report([SignalJudgement("errors", "fail", "9 of 10")], ["a", "b"])
BUDGET = report([SignalJudgement("error budget", "hold", "5 % left")], ["b", "c"])


@pytest.mark.parametrize(
    ("reports", "verdict"),
    [
        ([PASSED], "pass"),
        ([PASSED, BUDGET], "hold"),
        ([FAILED, BUDGET], "fail"),
        ([PASSED, held("no answer")], "hold"),
        ([], "hold"),
    ],
)
def test_the_worst_of_all_decides(reports: list[GateReport], verdict: str) -> None:
    assert combined(reports).verdict == verdict


def test_a_part_without_data_says_why() -> None:
    assert combined([PASSED, held("no answer")]).reason == "data: no answer"


def test_what_was_not_judged_is_said_of_each() -> None:
    noted = report([SignalJudgement("errors", "pass", "fine")], [], notes=["latency: not judged"])
    assert combined([noted, BUDGET]).notes == ["latency: not judged"]


def test_each_query_is_named_once() -> None:
    assert combined([FAILED, BUDGET]).queries == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "verdict"), [("allow", "pass"), ("refuse", "fail"), ("hold", "hold")]
)
def test_the_record_of_migrations_is_a_signal(answer: str, verdict: str) -> None:
    judged = judge_migration("migration", answer, "because")  # type: ignore[arg-type]
    assert combined([PASSED], [judged]).verdict == verdict


@pytest.mark.parametrize("answer", ["refuse", "hold"])
def test_a_fail_behind_a_contract_is_a_hold_that_says_what_it_would_be(answer: str) -> None:
    found = without_way_back(FAILED, answer, "contracted")  # type: ignore[arg-type]
    assert (found.verdict, found.would) == ("hold", "fail")
    assert found.reason == "no automatic rollback (contracted); errors: 9 of 10"


@pytest.mark.parametrize(("before", "answer"), [(FAILED, "allow"), (PASSED, "hold")])
def test_else_the_report_stays_as_it_is(before: GateReport, answer: str) -> None:
    assert without_way_back(before, answer, "x") is before  # type: ignore[arg-type]
