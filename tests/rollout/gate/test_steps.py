"""What is counted begins anew at each weight, as far as what an engine asks tells it."""

import pytest
from msgspec.structs import replace

from drainproxy.rollout.gate.evidence import evidence
from drainproxy.rollout.gate.look import Rollout
from drainproxy.rollout.gate.steps import Steps

T0 = 1_000_000.0
AT = {weight: Rollout('v="2"', 'v="1"', 1200, weight=weight) for weight in (0, 5, 10, 25, 100)}
# Of the analysis in the background, or of Flagger.
WEIGHTLESS = replace(AT[5], weight=None)


def windows(steps: Steps, *asked: tuple[float, Rollout]) -> list[float]:
    return [steps.within_step(rollout, T0 + at).window for at, rollout in asked]


def test_a_step_is_counted_from_its_beginning_until_it_is_over() -> None:
    asked = [(60 + 30 * look, AT[5]) for look in range(4)]
    assert windows(Steps(), *asked) == [60, 90, 120, 150], "the first question is behind a warm-up"


def test_another_weight_is_another_step() -> None:
    asked = (0, AT[5]), (90, AT[10]), (120, AT[10]), (150, AT[5])
    assert windows(Steps(), *asked) == [60, 60, 90, 60]


def test_no_step_is_counted_beyond_the_window() -> None:
    short = replace(AT[5], window=100)
    assert windows(Steps(), (0, short), (30, short), (60, short)) == [60, 90, 100]


def test_who_names_no_weight_is_told_of_the_step_that_others_ask_about() -> None:
    assert windows(Steps(), (0, WEIGHTLESS), (10, AT[5]), (40, WEIGHTLESS)) == [1200, 60, 90]


@pytest.mark.parametrize("weight", [0, 100])
def test_where_one_version_has_no_users_the_window_decides(weight: int) -> None:
    assert windows(Steps(), (0, AT[5]), (30, AT[weight])) == [60, 1200]


def test_what_nobody_asks_about_any_more_is_over() -> None:
    asked = (0, AT[5]), (30, AT[5]), (220, AT[5]), (250, AT[5]), (900, WEIGHTLESS)
    assert windows(Steps(), *asked) == [60, 90, 60, 90, 1200]


def test_who_asks_seldom_is_remembered_for_longer() -> None:
    asked = [(300 * look, AT[5]) for look in range(4)]
    assert windows(Steps(), *asked) == [60, 60, 360, 660]
    steps = Steps()
    for at in (0, 300, 600):
        steps.passed(WEIGHTLESS, T0 + at)
        assert windows(steps, (at + 299, WEIGHTLESS)) == [1200 if at == 0 else 299]


def test_who_asks_in_one_moment_does_not_ask_often() -> None:
    looks = [(300 * look + at, AT[5]) for look in range(4) for at in (0, 0.25)]
    assert windows(Steps(), *looks)[::2] == [60, 60, 360, 660]


def test_a_release_that_was_never_seen_is_not_blamed_for_the_one_before() -> None:
    """Flagger's canary has the same label in each release; errors of a few minutes ago are those
    of pods that are gone."""
    steps, first, second = Steps(), *(replace(WEIGHTLESS, release=each) for each in "ab")
    assert windows(steps, (0, first), (60, first), (120, first)) == [1, 60, 120]
    assert windows(steps, (180, second), (240, second)) == [1, 60]
    assert windows(steps, (540, second)) == [360], "however seldom it asks"
    assert windows(steps, (1800, second), (1860, second)) == [1, 60], "nor for what is forgotten"


def test_an_engine_that_names_no_weight_goes_on_when_it_is_told_to() -> None:
    steps = Steps()
    steps.passed(WEIGHTLESS, T0)
    assert windows(steps, (0, WEIGHTLESS), (60, WEIGHTLESS), (120, WEIGHTLESS)) == [1, 60, 120]
    steps.passed(AT[5], T0 + 130)
    assert windows(steps, (140, WEIGHTLESS)) == [140], "whoever names weights says himself"


def test_rollouts_have_steps_of_their_own_and_are_bounded() -> None:
    steps = Steps()
    others = [replace(AT[5], canary=f'v="{number}"') for number in range(1500)]
    for each in (AT[5], *others):
        windows(steps, (0, each))
    assert windows(steps, (30, others[-1]), (30, AT[5])) == [90, 60]


def test_two_weights_in_one_count_would_blame_the_canary_for_what_both_have() -> None:
    """100 requests a second: 270 s at 5 %, then 30 s at 25 %, in which a tenth of all fail."""
    both = evidence(75, 5 * 270 + 25 * 30, 225, 95 * 270 + 75 * 30)
    assert both > 100
    assert evidence(75, 25 * 30, 225, 75 * 30) < 1
