"""Deadlines have names, and the earliest of them is the connection's."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.http2.deadlines import Deadline, Deadlines


class Owner:
    deadline = inf


def test_the_earliest_is_that_of_the_owner() -> None:
    owner = Owner()
    deadlines = Deadlines(owner)
    deadlines.set(Deadline.PING, 9.0)
    deadlines.set(Deadline.HEAD, 5.0)
    assert owner.deadline == deadlines.head == 5.0
    deadlines.set(Deadline.HEAD, inf)
    assert (owner.deadline, deadlines.head) == (9.0, inf)
    deadlines.set(Deadline.PING, inf)
    assert owner.deadline == inf


def test_one_may_come_sooner_and_not_later() -> None:
    deadlines = Deadlines(Owner())
    for moment in (7.0, 9.0, 8.0):
        deadlines.no_later(Deadline.ANSWER, moment)
    assert deadlines.get(Deadline.ANSWER) == 7.0
    deadlines.no_later(Deadline.ANSWER, 6.0)
    assert deadlines.get(Deadline.ANSWER) == 6.0


@given(st.dictionaries(st.sampled_from(Deadline), st.floats(0, 10)), st.floats(0, 10))
def test_those_that_are_over_come_in_the_order_of_their_names(
    moments: dict[Deadline, float], now: float
) -> None:
    owner = Owner()
    deadlines = Deadlines(owner)
    for which, moment in moments.items():
        deadlines.set(which, moment)
    over = [which for which in Deadline if moments.get(which, inf) <= now]
    assert [*deadlines.over(now)] == over
    assert (owner.deadline <= now) is bool(over)


def test_one_that_was_moved_meanwhile_is_not_over() -> None:
    deadlines = Deadlines(Owner())
    deadlines.set(Deadline.HEAD, 5.0)
    deadlines.set(Deadline.PING, 5.0)
    over = deadlines.over(6.0)
    assert next(over) is Deadline.HEAD
    deadlines.set(Deadline.PING, 7.0)
    assert [*over] == []
