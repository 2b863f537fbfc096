"""An honest client passes no budget, and who floods passes one: which, and by how much."""

import pytest

from drainproxy.relay.http2.floods import Floods
from drainproxy.wire.http2 import ENHANCE_YOUR_CALM, Http2Error

NOW = 1000.0


def spent(error: pytest.ExceptionInfo[Http2Error]) -> tuple[int, str, int]:
    return error.value.code, error.value.budget, error.value.spent


def test_frames_that_carry_nothing_have_a_budget_that_is_new_in_each_window() -> None:
    floods = Floods(500)
    for moment in (NOW, NOW + 10):
        for _ in range(1000):
            floods.spend_control(moment, 0)
    with pytest.raises(Http2Error) as error:
        floods.spend_control(NOW + 19, 0)
    assert spent(error) == (ENHANCE_YOUR_CALM, "control-frames", 1001)


def test_data_pays_for_ten_of_them() -> None:
    floods = Floods(500)
    for _ in range(1000):
        floods.spend_control(NOW, 0)
    for _ in range(70):
        floods.spend_control(NOW, 7)
    with pytest.raises(Http2Error):
        floods.spend_control(NOW, 7)


def test_empty_frames_have_a_smaller_one() -> None:
    floods = Floods(500)
    for _ in range(100):
        floods.spend_empty(NOW)
    with pytest.raises(Http2Error) as error:
        floods.spend_empty(NOW)
    assert spent(error) == (ENHANCE_YOUR_CALM, "empty-frames", 101)


def test_resets_are_too_many_if_they_are_more_than_half_as_well() -> None:
    few, most = Floods(3), Floods(3)
    for number in range(3):
        few.spend_reset(NOW, 2 * number + 2)
        most.spend_reset(NOW, number + 1)
    few.spend_reset(NOW, 20)
    with pytest.raises(Http2Error) as error:
        most.spend_reset(NOW, 4)
    assert spent(error)[:2] == (ENHANCE_YOUR_CALM, "max-resets")
