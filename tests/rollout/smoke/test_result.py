"""The verdict of a smoke test."""

from datetime import UTC, datetime

import pytest

from drainproxy.rollout.smoke.result import Attempt, SmokeResult, StepResult, Verdict

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PASSED = StepResult("one", "http", 1, (Attempt(0.1),))
RETRIED = StepResult("two", "sse", 2, (Attempt(0.1, ("no event",)), Attempt(0.2)))
BROKEN = StepResult("three", "exec", 3, (Attempt(0.1, ("a",)), Attempt(1.5, ("b", "c"))))
SKIPPED = StepResult("four", "grpc", None, ())


def result(*steps: StepResult) -> SmokeResult:
    return SmokeResult("shop", "t.yaml", "http://app", steps, BEGAN, 2.5)


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ((PASSED,), "pass"),
        ((PASSED, RETRIED), "pass"),
        ((PASSED, BROKEN), "fail"),
        ((PASSED, SKIPPED), "fail"),
        ((SKIPPED,), "fail"),
        ((), "fail"),
    ],
)
def test_only_steps_that_all_passed_are_a_pass(
    steps: tuple[StepResult, ...], verdict: Verdict
) -> None:
    assert result(*steps).verdict == verdict


def test_the_last_attempt_of_a_step_counts() -> None:
    assert [each.verdict for each in (PASSED, RETRIED, BROKEN, SKIPPED)] == [
        *("pass", "pass", "fail", "skip")
    ]
    assert BROKEN.problems == ("b", "c")
    assert SKIPPED.problems == ()


def test_a_test_without_steps_has_a_problem_of_its_own() -> None:
    assert result().problem
    assert not result(BROKEN).problem
