"""The table of the phases: every pair of phase and input, and what none of them may do."""

from itertools import product

import pytest

from drainproxy.drain.machine import DRAINING, TABLE, Effect, Input, Phase
from tests.drain.shell import ONCE_PER_DRAIN

# Which phases end with an input; in all others it changes nothing.
ENDED_BY: dict[Input, set[Phase]] = {
    Input.BOUND: {Phase.STARTING},
    Input.DRAIN: {Phase.STARTING, Phase.SERVING},
    Input.SIGNAL: {Phase.STARTING, Phase.SERVING},
    Input.SIGKILL_NEAR: {*Phase} - {Phase.CUTTING, Phase.DRAINED},
    Input.SIGNAL_AGAIN: {*Phase} - {Phase.DRAINED},
    Input.UNDRAIN: {Phase.ANNOUNCED, Phase.LEAVING, Phase.CLOSED, Phase.DRAINED},
    Input.DELAY_OVER: {Phase.ANNOUNCED},
    Input.QUIET: {Phase.LEAVING},
    Input.APP_GONE: {Phase.ANNOUNCED, Phase.LEAVING},
    Input.EMPTY: {Phase.CLOSED, Phase.CUTTING},
    Input.CUTTING_DUE: {Phase.ANNOUNCED, Phase.LEAVING, Phase.CLOSED},
    Input.TIMEOUT: {*DRAINING},
}
# What comes from outside, and may come when all is over.
ASKS = {Input.BOUND, Input.DRAIN, Input.SIGNAL, Input.SIGKILL_NEAR, Input.SIGNAL_AGAIN}


def test_every_pair_of_phase_and_input_is_in_the_table() -> None:
    assert set(TABLE) == set(product(Phase, Input))


@pytest.mark.parametrize(("phase", "given"), TABLE)
def test_what_is_done_on_the_way_out_is_done_in_one_order(phase: Phase, given: Input) -> None:
    _, effects = TABLE[phase, given]
    order = list(Effect)
    leaving = [effect for effect in effects if effect in ONCE_PER_DRAIN]
    assert leaving == sorted(set(leaving), key=order.index)


@pytest.mark.parametrize(("phase", "given"), TABLE)
def test_only_undrain_leads_back(phase: Phase, given: Input) -> None:
    after, _ = TABLE[phase, given]
    order = list(Phase)
    if given is Input.UNDRAIN:
        assert after in (phase, Phase.SERVING)
    else:
        assert order.index(after) >= order.index(phase)


@pytest.mark.parametrize(("phase", "given"), TABLE)
def test_each_way_into_drained_reports(phase: Phase, given: Input) -> None:
    after, effects = TABLE[phase, given]
    if after is Phase.DRAINED and phase is not Phase.DRAINED:
        assert effects[-1] is Effect.FINISH


@pytest.mark.parametrize("given", Input)
def test_an_input_ends_the_phases_that_it_is_about_and_no_others(given: Input) -> None:
    assert {phase for phase in Phase if TABLE[phase, given][0] is not phase} == ENDED_BY[given]


@pytest.mark.parametrize(("phase", "given"), TABLE)
def test_who_stays_where_it_is_does_nothing_until_all_is_over(phase: Phase, given: Input) -> None:
    after, effects = TABLE[phase, given]
    if after is phase and not (phase is Phase.DRAINED and given in ASKS):
        assert effects == ()


@pytest.mark.parametrize(("phase", "given"), TABLE)
def test_before_a_cut_nobody_else_is_let_in_and_all_hear_a_last_goodbye(
    phase: Phase, given: Input
) -> None:
    after, effects = TABLE[phase, given]
    if phase in (Phase.SERVING, Phase.ANNOUNCED, Phase.LEAVING):
        closed = after in (Phase.CLOSED, Phase.CUTTING, Phase.DRAINED)
        assert (Effect.CLOSE in effects) == closed
    if phase not in (Phase.STARTING, Phase.CUTTING, Phase.DRAINED):
        cut = after is Phase.CUTTING or Effect.ABORT in effects
        assert (Effect.LAST_GOODBYE in effects) == cut


@pytest.mark.parametrize("phase", [*Phase][1:])
def test_a_further_signal_cuts_in_every_phase_once_bound(phase: Phase) -> None:
    after, effects = TABLE[phase, Input.SIGNAL_AGAIN]
    assert after is Phase.DRAINED
    assert phase is Phase.DRAINED or effects[-2:] == (Effect.ABORT, Effect.FINISH)
