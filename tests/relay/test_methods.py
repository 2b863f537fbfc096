"""gRPC calls are counted by method, whatever names clients invent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.methods import MOST_METHODS, OTHER_METHODS, Methods

REAL = b"/shop.Cart/Add"


def call(methods: Methods, name: bytes, status: bytes = b"0", times: int = 1) -> None:
    for _ in range(times):
        methods.count(name, status, answered=True)


def invented(count: int, begin: int = 0) -> list[bytes]:
    return [b"/x.X/Invented%d" % number for number in range(begin, begin + count)]


@pytest.mark.parametrize("status", [b"0", b"2", b"5", b"13", b"14", b"16"])
@pytest.mark.parametrize("count", [MOST_METHODS, MOST_METHODS + 50])
def test_names_that_one_client_invents_leave_room_for_real_ones(status: bytes, count: int) -> None:
    methods = Methods()
    for name in invented(count):
        call(methods, name, status)
    call(methods, REAL)

    assert methods.by_name[REAL] == {b"0": 1}
    assert len(methods.by_name) <= MOST_METHODS + 1
    assert sum(sum(counts.values()) for counts in methods.by_name.values()) == count + 1


def test_what_is_called_often_keeps_its_place_whatever_is_invented_then() -> None:
    methods = Methods()
    call(methods, REAL, times=3)
    for name in invented(20_000):
        call(methods, name)

    assert methods.by_name[REAL] == {b"0": 3}
    assert len(methods.by_name) <= MOST_METHODS + 1


def test_a_row_of_invented_names_without_end_is_no_row_of_series_without_end() -> None:
    """Each name that ever had a place is a series in Prometheus for as long as it keeps data."""
    methods = Methods()
    seen: set[bytes] = set()
    for name in invented(20_000):
        call(methods, name)
        seen |= methods.by_name.keys()

    assert len(seen) < 10 * MOST_METHODS


def test_a_place_of_those_that_are_called_seldom_is_had_by_being_called_more_often() -> None:
    methods = Methods()
    for name in invented(MOST_METHODS):
        call(methods, name, times=10)
    call(methods, REAL, times=9)
    assert REAL not in methods.by_name
    call(methods, REAL, times=2)

    assert methods.by_name[REAL] == {b"0": 2}
    assert methods.by_name[OTHER_METHODS] == {b"0": 19}


@pytest.mark.parametrize("status", [b"7", b"16"])
@pytest.mark.parametrize("again", [False, True], ids=["before", "before and after"])
def test_names_that_a_guard_has_refused_are_no_match_for_one_that_the_app_knows(
    status: bytes, again: bool
) -> None:
    """PERMISSION_DENIED and UNAUTHENTICATED come ahead of the question whether there is such a
    method: however often a client calls those that it has invented."""
    methods = Methods()
    for name in invented(2 * MOST_METHODS):
        call(methods, name, status, times=50)
    call(methods, REAL)
    for name in invented(2 * MOST_METHODS) if again else ():
        call(methods, name, status, times=50)

    assert methods.by_name[REAL] == {b"0": 1}
    assert len(methods.by_name) <= MOST_METHODS + 1


def test_where_all_are_known_to_the_app_a_refused_one_gets_no_place() -> None:
    methods = Methods()
    for name in invented(MOST_METHODS):
        call(methods, name)
    call(methods, REAL, b"16", times=100)
    assert methods.by_name[OTHER_METHODS] == {b"16": 100}
    call(methods, REAL, times=2)
    assert methods.by_name[REAL][b"0"] >= 1


@pytest.mark.parametrize(
    ("name", "status", "answered"),
    [(REAL, b"12", True), (REAL, b"14", False), (b"/" + b"x" * 200, b"0", True)],
)
def test_a_name_that_the_app_does_not_know_or_that_is_long_gets_no_place(
    name: bytes, status: bytes, answered: bool
) -> None:
    methods = Methods()
    methods.count(name, status, answered=answered)
    assert methods.by_name == {OTHER_METHODS: {status: 1}}


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([b"0", b"12", b"99"])), max_size=900)
)
def test_every_call_is_counted_once_and_names_are_bounded(calls: list[tuple[int, bytes]]) -> None:
    methods = Methods()
    for number, status in calls:
        call(methods, b"/a.B/C%d?q" % number, status)

    assert sum(sum(counts.values()) for counts in methods.by_name.values()) == len(calls)
    assert len(methods.by_name) <= MOST_METHODS + 1


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from([b"0", b"12", b"16"]), st.integers(1, 9)),
        max_size=300,
    )
)
def test_calls_that_end_together_count_as_one_after_the_other(
    calls: list[tuple[int, bytes, int]],
) -> None:
    one_by_one, together = Methods(), Methods()
    for number, status, times in calls:
        name = b"/a.B/C%d?q" % number
        call(one_by_one, name, status, times)
        together.count(name, status, answered=True, calls=times)
    assert together.by_name == one_by_one.by_name
