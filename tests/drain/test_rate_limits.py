"""A budget lets so much through in so many seconds, and forgets what was not spent; a share of it
all may be more, up to half of what was begun."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.rate_limits import ProportionalLimit, RateLimit

WINDOW = 10.0

mosts = st.integers(1, 20)
# Whole numbers: nothing is said of moments that are apart by less than floats can tell.
moments = st.lists(st.integers(0, 200), max_size=100).map(sorted)


def spent(budget: RateLimit, *moments: float) -> list[bool]:
    return [budget.spend(now) for now in moments]


def test_so_many_are_let_through_and_no_more() -> None:
    assert spent(RateLimit(3, WINDOW), 100, 101, 102, 103, 104) == [True, True, True, False, False]


def test_the_window_begins_with_the_first_that_is_spent() -> None:
    budget = RateLimit(1, WINDOW)
    assert spent(budget, 107.5, 117.4, 117.5) == [True, False, True]


def test_it_tells_when_its_window_ends() -> None:
    budget = RateLimit(1, WINDOW)
    spent(budget, 100, 104)
    assert budget.ends == 110


def test_a_new_window_has_all_of_it_again() -> None:
    budget = RateLimit(2, WINDOW)
    assert spent(budget, 100, 100, 100) == [True, True, False]
    assert spent(budget, 110, 110, 110) == [True, True, False]


def test_it_tells_how_much_was_asked_for_in_this_window() -> None:
    budget = RateLimit(2, WINDOW)
    spent(budget, *[100.0] * 5)
    assert budget.spent == 5
    spent(budget, 110)
    assert budget.spent == 1


def test_what_was_not_spent_is_not_kept() -> None:
    budget = RateLimit(2, WINDOW)
    assert spent(budget, 100, 200, 200, 200) == [True, True, True, False]


def test_who_is_refused_does_not_wait_longer_for_that() -> None:
    budget = RateLimit(1, WINDOW)
    assert spent(budget, 100, *[109.9] * 50, 110) == [True, *[False] * 50, True]


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_the_clock_may_begin_anywhere(now: float) -> None:
    assert spent(RateLimit(1, WINDOW), now, now) == [True, False]


def test_a_budget_of_nothing_lets_nothing_through() -> None:
    assert spent(RateLimit(0, WINDOW), 100, 200) == [False, False]


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
    assert all(spent(RateLimit(most, WINDOW), *kept))


@given(mosts, moments)
def test_at_worst_the_end_of_a_window_meets_the_beginning_of_the_next(
    most: int, moments: list[int]
) -> None:
    granted = spent(RateLimit(most, WINDOW), *moments)
    through = [now for now, let in zip(moments, granted, strict=True) if let]
    assert busiest(through) <= 2 * most - 1


@given(mosts, moments)
def test_nobody_is_refused_while_something_is_left(most: int, moments: list[int]) -> None:
    budget, begins, taken = RateLimit(most, WINDOW), -WINDOW, 0
    for now in moments:
        if now >= begins + WINDOW:
            begins, taken = now, 0
        taken += 1
        assert budget.spend(now) == (taken <= most)


# A share


class Shared:
    """Streams that begin, of which some are reset."""

    def __init__(self, most: int) -> None:
        self.share = ProportionalLimit(most, WINDOW)
        self.begun = 0

    def begin(self, now: float, count: int = 1) -> None:
        if count and now >= self.share.mark_at:
            self.share.mark(now, self.begun)
        self.begun += count

    def reset(self, now: float, count: int = 1) -> list[bool]:
        return [self.share.spend(now, self.begun) for _ in range(count)]


def test_so_many_may_be_reset_however_few_were_begun() -> None:
    streams = Shared(3)
    streams.begin(100, 4)
    assert streams.reset(100, 4) == [True, True, True, False]


def test_more_may_be_reset_while_they_are_at_most_half() -> None:
    streams = Shared(3)
    streams.begin(100, 20)
    assert streams.reset(101, 11) == [True] * 10 + [False]


def test_it_tells_how_many_were_reset_of_how_many() -> None:
    streams = Shared(1)
    streams.begin(100, 50)
    streams.reset(101, 2)
    streams.begin(112, 7)
    streams.reset(113, 3)
    assert (streams.share.spent, streams.share.begun) == (3, 7)


def test_the_many_good_ones_of_long_ago_do_not_count() -> None:
    streams = Shared(3)
    streams.begin(100, 1_000_000)
    streams.begin(100 + WINDOW, 4)
    assert streams.reset(100 + WINDOW, 4) == [True, True, True, False]


def test_the_good_ones_of_this_window_count_when_they_came_before_the_resets() -> None:
    streams = Shared(3)
    streams.begin(100, 2000)
    streams.begin(109, 501)
    assert all(streams.reset(109, 501))


def test_any_window_counts_and_not_only_those_that_begin_with_the_first() -> None:
    streams = Shared(4)
    for second in range(100, 110):
        streams.begin(second)
    # Two at the end of one window, and three more before it would be over again.
    assert streams.reset(100, 1) == [True]
    assert streams.reset(109, 3) == [True] * 3
    streams.begin(111, 2)
    assert streams.reset(111, 2) == [True, False]


def test_what_was_reset_a_whole_window_ago_is_forgotten() -> None:
    streams = Shared(2)
    for second in (100, 110, 120):
        streams.begin(second, 2)
        assert streams.reset(second, 2) == [True, True]


def test_resets_of_what_began_earlier_count_when_they_come() -> None:
    streams = Shared(2)
    streams.begin(100, 5)
    assert streams.reset(150, 3) == [True, True, False]


def test_nothing_may_be_reset_if_that_is_so_said_but_a_half() -> None:
    streams = Shared(0)
    streams.begin(100)
    assert streams.reset(100) == [False]
    streams.begin(100, 3)
    assert streams.reset(100) == [True]
    assert streams.reset(100) == [False]


def test_marks_are_few_whatever_comes() -> None:
    streams = Shared(10)
    for tick in range(100_000):
        streams.begin(100 + tick / 1000)
        if tick % 100 == 0:
            streams.reset(100 + tick / 1000)
    assert len(streams.share._marks) <= 33


# (moment, how many begin, how many are reset after that)
lives = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 6), st.integers(0, 6)), max_size=60
).map(lambda life: sorted(life, key=lambda each: each[0]))


@given(st.integers(0, 12), lives)
def test_a_share_is_what_counting_everything_in_the_window_finds(
    most: int, life: list[tuple[int, int, int]]
) -> None:
    streams = Shared(most)
    begun: list[int] = []
    reset: list[int] = []
    for now, begins, resets in life:
        streams.begin(now, begins)
        begun += [now] * begins
        for _ in range(resets):
            reset.append(now)
            in_window = [sum(each > now - WINDOW for each in all_) for all_ in (reset, begun)]
            too_many = in_window[0] > most and 2 * in_window[0] > in_window[1]
            assert streams.reset(now) == [not too_many]
            assert [streams.share.spent, streams.share.begun] == in_window


@given(st.integers(0, 8), st.lists(st.floats(0, 100), max_size=60).map(sorted))
def test_so_many_and_no_more_pass_in_any_window_of_those_that_are_all_reset(
    most: int, moments: list[float]
) -> None:
    streams = Shared(most)
    passed: list[float] = []
    for now in moments:
        streams.begin(now)
        within = sum(each > now - WINDOW for each in passed) < most
        (let,) = streams.reset(now)
        assert let is within
        if not let:
            return
        passed.append(now)
