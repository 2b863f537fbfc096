"""Evidence may be looked at at any time: what chance does, and how soon a worse version shows."""

import random
from bisect import bisect_right
from math import inf, log
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.evidence import evidence, needed, upper_bound
from drainproxy.rollout.gate.judgement import Count, judge, policy_of
from tests.conftest import ROOT

GUIDE = (ROOT / "deploy" / "ROLLOUTS.md").read_text()

counts = st.integers(0, 10_000)


def test_no_bad_events_are_no_evidence_against_anybody() -> None:
    assert evidence(0, 1000, 0, 19_000) == 1


@pytest.mark.parametrize(("canary_all", "stable_all"), [(0, 0), (0, 100), (100, 0)])
def test_without_both_sides_nothing_is_compared(canary_all: int, stable_all: int) -> None:
    assert evidence(min(5, canary_all), canary_all, min(5, stable_all), stable_all) == 1


def test_a_clean_baseline_hides_no_errors() -> None:
    assert evidence(20, 2000, 0, 38_000) > 1e6


def test_as_many_as_expected_are_evidence_of_nothing() -> None:
    assert evidence(10, 1000, 190, 19_000) < 1
    assert evidence(20, 1000, 190, 19_000) < 1.5


@given(counts, counts, counts, counts, st.sampled_from([1.0, 2.0, 3.0]))
def test_it_is_a_number_for_all_counts(
    bad: int, good: int, stable_bad: int, stable_good: int, tolerated: float
) -> None:
    found = evidence(bad, bad + good, stable_bad, stable_bad + stable_good, tolerated)
    assert 0 <= found < inf


@given(counts, st.integers(1, 10_000), counts, st.integers(1, 10_000))
def test_a_further_bad_event_of_the_canary_is_no_less_evidence(
    bad: int, canary_all: int, stable_bad: int, stable_all: int
) -> None:
    more = evidence(bad + 1, canary_all + bad, stable_bad, stable_all + stable_bad)
    assert more >= evidence(bad, canary_all + bad, stable_bad, stable_all + stable_bad)


@given(st.integers(1, 1000), st.integers(1, 1000), st.sampled_from([1.0, 2.0]))
def test_what_is_expected_of_the_next_bad_event_is_what_there_is(
    canary_all: int, stable_all: int, tolerated: float
) -> None:
    """The martingale: under the tolerated ratio the mean over whose the next event is changes
    nothing."""
    share = tolerated * canary_all / (tolerated * canary_all + stable_all)
    mean = share * evidence(1, canary_all, 0, stable_all, tolerated) + (1 - share) * evidence(
        0, canary_all, 1, stable_all, tolerated
    )
    assert mean == pytest.approx(1)


# Simulated

WEIGHT, STEP = 0.05, 20


def first_alarm(
    chance: random.Random, canary: float, stable: float, tolerated: float, most: int
) -> float:
    """How many canary requests had come when evidence was first enough, looked at every 20; no
    look finds more than the last bad event before it."""
    ratio = (1 - WEIGHT) / WEIGHT
    events = sorted(
        [(at, True) for at in _bad_events(chance, canary, most)]
        + [(at / ratio, False) for at in _bad_events(chance, stable, most * ratio)]
    )
    canary_bad = stable_bad = 0
    for place, (at, its) in enumerate(events):
        canary_bad, stable_bad = canary_bad + its, stable_bad + (not its)
        look = (int(at) // STEP + 1) * STEP
        if place + 1 < len(events) and events[place + 1][0] < look:
            continue
        if its and evidence(canary_bad, look, stable_bad, int(look * ratio), tolerated) >= 100:
            return look
    return inf


def _bad_events(chance: random.Random, rate: float, requests: float) -> list[float]:
    """After how many requests bad ones come."""
    found, at = [], 0.0
    while (at := at + 1 + int(log(1 - chance.random()) / log(1 - rate))) <= requests:
        found.append(at)
    return found


@pytest.mark.parametrize(
    ("tolerated", "most"), [pytest.param(1.0, 20, marks=pytest.mark.slow), (2.0, 2)]
)
def test_the_same_version_is_hardly_ever_called_worse(tolerated: float, most: int) -> None:
    """Of 2,000 rollouts at 0.1 % errors, each looked at 200 times: 1 % at k=1, 0.1 % at k=2."""
    chance = random.Random(7)
    alarms = sum(first_alarm(chance, 0.001, 0.001, tolerated, 4000) < inf for _ in range(2000))
    assert alarms <= most


@pytest.mark.parametrize(
    ("stable", "canary", "tolerated", "most"),
    [
        pytest.param(0.001, 0.01, 2.0, 900, marks=pytest.mark.slow),
        pytest.param(0.001, 0.01, 1.0, 520, marks=pytest.mark.slow),
        (1e-9, 0.01, 2.0, 450),
    ],
)
def test_a_worse_version_is_found_within_so_many_requests(
    stable: float, canary: float, tolerated: float, most: int
) -> None:
    chance = random.Random(7)
    found = [first_alarm(chance, canary, stable, tolerated, 20_000) for _ in range(300)]
    assert median(found) <= most


def passes(chance: random.Random, canary: float, stable: float, most: int) -> bool:
    """Whether a step ends with a pass, by the whole rule, looked at every 20 requests; each bad
    event is in a scrape interval of its own."""
    ratio = (1 - WEIGHT) / WEIGHT
    its = _bad_events(chance, canary, most)
    others = _bad_events(chance, stable, most * ratio)
    for look in range(STEP, most, STEP):
        bad, beside = bisect_right(its, look), bisect_right(others, look * ratio)
        mine = Count(bad, look, bad)
        verdict = judge("errors", mine, Count(beside, int(look * ratio)), policy_of(0.999)).verdict
        if verdict != "hold":
            return verdict == "pass"
    return False


@pytest.mark.parametrize(
    ("canary", "percent"),
    [
        (0.001, 100),
        (0.01, 48),
        pytest.param(0.02, 3.4, marks=pytest.mark.slow),
        pytest.param(0.03, 0.3, marks=pytest.mark.slow),
    ],
)
def test_one_step_is_passed_as_often_as_the_guide_says(canary: float, percent: float) -> None:
    """deploy/ROLLOUTS.md has them of 3,000 steps; of 200 each lies within three deviations."""
    chance = random.Random(7)
    found = sum(passes(chance, canary, 0.001, 4000) for _ in range(200))
    expected = percent / 100
    assert found == pytest.approx(
        200 * expected, abs=1 + 3 * (200 * expected * (1 - expected)) ** 0.5
    )
    row = next(line for line in GUIDE.splitlines() if line.startswith("| passes one step"))
    assert f" {percent:g} % " in row


# The bound


@pytest.mark.parametrize(("total", "within"), [(185, False), (186, True)])
def test_without_an_error_186_requests_are_enough_for_three_nines(total: int, within: bool) -> None:
    assert (upper_bound(0, total) <= 14.4 * (1 - 0.999)) == within


@given(st.integers(0, 500), st.integers(0, 5000))
def test_the_bound_lies_above_what_was_seen(bad: int, good: int) -> None:
    bound = upper_bound(bad, bad + good)
    assert bound <= 1
    assert bound >= (bad / (bad + good) if bad + good else 1) - 1e-9


@given(st.integers(0, 300), st.floats(0.001, 0.999))
def test_needed_is_the_least_that_is_enough(bad: int, bound: float) -> None:
    least = needed(bad, bound)
    assert upper_bound(bad, int(least)) <= bound
    assert least == max(bad, 1) or upper_bound(bad, int(least) - 1) > bound


def test_no_number_is_enough_for_a_bound_of_nothing() -> None:
    assert needed(0, 0) == inf
    assert needed(3, 1) == 3


def test_the_bound_is_the_one_of_wilson() -> None:
    """By hand, for 5 of 100: (0.05 + z2/200 + z sqrt(0.05 0.95/100 + z2/40000)) / (1 + z2/100)."""
    assert upper_bound(5, 100) == pytest.approx(0.09916, abs=1e-5)
    assert upper_bound(0, 186) == pytest.approx(0.014337, abs=1e-5)
