"""What one side has announced in SETTINGS and the other has not acknowledged (RFC 9113 6.5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.http2.announced import Announced
from drainproxy.wire.http2 import (
    ENHANCE_YOUR_CALM,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    Http2Error,
)


def test_they_are_acknowledged_in_their_order() -> None:
    announced = Announced()
    announced.add([(HEADER_TABLE_SIZE, 1), (MAX_FRAME_SIZE, 2)])
    announced.add([(INITIAL_WINDOW_SIZE, 3)])
    assert announced.acknowledged() == (1, 2, None)
    assert announced.acknowledged() == (None, None, 3)


def test_an_acknowledgement_of_nothing_says_nothing() -> None:
    assert Announced().acknowledged() == (None, None, None)


def test_of_a_setting_that_stands_twice_in_a_frame_the_last_counts() -> None:
    announced = Announced()
    announced.add([(INITIAL_WINDOW_SIZE, 3), (INITIAL_WINDOW_SIZE, 5)])
    assert announced.least_window == 5


@given(st.lists(st.none() | st.integers(0, 9)))
def test_the_least_window_is_that_of_all_that_wait(steps: list[int | None]) -> None:
    """None: the oldest is acknowledged; 0 names no window."""
    announced = Announced()
    waiting: list[int | None] = []
    for step in steps:
        if step is None:
            expected = waiting.pop(0) if waiting else None
            assert announced.acknowledged()[2] == expected
        else:
            waiting.append(step or None)
            announced.add([(INITIAL_WINDOW_SIZE, step)] if step else [])
        named = [window for window in waiting if window is not None]
        assert announced.least_window == min(named, default=None)
        assert len(announced) == len(waiting)


def test_no_more_than_a_thousand_wait() -> None:
    announced = Announced()
    for _ in range(1000):
        announced.add([])
    with pytest.raises(Http2Error) as error:
        announced.add([])
    assert error.value.code == ENHANCE_YOUR_CALM
    announced.acknowledged()
    announced.add([])
