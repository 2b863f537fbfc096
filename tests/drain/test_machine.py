"""The laws of a drain, in a simulated shell: half a minute of it takes no time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.machine import (
    CUTTING_RESERVE,
    LATEST_CLOSE,
    TIME_BEFORE_SIGKILL,
    Effect,
    Input,
    Machine,
    Phase,
    Timing,
)
from drainproxy.drain.origin import Origin, Purpose
from tests.drain.shell import ONCE_PER_DRAIN, TIMING, Shell, timings

# The life of one drain


def test_a_drain_goes_through_its_phases_in_time() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(60)

    assert shell.phases[1:] == [
        (Phase.SERVING, 100.0),
        (Phase.ANNOUNCED, 100.0),
        (Phase.LEAVING, 105.0),
        (Phase.CLOSED, 107.0),
        (Phase.CUTTING, 123.0),
        (Phase.DRAINED, 125.0),
    ]
    assert shell.done == [*ONCE_PER_DRAIN]


def test_a_drain_is_over_at_the_instant_nothing_is_in_flight() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(9)
    shell.finish_one()

    assert shell.phases[-1] == (Phase.DRAINED, 109.0)
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.FINISH]


def test_what_ends_while_cutting_ends_the_drain() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(24)
    shell.finish_one()

    assert shell.phases[-1] == (Phase.DRAINED, 124.0)
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.LAST_GOODBYE, Effect.FINISH]


def test_with_no_delay_and_nothing_in_flight_a_drain_is_over_at_once() -> None:
    shell = Shell.serving(Timing(delay=0, quiet=0, timeout=25))
    shell.drain()

    assert shell.phases[-1] == (Phase.DRAINED, 100.0)
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.FINISH]


def test_with_nothing_in_flight_new_clients_are_still_waited_for() -> None:
    shell = Shell.serving()
    shell.drain()
    shell.sleep(6)
    assert shell.phase is Phase.LEAVING
    assert shell.connect()


def test_each_new_connection_starts_the_quiet_anew() -> None:
    shell = Shell.serving()
    shell.drain()
    for _ in range(4):
        shell.sleep(1.75)
        shell.connect()
    shell.sleep(1.75)
    assert shell.phase is Phase.LEAVING
    shell.sleep(0.25)
    assert shell.phases[-1] == (Phase.CLOSED, 109.0)


def test_quiet_before_leaving_does_not_count() -> None:
    shell = Shell.serving()
    shell.drain()
    shell.sleep(5)
    assert shell.phases[-1] == (Phase.LEAVING, 105.0)
    assert shell.machine.due(shell.newest) == 107.0


def test_clients_that_keep_coming_do_not_hold_up_the_deadline() -> None:
    shell = Shell.serving()
    shell.drain()
    for _ in range(30):
        shell.connect()
        shell.sleep(1)
    assert shell.phases[-2:] == [(Phase.CUTTING, 123.0), (Phase.DRAINED, 125.0)]
    assert shell.done == [*ONCE_PER_DRAIN]


@pytest.mark.parametrize(
    ("timing", "closed"),
    [
        # leaving-timeout, counted from where leaving began.
        (Timing(delay=5, quiet=2, timeout=3600, leaving=60), 165.0),
        (Timing(delay=5, quiet=30, timeout=3600, leaving=10), 115.0),
        (Timing(delay=0, quiet=2, timeout=3600, leaving=0), 100.0),
        # But never more than three quarters of the time before cutting.
        (Timing(delay=5, quiet=2, timeout=25, leaving=60), 100 + 0.75 * 23),
        (Timing(delay=5, quiet=2, timeout=25, leaving=3600), 100 + 0.75 * 23),
        (Timing(delay=5, quiet=2, timeout=82, leaving=55), 160.0),
    ],
)
def test_leaving_ends_whoever_keeps_coming(timing: Timing, closed: float) -> None:
    shell = Shell.serving(timing, in_flight=1)
    shell.drain()
    while shell.phase in (Phase.ANNOUNCED, Phase.LEAVING):
        shell.connect()
        shell.sleep(1.0)
    assert (Phase.CLOSED, closed) in shell.phases


def test_a_delay_longer_than_the_timeout_still_says_goodbye_before_the_cut() -> None:
    shell = Shell.serving(Timing(delay=60, quiet=2, timeout=10), in_flight=1)
    shell.drain()
    shell.sleep(8)
    assert shell.phase is Phase.CUTTING
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.LAST_GOODBYE]


def test_cutting_keeps_at_most_half_of_a_short_drain() -> None:
    shell = Shell.serving(Timing(delay=0, quiet=0, timeout=1), in_flight=1)
    shell.drain()
    shell.sleep(60)
    assert shell.phases[-2:] == [(Phase.CUTTING, 100.5), (Phase.DRAINED, 101.0)]


def test_a_clock_that_jumps_over_the_whole_drain_ends_it_in_one_tick() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.now += 3600
    shell.advance()
    assert shell.phase is Phase.DRAINED
    assert shell.done == [*ONCE_PER_DRAIN]


def test_a_timeout_that_is_shortened_while_draining_holds_at_once() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(10)
    shell.machine.timing = Timing(delay=5, quiet=2, timeout=8)
    shell.advance()
    assert shell.phase is Phase.DRAINED
    assert shell.machine.deadline == 108.0


def test_asking_again_changes_nothing() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain("preStop")
    shell.sleep(6)
    shell.drain("POST /drain")
    assert (shell.machine.why, shell.machine.began) == ("preStop", 100.0)
    assert (shell.phase, shell.machine.since) == (Phase.LEAVING, 105.0)


def test_who_asks_when_all_is_over_hears_so_again() -> None:
    shell = Shell.serving(Timing(0, 0, 25))
    shell.drain()
    shell.drain("POST /drain")
    shell.signal()
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, *[Effect.FINISH] * 3]
    assert shell.machine.why == "preStop"


# Signals


def test_a_second_sigterm_cuts_at_once() -> None:
    shell = Shell.serving(in_flight=3)
    shell.signal()
    shell.sleep(6)
    shell.signal()
    assert shell.phases[-1] == (Phase.DRAINED, 106.0)
    assert shell.done == [*ONCE_PER_DRAIN]


def test_the_first_sigterm_after_prestop_goes_on_with_the_same_drain() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain("preStop")
    shell.sleep(6)
    shell.signal()
    assert shell.phases[-1] == (Phase.LEAVING, 105.0)
    assert (shell.machine.why, shell.machine.deadline) == ("preStop", 125.0)
    shell.signal()
    assert shell.phase is Phase.DRAINED


@pytest.mark.parametrize("seconds", [0, 5, 8, 23.5, 30])
def test_undrain_never_follows_a_signal(seconds: float) -> None:
    shell = Shell.serving(in_flight=1)
    shell.signal()
    shell.sleep(seconds)
    phase = shell.phase
    assert not shell.undrain()
    assert shell.phase is phase
    assert shell.machine.began == 100.0


def test_a_signal_before_anything_is_bound_ends_it() -> None:
    shell = Shell()
    shell.signal()
    assert shell.phase is Phase.DRAINED
    assert shell.done == [Effect.FINISH]
    assert (shell.machine.why, shell.machine.began) == ("SIGTERM", 100.0)


def test_listeners_that_come_up_after_the_end_are_closed() -> None:
    shell = Shell()
    shell.drain()
    shell.bind()
    assert shell.phase is Phase.DRAINED
    assert not shell.connect()


def test_an_end_without_a_drain_reports_and_closes() -> None:
    shell = Shell.serving(in_flight=1)
    shell.machine.signalled = True  # the app is gone
    shell.signal()
    assert shell.phase is Phase.DRAINED
    assert shell.done == [Effect.CLOSE, Effect.LAST_GOODBYE, Effect.ABORT, Effect.FINISH]
    assert shell.machine.why == "SIGTERM"


def test_what_a_drain_is_for_depends_on_who_has_asked_and_on_the_first_above_all() -> None:
    signalled, by_hand, hooked = (Shell.serving() for _ in range(3))
    signalled.signal()
    by_hand.drain(origin=Origin.ADMIN)
    by_hand.signal()
    hooked.drain(origin=Origin.APP_HOOK)
    hooked.signal()
    purposes = [shell.machine.purpose(shell.now) for shell in (signalled, by_hand, hooked)]
    assert purposes == [Purpose.DELETION, Purpose.ASKED, Purpose.DELETION]


# No time, and no need of any: more in test_short_drains


def test_a_signal_with_sigkill_near_leaves_little_time() -> None:
    shell = Shell.serving(in_flight=1)
    assert shell.machine.purpose(shell.now) is None
    shell.drain(origin=Origin.SIDECAR_HOOK)
    before = shell.machine.sigkill_near
    shell.signal(sigkill_near=True)
    assert (before, shell.machine.sigkill_near) == (False, True)
    assert (shell.phase, shell.machine.deadline) == (Phase.CUTTING, 100 + TIME_BEFORE_SIGKILL)
    assert shell.machine.purpose(shell.now) is Purpose.DELETION
    shell.signal(sigkill_near=True)
    assert shell.phases[-1] == (Phase.DRAINED, 100.0)


def test_a_drain_that_nobody_has_a_use_for_is_over_at_once() -> None:
    shell = Shell.serving()
    shell.app_gone = True
    shell.drain()
    assert shell.phases[-1] == (Phase.DRAINED, 100.0)


# Undrain


@pytest.mark.parametrize(
    ("seconds", "phase", "effects"),
    [
        (3, Phase.ANNOUNCED, []),
        (6, Phase.LEAVING, [Effect.CANCEL_GOODBYES]),
        (9, Phase.CLOSED, [Effect.CANCEL_GOODBYES, Effect.OPEN]),
        (30, Phase.DRAINED, [Effect.CANCEL_GOODBYES, Effect.OPEN]),
    ],
)
def test_undrain_takes_back_what_was_done(
    seconds: float, phase: Phase, effects: list[Effect]
) -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(seconds)
    assert shell.phase is phase

    assert [*(shell.machine.undrain(shell.now) or ())] == effects
    assert shell.machine.phase is Phase.SERVING
    assert not shell.machine.draining
    assert (shell.machine.began, shell.machine.why, shell.machine.deadline) == (None, None, None)
    assert shell.machine.due(shell.newest) is None


@pytest.mark.parametrize("seconds", [23, 24.5])
def test_what_is_being_cut_is_not_taken_back(seconds: float) -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(seconds)
    assert not shell.undrain()
    assert shell.phase is Phase.CUTTING


def test_there_is_nothing_to_take_back_before_a_drain() -> None:
    assert not Shell().undrain()
    serving = Shell.serving()
    assert serving.machine.undrain(serving.now) == ()
    assert serving.phase is Phase.SERVING


def test_a_drain_after_an_undrain_has_all_its_time() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain("first")
    shell.sleep(20)
    shell.undrain()
    shell.sleep(100)
    shell.drain("second")
    assert (shell.machine.why, shell.machine.deadline) == ("second", shell.now + 25)
    shell.sleep(25)
    assert shell.done == [*ONCE_PER_DRAIN]


def test_the_lengths_are_those_of_the_drain_alone() -> None:
    shell = Shell.serving(in_flight=1)
    shell.sleep(3600)
    shell.drain()
    shell.sleep(60)
    assert shell.machine.lengths == {
        Phase.ANNOUNCED: 5.0,
        Phase.LEAVING: 2.0,
        Phase.CLOSED: 16.0,
        Phase.CUTTING: 2.0,
    }


def test_a_process_that_starts_or_serves_has_no_deadline() -> None:
    machine = Machine(TIMING, 7.0)
    assert (machine.phase, machine.since, machine.deadline) == (Phase.STARTING, 7.0, None)
    assert machine.tick(math.inf, 0.0, 0) == ()
    machine.handle(Input.BOUND, 8.0)
    assert (machine.phase, machine.since) == (Phase.SERVING, 8.0)
    assert machine.tick(math.inf, 0.0, 0) == ()


# Whatever happens


@given(timings, st.integers(0, 3), st.lists(st.floats(0, 10), max_size=20))
def test_a_drain_ends_within_its_timeout(timing: Timing, stuck: int, coming: list[float]) -> None:
    shell = Shell.serving(timing, stuck)
    shell.drain()
    for pause in coming:
        shell.sleep(pause)
        shell.connect()
    shell.sleep(timing.timeout)
    assert shell.phase is Phase.DRAINED
    assert shell.phases[-1][1] <= 100 + timing.timeout


def waiting(timing: Timing) -> float:
    """How long a drain waits before it cuts."""
    return timing.timeout - min(CUTTING_RESERVE, timing.timeout / 2)


@given(timings, st.lists(st.floats(0, 6), max_size=12))
def test_closed_never_comes_before_delay_and_quiet_unless_time_runs_out(
    timing: Timing, pauses: list[float]
) -> None:
    shell = Shell.serving(timing, in_flight=1)
    shell.drain()
    for pause in pauses:
        shell.sleep(pause)
        shell.connect()
    shell.sleep(60)
    for phase, since in shell.phases:
        if phase is Phase.CLOSED:
            assert since >= 100 + timing.delay
            # A phase of no length is not noted.
            left = next((at for each, at in shell.phases if each is Phase.LEAVING), since)
            late = min(left + timing.leaving, 100 + LATEST_CLOSE * waiting(timing))
            assert since >= min(shell.newest + timing.quiet, late)


@given(timings, st.floats(0.05, 1))
def test_whoever_comes_back_for_ever_does_not_keep_it_open(timing: Timing, pause: float) -> None:
    shell = Shell.serving(timing, in_flight=1)
    shell.drain()
    while shell.phase in (Phase.ANNOUNCED, Phase.LEAVING):
        shell.sleep(pause)
        shell.connect()
    ends = (Phase.CLOSED, Phase.CUTTING, Phase.DRAINED)
    closed = next(at for phase, at in shell.phases if phase in ends)
    assert closed - 100 <= max(LATEST_CLOSE * waiting(timing), timing.delay) + 1e-6


@given(timings, st.lists(st.floats(0, 6), max_size=6))
def test_the_lengths_add_up_to_the_drain(timing: Timing, pauses: list[float]) -> None:
    shell = Shell.serving(timing, in_flight=1)
    shell.sleep(10)
    shell.drain()
    for pause in pauses:
        shell.sleep(pause)
    shell.signal()
    shell.sleep(60)
    ended = shell.phases[-1][1]
    assert math.isclose(sum(shell.machine.lengths.values()), ended - 110, abs_tol=1e-6)
