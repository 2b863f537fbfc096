"""GOAWAY, PING, GOAWAY: every step, and what no order of events can bring about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.http2.goaway import TABLE, Goaway
from drainproxy.relay.http2.goaway import GoawayEffect as Effect
from drainproxy.relay.http2.goaway import GoawayInput as Input
from drainproxy.relay.http2.goaway import GoawayState as State

inputs = st.lists(st.sampled_from(Input), max_size=30)


def told(*given_: Input) -> list[Effect]:
    """What is said when these come one after the other."""
    goaway = Goaway()
    return [effect for each in given_ for effect in goaway.handle(each)]


def test_nothing_is_implied() -> None:
    assert TABLE.keys() == {(state, each) for state in State for each in Input}


def test_an_input_ends_the_states_that_it_is_about_and_in_others_nothing_is_said() -> None:
    ended = {
        Input.WANT: {State.SERVING},
        Input.CANCEL: {State.PENDING},
        Input.READY: {State.PENDING},
        Input.ANSWERED: {State.GOAWAY_SENT},
        Input.END: {*State} - {State.LAST_STREAM_SENT},
    }
    stays = {key for key, (after, _) in TABLE.items() if after is key[0]}
    assert stays == {(state, each) for state, each in TABLE if state not in ended[each]}
    assert {TABLE[key][1] for key in stays} == {()}


def test_the_client_is_asked_first_and_hears_the_last_stream_when_it_has_read_that() -> None:
    assert told(Input.WANT, Input.READY) == [Effect.SEND_GOAWAY]
    assert told(Input.WANT, Input.READY, Input.ANSWERED) == [
        Effect.SEND_GOAWAY,
        Effect.SEND_LAST_STREAM,
    ]


@pytest.mark.parametrize("before", [(), (Input.WANT,), (Input.WANT, Input.READY)])
def test_a_connection_that_has_to_end_names_its_last_stream_at_once(
    before: tuple[Input, ...],
) -> None:
    assert told(*before, Input.END)[-1] is Effect.SEND_LAST_STREAM


def test_what_was_not_said_can_be_taken_back_and_asked_for_again() -> None:
    assert told(Input.WANT, Input.CANCEL, Input.READY) == []
    assert told(Input.WANT, Input.CANCEL, Input.WANT, Input.READY) == [Effect.SEND_GOAWAY]


def test_what_was_said_cannot_be_taken_back() -> None:
    said = told(Input.WANT, Input.READY, Input.CANCEL, Input.ANSWERED)
    assert said == [Effect.SEND_GOAWAY, Effect.SEND_LAST_STREAM]


@given(inputs)
def test_each_is_said_once_and_in_this_order(events: list[Input]) -> None:
    said = told(*events)
    assert said in (
        [],
        [Effect.SEND_GOAWAY],
        [Effect.SEND_LAST_STREAM],
        [Effect.SEND_GOAWAY, Effect.SEND_LAST_STREAM],
    )


@given(inputs)
def test_nothing_is_said_that_nobody_has_asked_for(events: list[Input]) -> None:
    if Input.WANT not in events and Input.END not in events:
        assert told(*events) == []


@given(inputs)
def test_it_is_wanted_until_it_is_taken_back(events: list[Input]) -> None:
    goaway = Goaway()
    for each in events:
        goaway.handle(each)
        assert goaway.begun == (goaway.state is not State.SERVING)
