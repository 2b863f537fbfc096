"""What a client takes, and what of it our own DATA has taken (RFC 9113 6.9)."""

from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.http2.windows import ClientWindow
from drainproxy.wire.http2 import window_update

lengths = st.integers(1, 1000)


def test_without_data_of_ours_what_the_client_gives_back_passes_as_it_came() -> None:
    window = ClientWindow()
    assert window.opens(10) is None
    assert window.room == 65545


def test_what_our_data_has_taken_is_not_for_the_app() -> None:
    window = ClientWindow()
    window.take(12)
    assert window.opens(10) == b""
    assert window.opens(10) == window_update(0, 8)
    assert window.opens(10) is None


def test_what_the_app_is_to_get_back_pays_for_our_data_first() -> None:
    window = ClientWindow()
    window.take(12)
    assert [window.pay(10), window.pay(10), window.pay(10)] == [0, 8, 10]
    assert window.room == 65535 - 12, "the client has not said anything"


@given(st.lists(lengths), st.lists(lengths))
def test_the_app_gets_all_that_is_given_back_but_the_debt(
    taken: list[int], given_back: list[int]
) -> None:
    window = ClientWindow()
    for length in taken:
        window.take(length)
    passed = 0
    for length in given_back:
        said = window.opens(length)
        passed += length if said is None else int.from_bytes(said[9:]) if said else 0
    assert passed == max(sum(given_back) - sum(taken), 0)
    assert window.debt == max(sum(taken) - sum(given_back), 0)


def test_what_words_of_ours_wait_for_is_not_for_the_app_until_they_are_said_or_not() -> None:
    window = ClientWindow()
    assert window.opens(1000, 2) == window_update(0, 1000 - 2 * 127)
    assert window.opens(1000, 2) == window_update(0, 1000), "it is kept once"
    window.take(4)
    assert window.opens(1000) == window_update(0, 1000 + 2 * 127 - 4)
    assert window.opens(1000) is None
    assert window.opens(100, 9) == window_update(0, 50), "half is for the app in any case"
    assert window.pay(10) == 10


steps = st.tuples(st.sampled_from(["take", "pay", "opens"]), lengths, st.integers(0, 5))


@given(st.lists(steps))
def test_the_app_knows_of_all_room_but_for_what_the_debt_says(
    steps: list[tuple[str, int, int]],
) -> None:
    window = ClientWindow()
    known = window.room
    for kind, length, words in steps:
        if kind == "take":
            window.take(length)
        elif kind == "pay":
            # DATA of the app that the client does not get: of that it loses the rest.
            known += window.pay(length) - length
        else:
            said = window.opens(length, words)
            known += length if said is None else int.from_bytes(said[9:]) if said else 0
        assert known - window.room == window.debt


def test_a_smaller_window_holds_at_once_and_a_larger_one_when_the_app_knows_it() -> None:
    window = ClientWindow()
    assert window.change(100) == 100 - 65535
    window.in_force = 100
    assert window.change(200) == 0
    window.in_force = 200
    assert window.change(None) == 100
