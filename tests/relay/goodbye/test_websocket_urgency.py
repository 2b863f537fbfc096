"""How long a Close waits for its place, by its reason: an age has time, a drain has little, and who
is idle or past the deadline has none."""

import pytest

from drainproxy.drain.interruption import (
    HANDSHAKE_TIMEOUT,
    PATIENCE,
)
from tests.relay.carried import AGE, REBALANCE, WebSocket
from tests.relay.goodbye.test_websocket import ANSWER_TIMEOUT
from tests.relay.upgraded import ECHO, FRAGMENT, GOING_AWAY, LAST_FRAGMENT, SHOUT, TEXT

Opens = type[WebSocket]
MESSAGE = FRAGMENT + LAST_FRAGMENT
UNHURRIED = (AGE, REBALANCE)


# A drain


def test_a_drain_makes_do_with_the_end_of_a_frame_after_two_seconds(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(PATIENCE - 0.25)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_the_end_of_a_frame_is_waited_for_all_the_same(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:-1])
    talk.proxy.leaves()
    talk.proxy.wait(60)
    assert talk.client_got() == FRAGMENT[:-1]
    talk.app_sends(FRAGMENT[-1:])
    assert talk.client_got() == FRAGMENT[-1:] + GOING_AWAY


def test_who_says_goodbye_again_does_not_put_it_off(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(PATIENCE - 0.5)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_got() == FRAGMENT + GOING_AWAY


def test_a_drain_has_more_hurry_with_a_message_than_age_had(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.asked_to_end(AGE)
    talk.proxy.wait(10)
    talk.proxy.leaves()
    talk.proxy.wait(PATIENCE - 0.25)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    assert talk.goodbyes == {("websocket", "drain"): 1}


def test_at_the_deadline_any_frame_will_do_and_there_is_time_to_answer(websocket: Opens) -> None:
    talk = websocket(kinds_ended_by_drain=frozenset())
    talk.proxy.leaves()
    talk.client_sends(SHOUT[:-1])
    talk.app_sends(FRAGMENT)
    talk.proxy.says_last_goodbyes()
    assert talk.client_got() == FRAGMENT + GOING_AWAY
    talk.client_sends(SHOUT[-1:] + ECHO)
    talk.app_ends()
    talk.client_ends()
    assert (talk.goodbyes, talk.ending) == ({("websocket", "deadline"): 1}, "goodbye")


def test_a_goodbye_that_is_not_said_yet_is_taken_back_with_the_drain(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(10)
    talk.app_sends(LAST_FRAGMENT + TEXT)
    talk.proxy.wait(10)
    assert talk.client_got() == MESSAGE + TEXT
    assert talk.goodbyes == {}
    talk.proxy.leaves()
    talk.proxy.wait(1)
    assert talk.client_got() == GOING_AWAY


def test_a_goodbye_that_was_said_is_carried_through(websocket: Opens) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    talk.proxy.stays()
    assert talk.client_got() == GOING_AWAY
    talk.proxy.wait(HANDSHAKE_TIMEOUT)
    assert talk.is_over()
    assert talk.proxy.books.cuts == {("websocket", "drain"): 1}


def test_what_age_wants_survives_a_drain_that_is_taken_back(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.asked_to_end(AGE)
    talk.proxy.leaves()
    talk.proxy.wait(1)
    talk.proxy.stays()
    talk.proxy.wait(10)
    assert talk.client_got() == FRAGMENT
    talk.app_sends(LAST_FRAGMENT)
    assert talk.client_got() == LAST_FRAGMENT + GOING_AWAY
    assert talk.goodbyes == {("websocket", "max-connection-age"): 1}


# Age and rebalance


def test_a_drain_says_nothing_to_who_has_heard_it_for_age(websocket: Opens) -> None:
    talk = websocket(age=100)
    talk.proxy.wait(100.25)
    talk.proxy.leaves()
    talk.proxy.wait(1)
    assert talk.client_got() == GOING_AWAY
    assert talk.goodbyes == {("websocket", "max-connection-age"): 1}
    talk.proxy.wait(HANDSHAKE_TIMEOUT)
    assert talk.proxy.books.cuts == {("websocket", "max-connection-age"): 1}


def test_close_comes_at_the_age_of_what_carries_it(websocket: Opens) -> None:
    talk = websocket(age=100)
    talk.proxy.wait(99.75)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


def test_who_is_waited_for_until_the_deadline_is_not_waited_for_past_its_age(
    websocket: Opens,
) -> None:
    talk = websocket(age=100, kinds_ended_by_drain=frozenset())
    talk.proxy.leaves()
    talk.proxy.wait(99.75)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


@pytest.mark.parametrize("cut", range(1, len(MESSAGE)))
@pytest.mark.parametrize("unhurried", UNHURRIED)
def test_a_message_of_the_app_takes_as_long_as_it_takes(
    websocket: Opens, unhurried: str, cut: int
) -> None:
    talk = websocket(idle_timeout=1e9)
    talk.app_sends(MESSAGE[:cut])
    talk.asked_to_end(unhurried)
    talk.proxy.wait(200)
    assert talk.client_got() == MESSAGE[:cut]
    talk.app_sends(MESSAGE[cut:])
    assert talk.client_got() == MESSAGE[cut:] + GOING_AWAY


@pytest.mark.parametrize("half", [SHOUT[:-1], SHOUT[:1]])
@pytest.mark.parametrize("unhurried", UNHURRIED)
def test_a_message_of_the_client_takes_as_long_as_it_takes(
    websocket: Opens, unhurried: str, half: bytes
) -> None:
    talk = websocket(idle_timeout=1e9)
    talk.client_sends(half)
    talk.asked_to_end(unhurried)
    talk.proxy.wait(200)
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT
    talk.client_sends(SHOUT[len(half) :])
    talk.proxy.wait(ANSWER_TIMEOUT * 0.75)
    assert talk.client_got() == b"", "the app may have an answer to it"
    talk.proxy.wait(ANSWER_TIMEOUT * 0.5)
    assert talk.client_got() == GOING_AWAY


@pytest.mark.parametrize("unhurried", UNHURRIED)
def test_a_client_that_talks_without_a_pause_and_without_an_answer_is_told_all_the_same(
    websocket: Opens, unhurried: str
) -> None:
    talk = websocket()
    talk.asked_to_end(unhurried)
    began = talk.proxy.time
    while talk.proxy.time < began + PATIENCE + 0.5:
        talk.client_sends(SHOUT)
        talk.proxy.wait(0.0625)
    assert talk.client_got() == GOING_AWAY


def test_after_the_grace_the_end_of_any_frame_will_do(websocket: Opens) -> None:
    talk = websocket(age=100, grace=1)
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(100.75)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY
    talk.client_sends(ECHO)
    talk.app_ends()
    talk.client_ends()
    assert talk.ending == "goodbye"


@pytest.mark.parametrize("grace", [1, 30])
def test_a_frame_that_does_not_end_soon_after_the_grace_is_cut(
    websocket: Opens, grace: float
) -> None:
    talk = websocket(age=100, grace=grace)
    talk.app_sends(TEXT[:-1])
    talk.proxy.wait(100 + grace + HANDSHAKE_TIMEOUT - 0.5)
    assert not talk.is_over()
    talk.proxy.wait(0.75)
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({}, "cut")


# idle-timeout


def test_an_idle_websocket_hears_close_and_has_its_handshake(websocket: Opens) -> None:
    talk = websocket(idle_timeout=30)
    talk.proxy.wait(31)
    assert talk.client_got() == GOING_AWAY
    assert not talk.is_over()
    talk.client_sends(ECHO)
    assert talk.app_got() == ECHO
    talk.app_ends()
    talk.client_ends()
    assert (talk.goodbyes, talk.ending) == ({("websocket", "idle-timeout"): 1}, "goodbye")


def test_an_idle_client_that_does_not_answer_has_five_seconds(websocket: Opens) -> None:
    talk = websocket(idle_timeout=30)
    talk.proxy.wait(30)
    talk.proxy.wait(HANDSHAKE_TIMEOUT - 0.25)
    assert not talk.is_over()
    talk.proxy.wait(0.5)
    assert talk.is_over()
    assert talk.ending == "cut"


def test_a_message_that_does_not_go_on_ends_with_idle_timeout(websocket: Opens) -> None:
    talk = websocket(age=10, idle_timeout=200)
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(199)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(2)
    assert talk.client_got() == GOING_AWAY
    assert talk.goodbyes == {("websocket", "idle-timeout"): 1}


def test_where_nothing_can_be_said_idle_timeout_cuts(websocket: Opens) -> None:
    talk = websocket(idle_timeout=30)
    talk.app_sends(TEXT[:-1])
    talk.proxy.wait(31)
    assert talk.client_got() == TEXT[:-1]
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({}, "cut")
