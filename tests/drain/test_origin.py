"""What a drain is for follows from who asked for it, and when."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.origin import TOGETHER, Askers, Origin, Purpose

ADMIN, HOOK, SIGNAL = Origin.ADMIN, Origin.HOOK, Origin.SIGNAL
APP, SIDECAR = Origin.APP_HOOK, Origin.SIDECAR_HOOK
ASKED, UNDECIDED = Purpose.ASKED, Purpose.UNDECIDED
RESTART, DELETION = Purpose.RESTART, Purpose.DELETION

# Who asked, and how many seconds after the first.
Calls = Sequence[tuple[Origin, float]]
calls = st.lists(st.tuples(st.sampled_from(Origin), st.floats(0, 10)), min_size=1, max_size=6).map(
    lambda said: sorted(said, key=lambda each: each[1])
)


def askers(*asked: tuple[Origin, float]) -> Askers:
    (first, began), *others = asked
    made = Askers(first, began)
    for origin, when in others:
        made.add(origin, when)
    return made


@pytest.mark.parametrize(
    ("asked", "at_once", "later"),
    [
        # A deletion calls the hooks of all containers, in any order, or the sidecar's alone.
        ([(SIDECAR, 0)], DELETION, DELETION),
        ([(SIDECAR, 0), (APP, 0.1)], DELETION, DELETION),
        ([(APP, 0), (SIDECAR, 0.1)], DELETION, DELETION),
        ([(APP, 0), (APP, 0.1), (SIDECAR, 0.4)], DELETION, DELETION),
        ([(SIGNAL, 0)], DELETION, DELETION),
        ([(APP, 0), (SIGNAL, 0.2)], DELETION, DELETION),
        # A deletion that follows on a restart, or hooks that the kubelet was late with.
        ([(APP, 0), (SIDECAR, 7)], DELETION, DELETION),
        # A restart calls those of the container alone.
        ([(APP, 0)], UNDECIDED, RESTART),
        ([(APP, 0), (APP, 0.3)], UNDECIDED, RESTART),
        ([(APP, 0), (ADMIN, 0.3)], UNDECIDED, RESTART),
        ([(APP, 0), (HOOK, 0.3)], UNDECIDED, RESTART),
        # An admin call, and a hook that does not say whose it is, tell nothing.
        ([(ADMIN, 0)], ASKED, ASKED),
        ([(HOOK, 0)], ASKED, ASKED),
        ([(HOOK, 0), (HOOK, 0.1)], ASKED, ASKED),
        ([(HOOK, 0), (SIGNAL, 3)], ASKED, ASKED),
        # Who has taken the pod out by hand has done so, whether it is deleted after that or not.
        ([(ADMIN, 0), (SIDECAR, 0.1)], ASKED, ASKED),
        ([(ADMIN, 0), (SIGNAL, 9)], ASKED, ASKED),
        # A hook of the app's own writing that was called a moment before ours.
        ([(HOOK, 0), (SIDECAR, 0.1)], DELETION, DELETION),
        ([(HOOK, 0), (SIDECAR, 0.5)], DELETION, DELETION),
        ([(HOOK, 0), (SIDECAR, 0.75)], ASKED, ASKED),
        ([(HOOK, 0), (SIDECAR, 5)], ASKED, ASKED),
    ],
)
def test_a_drain_is_for_what_its_askers_tell(
    asked: Calls, at_once: Purpose, later: Purpose
) -> None:
    made = askers(*asked)
    assert made.purpose(TOGETHER / 2) is at_once
    assert made.purpose(TOGETHER) is later
    assert made.purpose(3600) is later


@given(calls, st.floats(0, 20))
def test_what_is_decided_stays_unless_the_pod_is_deleted(asked: Calls, now: float) -> None:
    made = askers(*asked)
    purpose = made.purpose(now)
    assert purpose in (UNDECIDED, made.purpose(now + 1))
    made.add(SIDECAR, now)
    after = made.purpose(now)
    assert after is DELETION or after is purpose is ASKED


@given(calls)
def test_only_the_hook_of_an_app_makes_one_wait_for_others(asked: Calls) -> None:
    made = askers(*asked)
    undecided = made.purpose(asked[0][1]) is UNDECIDED
    named = {origin for origin, _ in asked}
    assert undecided == (asked[0][0] is APP and not named & {SIDECAR, SIGNAL})


@given(calls)
def test_a_drain_may_be_a_restart_if_a_restart_calls_all_who_asked(asked: Calls) -> None:
    assert askers(*asked).may_be_restart == ({origin for origin, _ in asked} <= {APP, HOOK})


def test_in_reports_all_hooks_are_one_reason() -> None:
    assert {origin.why for origin in (HOOK, APP, SIDECAR)} == {"prestop"}
    assert (ADMIN.why, SIGNAL.why) == ("admin", "signal")
