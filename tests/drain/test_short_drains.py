"""Drains that have no time, and drains that need none."""

import pytest

from drainproxy.drain.machine import TIME_BEFORE_SIGKILL, Effect, Phase, Timing
from tests.drain.shell import ONCE_PER_DRAIN, Shell

# A signal while the hook that holds it back is unanswered: SIGKILL comes in two seconds


def test_the_cut_leaves_time_for_the_report_before_sigkill() -> None:
    """The kubelet sends it after two seconds ("minimumGracePeriodInSeconds")."""
    assert 1 <= TIME_BEFORE_SIGKILL <= 1.5


@pytest.mark.parametrize(
    ("seconds", "phase", "effects"),
    [
        (3, Phase.ANNOUNCED, [*ONCE_PER_DRAIN]),
        (6, Phase.LEAVING, [*ONCE_PER_DRAIN]),
        (12, Phase.CLOSED, [*ONCE_PER_DRAIN]),
    ],
)
def test_a_signal_with_sigkill_near_cuts_in_the_time_that_is_left(
    seconds: float, phase: Phase, effects: list[Effect]
) -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(seconds)
    assert shell.phase is phase
    shell.signal(sigkill_near=True)
    now = 100 + seconds
    assert shell.phases[-1] == (Phase.CUTTING, now)
    assert shell.machine.deadline == now + TIME_BEFORE_SIGKILL
    assert shell.done == effects[:3]
    shell.sleep(60)
    assert shell.phases[-1] == (Phase.DRAINED, now + TIME_BEFORE_SIGKILL)
    assert shell.done == effects


def test_what_ends_before_sigkill_ends_the_drain() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.signal(sigkill_near=True)
    shell.sleep(0.5)
    shell.finish_one()
    assert shell.phases[-1] == (Phase.DRAINED, 100.5)
    assert Effect.ABORT not in shell.done


def test_sigkill_near_prolongs_nothing() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.sleep(24)
    shell.signal(sigkill_near=True)
    assert shell.machine.deadline == 125.0


def test_a_further_signal_with_sigkill_near_cuts_at_once() -> None:
    shell = Shell.serving(in_flight=1)
    shell.drain()
    shell.signal(sigkill_near=True)
    shell.signal(sigkill_near=True)
    assert shell.phases[-1] == (Phase.DRAINED, 100.0)
    assert shell.done == [*ONCE_PER_DRAIN]


def test_a_signal_with_sigkill_near_after_the_drain_just_ends_the_process() -> None:
    shell = Shell.serving(Timing(0, 0, 25))
    shell.drain()
    shell.signal(sigkill_near=True)
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.FINISH, Effect.FINISH]


# Nobody is there any more for whom anything would be waited


@pytest.mark.parametrize("seconds", [0, 3, 6])
def test_where_the_app_has_gone_and_nobody_is_connected_a_drain_is_over(seconds: float) -> None:
    shell = Shell.serving()
    shell.drain()
    shell.sleep(seconds)
    shell.app_gone = True
    shell.advance()
    assert shell.phases[-1] == (Phase.DRAINED, 100 + seconds)
    assert shell.done == [Effect.LEAVE, Effect.CLOSE, Effect.FINISH]


def test_what_is_in_flight_is_waited_for_without_an_app_too() -> None:
    shell = Shell.serving(in_flight=1)
    shell.app_gone = True
    shell.drain()
    assert shell.phase is Phase.ANNOUNCED
    shell.finish_one()
    assert shell.phases[-1] == (Phase.DRAINED, 100.0)


def test_while_serving_an_app_that_has_gone_ends_nothing() -> None:
    shell = Shell.serving()
    shell.app_gone = True
    shell.sleep(60)
    assert shell.phase is Phase.SERVING
