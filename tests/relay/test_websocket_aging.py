"""A WebSocket hears Close at its age, and there is time to wait for the end of what is said."""

import pytest

from drainproxy.relay.tunnel import HANDSHAKE_TIMEOUT
from tests.relay.aged import ages, goodbyes
from tests.relay.upgraded import (
    ECHO,
    FRAGMENT,
    GOING_AWAY,
    LAST_FRAGMENT,
    OUR_CLOSE_TO_APP,
    SHOUT,
    TEXT,
    websocket,
)


def test_a_websocket_hears_1001_at_its_age() -> None:
    talk = websocket(aging=ages(websocket=100))
    talk.proxy.wait(100)
    assert talk.client_got() == b""
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    talk.client_sends(ECHO)
    talk.app_ends()
    talk.client_ends()
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]
    assert goodbyes(talk) == {("websocket", "max-connection-age"): 1}


def test_a_websocket_that_waits_for_the_deadline_of_a_drain_does_not_wait_past_its_age() -> None:
    talk = websocket(aging=ages(websocket=100), ending=frozenset())
    talk.proxy.leaves()
    talk.proxy.wait(100.25)
    assert talk.client_got() == GOING_AWAY


def test_a_websocket_is_not_told_in_the_middle_of_a_message() -> None:
    talk = websocket(aging=ages(websocket=100))
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(101)
    talk.app_sends(LAST_FRAGMENT + TEXT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == FRAGMENT + LAST_FRAGMENT + TEXT + GOING_AWAY


@pytest.mark.parametrize("cut", range(1, len(FRAGMENT + LAST_FRAGMENT)))
def test_without_a_grace_a_message_takes_as_long_as_it_takes(cut: int) -> None:
    message = FRAGMENT + LAST_FRAGMENT
    talk = websocket(aging=ages(websocket=100), idle_timeout=1e9)
    talk.app_sends(message[:cut])
    talk.proxy.wait(10_000)
    assert talk.client_got() == message[:cut]
    talk.app_sends(message[cut:])
    assert talk.client_got() == message[cut:] + GOING_AWAY


@pytest.mark.parametrize("half", [SHOUT[:-1], SHOUT[:1]])
def test_without_a_grace_a_message_of_the_client_takes_as_long_as_it_takes(half: bytes) -> None:
    talk = websocket(aging=ages(websocket=100), idle_timeout=1e9)
    talk.client_sends(half)
    talk.proxy.wait(10_000)
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT
    talk.client_sends(SHOUT[len(half) :])
    assert talk.client_got() == b"", "the app may have an answer to it"
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_a_client_that_talks_without_a_pause_and_without_an_answer_is_told_all_the_same() -> None:
    talk = websocket(aging=ages(websocket=100))
    talk.proxy.wait(99)
    while talk.proxy.time < 1103:
        talk.client_sends(SHOUT)
        talk.proxy.wait(0.0625)
    assert talk.client_got() == GOING_AWAY


def test_a_message_that_does_not_go_on_ends_with_idle_timeout() -> None:
    talk = websocket(aging=ages(websocket=100), idle_timeout=200)
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(199)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(2)
    assert talk.client_got() == GOING_AWAY


def test_a_drain_has_more_hurry_with_a_message_than_age_had() -> None:
    talk = websocket(aging=ages(websocket=100))
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(110)
    talk.proxy.leaves()
    talk.proxy.wait(1.75)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    assert goodbyes(talk) == {("websocket", "drain"): 1}


def test_after_the_grace_the_end_of_any_frame_will_do() -> None:
    talk = websocket(aging=ages(websocket=100, grace=1))
    talk.app_sends(FRAGMENT)
    talk.proxy.wait(100.75)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    talk.client_sends(ECHO)
    talk.app_ends()
    talk.client_ends()
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]


@pytest.mark.parametrize("grace", [1, 30])
def test_a_frame_that_does_not_end_soon_after_the_grace_is_cut_and_counted(grace: float) -> None:
    talk = websocket(aging=ages(websocket=100, grace=grace))
    talk.app_sends(TEXT[:-1])
    talk.proxy.wait(100 + grace + HANDSHAKE_TIMEOUT - 0.25)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.client_got() == TEXT[:-1]
    assert talk.app_got() == OUR_CLOSE_TO_APP
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_a_grace_that_ends_in_the_handshake_leaves_it_its_time() -> None:
    talk = websocket(aging=ages(websocket=100, grace=1))
    talk.proxy.wait(104)
    assert talk.client_got() == GOING_AWAY
    assert talk.client.state == "open"
    talk.client_sends(ECHO)
    talk.app_ends()
    talk.client_ends()
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]
