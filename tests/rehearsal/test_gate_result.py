"""What the gate has said is told in numbers: who met the fault, and what the verdict took."""

from dataclasses import replace
from typing import Any

from drainproxy.rehearsal.gate_result import GateResult, WeightResult, deciding, requests_of
from drainproxy.rollout.gate.judgement import Count, SignalJudgement
from drainproxy.rollout.gate.report import held, report

ERRORS = SignalJudgement(
    "errors", "fail", "4 of 100 beside 0 of 1900", Count(4, 100), Count(0, 1900)
)
LATE = SignalJudgement("latency", "pass", "all within", Count(0, 90), Count(0, 1700))
BUSY = SignalJudgement("saturation", "hold", "too busy")


def step(weight: int, verdict: Any = "pass") -> WeightResult:
    return WeightResult(weight, verdict, "so it is", 7.25, 186, {})


PASSED = GateResult(
    verdict="pass",
    reason="8 signals within what is tolerated",
    stopped_at=None,
    signals=[],
    requests_of_new=4000,
    requests_of_old=1000,
    seconds=60.2,
    requests=20_000,
    users=15_000,
    users_struck=0,
    steps=[step(weight) for weight in range(5, 100, 5)],
)
FAILED = replace(
    PASSED,
    verdict="fail",
    reason="errors: 4 of 100 beside 0 of 1900",
    stopped_at=10,
    signals=[ERRORS],
    requests_of_new=100,
    requests_of_old=1900,
    users=2000,
    users_struck=5,
    steps=[step(5), step(10, "fail")],
)


def test_what_went_through_is_no_problem_and_says_what_the_first_step_took() -> None:
    assert list(PASSED.problems()) == []
    assert list(PASSED.remarks()) == [
        "The gate let it pass 19 weights in 60 s; the first took 186 requests of the new version"
        " and 7 s.",
        "0 of 15,000 users met a fault (0.0%).",
    ]


def test_what_was_stopped_says_where_why_and_what_it_took() -> None:
    stopped, why = FAILED.problems()
    assert stopped == "The gate stopped it at 10 %, and it was rolled back."
    assert why == "fail: errors: 4 of 100 beside 0 of 1900"
    assert list(FAILED.remarks()) == [
        "The verdict took 100 requests of the new version beside 1,900 of the old, and 60 s.",
        "5 of 2,000 users met a fault (0.2%).",
    ]


def test_what_was_counted_is_called_by_its_name() -> None:
    broken = SignalJudgement("broken websockets", "fail", "all", Count(3, 3), Count(0, 60))
    assert next(replace(FAILED, signals=[broken]).remarks()).startswith(
        "The verdict took 100 WebSockets of the new version"
    )


def test_what_was_held_too_long_is_no_fail() -> None:
    waited = replace(FAILED, verdict="hold", reason="nobody answers", signals=[])
    stopped, why = waited.problems()
    assert stopped == "The gate came to no verdict in time at 10 %, and it was rolled back."
    assert why == "hold: nobody answers"


def test_a_verdict_rests_on_the_signal_that_decided() -> None:
    assert deciding(report([LATE, ERRORS, BUSY], [])) is ERRORS
    assert requests_of(ERRORS) == (100, 1900)
    more = SignalJudgement("errors", "pass", "fine", Count(0, 200), Count(0, 10))
    assert deciding(report([LATE, more], [])) is more


def test_where_nothing_was_counted_it_rests_on_nothing() -> None:
    assert requests_of(deciding(held("nobody answers"))) == (0, 0)
    assert requests_of(deciding(report([BUSY], []))) == (0, 0)
