"""Who comes while a process leaves is told later, and needs no more than two connections for it."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.latecomers import TOLD_AFTER, told_at
from drainproxy.drain.machine import CUTTING_RESERVE, LATEST_CLOSE
from tests.drain.shell import TIMING

SAMPLES = st.floats(0, 1, exclude_max=True)
MOMENTS = st.floats(0, 1e6)
BELATED = st.floats(1e-3, 1e5)


@given(MOMENTS, st.floats(1e-3, TOLD_AFTER, exclude_max=True), SAMPLES)
def test_who_comes_at_first_is_told_after_some_seconds_that_vary(
    since: float, late: float, sample: float
) -> None:
    waits = told_at(since + late, since, sample) - (since + late)
    assert waits == inf or TOLD_AFTER * 0.999 <= waits <= 2.001 * TOLD_AFTER


@given(MOMENTS, BELATED, SAMPLES, SAMPLES)
def test_who_comes_again_each_time_that_it_is_told_comes_twice_at_most(
    since: float, late: float, first: float, second: float
) -> None:
    """The third of its connections, with the one that it had before, lasts until the close."""
    told = told_at(since + late, since, first)
    assert told == inf or told_at(told, since, second) == inf


def test_those_that_come_together_are_not_told_together() -> None:
    told = [told_at(100.0, 99.0, sample / 10) for sample in range(10)]
    assert told == sorted(told)
    assert told[0] == 100.0 + TOLD_AFTER
    assert told[-1] - told[0] > TOLD_AFTER / 2


def test_who_comes_at_first_outlasts_the_quiet_and_in_a_usual_drain_is_told_before_its_close() -> (
    None
):
    closes = LATEST_CLOSE * (TIMING.timeout - CUTTING_RESERVE) - TIMING.delay
    assert TIMING.quiet < TOLD_AFTER <= 2 * TOLD_AFTER < closes
    assert told_at(100.0 + TOLD_AFTER, 100.0, 0.0) == inf, "it may have been told just now"
