"""One signal: fail beyond chance, pass within the bound, else hold and say what is missing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.judgement import (
    Count,
    SignalJudgement,
    Tolerance,
    judge,
    overall,
    policy_of,
)

THREE_NINES = policy_of(0.999)


def errors(canary: Count, stable: Count, policy: Tolerance = THREE_NINES) -> SignalJudgement:
    return judge("errors", canary, stable, policy)


@pytest.mark.parametrize(
    ("canary", "stable", "verdict"),
    [
        (Count(0, 186), Count(0, 3534), "pass"),
        (Count(0, 185), Count(0, 3515), "hold"),
        (Count(20, 2000, 5), Count(0, 38_000), "fail"),
        # One burst is no fail, whatever the evidence: its share decides.
        (Count(20, 1900, 1), Count(0, 36_100), "hold"),
        (Count(20, 2000, 1), Count(0, 38_000), "pass"),
        (Count(0, 0), Count(0, 1000), "hold"),
        (Count(0, 1000), Count(0, 0), "hold"),
        (Count(5, 1000, 3), Count(95, 19_000), "pass"),
        (Count(50, 1000, 9), Count(95, 19_000), "fail"),
        # Worse beyond doubt, and by less than anybody minds.
        (Count(200, 1_000_000, 9), Count(20, 19_000_000), "pass"),
        (Count(1000, 1_000_000, 9), Count(0, 19_000_000), "pass"),
        (Count(1001, 1_000_000, 9), Count(0, 19_000_000), "fail"),
    ],
)
def test_the_verdict_follows_from_the_counts(canary: Count, stable: Count, verdict: str) -> None:
    assert errors(canary, stable).verdict == verdict


def test_what_holds_says_how_many_are_missing() -> None:
    assert errors(Count(0, 100), Count(0, 1900)).missing == 86
    assert errors(Count(0, 0), Count(0, 1900)).missing == 186
    assert "86 more" in errors(Count(0, 100), Count(0, 1900)).reason


@pytest.mark.parametrize(
    ("canary", "stable"),
    [
        (Count(0, 0), Count(3, 1900)),
        (Count(0, 100), Count(3, 1900)),
        (Count(0, 1000), Count(3, 1900)),
        (Count(60, 1000, 9), Count(3, 1900)),
        (Count(60, 1000, 1), Count(3, 1900)),
        (Count(1, 1000, 1), Count(0, 0)),
    ],
)
def test_each_reason_has_the_counts_of_both_sides_and_the_bound(
    canary: Count, stable: Count
) -> None:
    judged = errors(canary, stable)
    assert {str(canary), str(stable)} <= set(re.findall(r"\d+ of \d+", judged.reason))
    assert "1.44 %" in judged.reason
    if judged.missing is not None:
        assert f"{judged.missing} more" in judged.reason


def test_what_is_missing_is_enough() -> None:
    held = errors(Count(3, 150, 2), Count(5, 3000))
    assert held.missing is not None
    later = errors(Count(3, 150 + held.missing, 2), Count(5, 3000))
    sooner = errors(Count(3, 149 + held.missing, 2), Count(5, 3000))
    assert (sooner.verdict, later.verdict) == ("hold", "pass")


def test_a_bad_baseline_allows_as_many_times_its_own() -> None:
    judged = errors(Count(100, 1000, 9), Count(1900, 19_000))
    assert (judged.verdict, judged.bound) == ("pass", 0.2)


@given(*[st.integers(0, 5000)] * 4, st.integers(0, 5))
def test_every_count_has_a_verdict_and_a_reason(
    bad: int, good: int, stable_bad: int, stable_good: int, intervals: int
) -> None:
    canary, stable = Count(bad, bad + good, intervals), Count(stable_bad, stable_bad + stable_good)
    judged = errors(canary, stable)
    assert judged.reason
    if judged.verdict == "pass":
        assert canary.total
        assert stable.total
        assert judged.missing is None


def test_no_objective_lets_everything_pass() -> None:
    """14.4 times the budget of 90 % is more than all requests."""
    lax = policy_of(0.9)
    assert lax.allowed == 0.5
    assert judge("errors", Count(1, 1, 1), Count(0, 10_000), lax).verdict == "hold"
    assert judge("errors", Count(0, 3), Count(0, 10_000), lax).verdict == "pass"


@pytest.mark.parametrize("slo", [0, 1, 99.9, -1])
def test_an_objective_in_percent_is_refused(slo: float) -> None:
    with pytest.raises(ValueError, match=r"such as 0\.999"):
        policy_of(slo)


def verdicts(*found: str) -> list[SignalJudgement]:
    # The verdicts are written as plain texts in the tables of cases.
    return [SignalJudgement("signal", each, "because") for each in found]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ((), "hold"),
        (("pass",), "pass"),
        (("pass", "hold"), "hold"),
        (("hold", "fail", "pass"), "fail"),
    ],
)
def test_one_bad_signal_is_enough(found: tuple[str, ...], verdict: str) -> None:
    assert overall(verdicts(*found)) == verdict
