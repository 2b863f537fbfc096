"""Goodbyes are spread evenly, and never in step."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.goodbye import spread

# A draw for each of their numbers would take most of the time.
chances = st.integers(0, 2**32 - 1).map(random.Random)


def test_each_goodbye_has_its_slot_and_a_place_in_it() -> None:
    places = iter([0.0, 0.5, 0.25, 0.75])
    assert spread(4, 8.0, lambda: next(places)) == [0.0, 3.0, 4.5, 7.5]


def test_nobody_to_tell_needs_no_time() -> None:
    assert spread(0, 10.0, random.random) == []


@pytest.mark.parametrize("window", [0.0, -3.0])
def test_without_a_window_all_hear_it_at_once(window: float) -> None:
    assert spread(3, window, random.random) == [0.0, 0.0, 0.0]


@given(st.integers(1, 500), st.floats(0, 1e6), chances)
def test_the_delays_ascend_within_the_window(
    count: int, window: float, chance: random.Random
) -> None:
    delays = spread(count, window, chance.random)
    assert len(delays) == count
    assert delays == sorted(delays)
    assert delays[0] >= 0
    assert delays[-1] <= window * (1 + 1e-9)


@given(st.integers(2, 200), chances)
def test_each_has_a_slot_of_its_own(count: int, chance: random.Random) -> None:
    for place, delay in enumerate(spread(count, float(count), chance.random)):
        assert place <= delay <= place + 1
