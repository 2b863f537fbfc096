"""A budget lets so much through in so many seconds, and forgets what was not spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.budget import Budget

WINDOW = 10.0

mosts = st.integers(1, 20)
# Whole numbers: nothing is said of moments that are apart by less than floats can tell.
moments = st.lists(st.integers(0, 200), max_size=100).map(sorted)


def spent(budget: Budget, *moments: float) -> list[bool]:
    return [budget.spend(now) for now in moments]


def test_so_many_are_let_through_and_no_more() -> None:
    assert spent(Budget(3, WINDOW), 100, 101, 102, 103, 104) == [True, True, True, False, False]


def test_the_window_begins_with_the_first_that_is_spent() -> None:
    budget = Budget(1, WINDOW)
    assert spent(budget, 107.5, 117.4, 117.5) == [True, False, True]


def test_it_tells_when_its_window_ends() -> None:
    budget = Budget(1, WINDOW)
    spent(budget, 100, 104)
    assert budget.ends == 110


def test_a_new_window_has_all_of_it_again() -> None:
    budget = Budget(2, WINDOW)
    assert spent(budget, 100, 100, 100) == [True, True, False]
    assert spent(budget, 110, 110, 110) == [True, True, False]


def test_what_was_not_spent_is_not_kept() -> None:
    budget = Budget(2, WINDOW)
    assert spent(budget, 100, 200, 200, 200) == [True, True, True, False]


def test_who_is_refused_does_not_wait_longer_for_that() -> None:
    budget = Budget(1, WINDOW)
    assert spent(budget, 100, *[109.9] * 50, 110) == [True, *[False] * 50, True]


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_the_clock_may_begin_anywhere(now: float) -> None:
    assert spent(Budget(1, WINDOW), now, now) == [True, False]


def test_a_budget_of_nothing_lets_nothing_through() -> None:
    assert spent(Budget(0, WINDOW), 100, 200) == [False, False]


def busiest(moments: list[int]) -> int:
    """The most of them that lie in any one window."""
    return max(
        (sum(begins <= now < begins + WINDOW for now in moments) for begins in moments), default=0
    )


@given(mosts, moments)
def test_who_never_has_more_in_a_window_is_never_refused(most: int, moments: list[int]) -> None:
    kept: list[int] = []
    for now in moments:
        if busiest([*kept, now]) <= most:
            kept.append(now)
    assert all(spent(Budget(most, WINDOW), *kept))


@given(mosts, moments)
def test_at_worst_the_end_of_a_window_meets_the_beginning_of_the_next(
    most: int, moments: list[int]
) -> None:
    granted = spent(Budget(most, WINDOW), *moments)
    through = [now for now, let in zip(moments, granted, strict=True) if let]
    assert busiest(through) <= 2 * most - 1


@given(mosts, moments)
def test_nobody_is_refused_while_something_is_left(most: int, moments: list[int]) -> None:
    budget, begins, taken = Budget(most, WINDOW), -WINDOW, 0
    for now in moments:
        if now >= begins + WINDOW:
            begins, taken = now, 0
        taken += 1
        assert budget.spend(now) == (taken <= most)
