"""Our Close stands in a pause, between two frames; the handshake after it is completed."""

from collections.abc import Callable

import pytest

from drainproxy.relay.tunnel import ANSWER_PAUSE, MESSAGE_PATIENCE, PAUSE, PAUSE_PATIENCE
from drainproxy.relay.turns import APP_IS_FULL
from drainproxy.wire.websocket import close_frame
from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import MASK, Proxy
from tests.relay.upgraded import (
    ECHO,
    FRAGMENT,
    GOING_AWAY,
    LAST_FRAGMENT,
    OUR_CLOSE_TO_APP,
    SHOUT,
    TEXT,
    said_goodbye,
    websocket,
)


def test_a_quiet_websocket_hears_1001_and_the_echo_goes_to_the_app() -> None:
    talk = said_goodbye()
    talk.client_sends(ECHO)
    assert talk.app_got() == ECHO
    talk.app_ends()
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]
    assert talk.proxy.hub.counters.goodbyes == {("websocket", "drain"): 1}


def test_the_code_and_the_reason_are_those_of_the_settings() -> None:
    talk = websocket(websocket_close_code=1012, websocket_close_reason="restart")
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == close_frame(1012, "restart")
    talk.proxy.wait(5)
    assert talk.app_got() == close_frame(1012, "restart", MASK)


@pytest.mark.parametrize("cut", range(1, len(FRAGMENT + LAST_FRAGMENT)))
def test_the_goodbye_waits_for_the_end_of_a_message(cut: int) -> None:
    message = FRAGMENT + LAST_FRAGMENT
    talk = websocket()
    talk.app_sends(message[:cut])
    talk.proxy.leaves()
    assert talk.client_got() == message[:cut]
    talk.proxy.wait(0.25)
    talk.app_sends(message[cut:] + TEXT)
    assert talk.client_got() == message[cut:] + TEXT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_a_question_on_its_way_gets_its_answer_before_the_goodbye() -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.client_sends(SHOUT)
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


@pytest.mark.parametrize("half", [SHOUT[:-1], SHOUT[:1]])
def test_a_question_that_is_half_said_is_no_pause(half: bytes) -> None:
    talk = websocket()
    talk.client_sends(half)
    talk.proxy.leaves()
    talk.proxy.wait(1)
    assert talk.client_got() == b""
    talk.client_sends(SHOUT[len(half) :])
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT + GOING_AWAY


def test_in_a_talk_without_a_pause_the_goodbye_comes_right_behind_an_answer() -> None:
    talk = websocket()
    talk.proxy.leaves()
    said = b""
    while talk.proxy.time < 1001:
        talk.client_sends(SHOUT)
        talk.app_sends(TEXT)
        talk.proxy.wait(0.0625)
        said += talk.client_got()
    assert said == TEXT * 16
    talk.client_sends(SHOUT)
    talk.app_sends(TEXT + TEXT)
    assert talk.client_got() == TEXT + TEXT + GOING_AWAY


@pytest.mark.parametrize(("by_app", "pause"), [(False, ANSWER_PAUSE), (True, PAUSE)])
def test_a_pause_begins_with_the_last_byte_and_is_longer_if_that_may_be_answered(
    by_app: bool, pause: float
) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(PAUSE * 0.5)
    if by_app:
        talk.app_sends(TEXT)
    else:
        talk.client_sends(SHOUT)
    talk.proxy.wait(pause * 0.75)
    assert talk.client_got() == TEXT * by_app
    talk.proxy.wait(pause * 0.5)
    assert talk.client_got() == GOING_AWAY


@pytest.mark.parametrize("by_app", [True, False])
def test_what_has_arrived_and_was_not_read_yet_is_no_pause(by_app: bool) -> None:
    talk = websocket()
    talk.proxy.leaves()
    (talk.app if by_app else talk.client).sends(TEXT if by_app else SHOUT)
    talk.proxy.time += PAUSE
    talk.proxy.hub.sweep()
    talk.proxy.settle()
    assert (talk.client_got(), talk.app_got()) == ((TEXT, b"") if by_app else (b"", SHOUT))
    if not by_app:
        talk.app_sends(TEXT)
        assert talk.client_got() == TEXT
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


def test_what_is_not_read_since_the_other_side_is_full_delays_no_drain_for_ever() -> None:
    talk = websocket()
    talk.session.stop_client(APP_IS_FULL)
    talk.client.sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(MESSAGE_PATIENCE - 0.25)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


def test_who_asked_before_its_turn_came_may_still_be_answered() -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(ANSWER_PAUSE - 0.25)
    assert talk.client_got() == b""
    talk.app_sends(TEXT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == TEXT + GOING_AWAY


def test_behind_an_answer_is_not_in_the_middle_of_the_next() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(PAUSE_PATIENCE + 0.5)
    for octet in LAST_FRAGMENT[:-1]:
        talk.app_sends(bytes((octet,)))
    assert talk.client_got() == FRAGMENT + LAST_FRAGMENT[:-1]
    talk.app_sends(LAST_FRAGMENT[-1:])
    assert talk.client_got() == LAST_FRAGMENT[-1:] + GOING_AWAY


def test_after_two_seconds_the_end_of_a_frame_will_do() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(1.75)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_who_says_goodbye_again_does_not_put_it_off() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_got() == FRAGMENT + GOING_AWAY


def test_a_goodbye_to_a_client_that_is_gone_is_not_counted() -> None:
    talk = websocket()
    session = talk.session
    talk.client_resets()
    session.say_goodbye("drain")
    assert talk.proxy.hub.counters.goodbyes == {}


def test_after_two_seconds_in_a_frame_its_end_is_waited_for() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:-1])
    talk.proxy.leaves()
    talk.proxy.wait(60)
    assert talk.client_got() == FRAGMENT[:-1]
    talk.app_sends(FRAGMENT[-1:] + LAST_FRAGMENT)
    assert talk.client_got() == FRAGMENT[-1:] + GOING_AWAY


def test_the_goodbye_is_said_once() -> None:
    talk = said_goodbye()
    talk.proxy.leaves()
    talk.proxy.cuts()
    assert talk.client_got() == b""
    assert talk.proxy.hub.counters.goodbyes == {("websocket", "drain"): 1}


def test_a_goodbye_that_was_not_said_can_be_taken_back() -> None:
    waiting, told = websocket(), said_goodbye()
    waiting.app_sends(FRAGMENT)
    waiting.proxy.leaves()
    for talk in (waiting, told):
        talk.proxy.stays()
    waiting.proxy.wait(10)
    waiting.app_sends(LAST_FRAGMENT + TEXT)
    assert waiting.client_got() == FRAGMENT + LAST_FRAGMENT + TEXT
    waiting.proxy.leaves()
    waiting.proxy.wait(1)
    assert waiting.client_got() == GOING_AWAY
    told.proxy.wait(5)
    assert told.client.state == "closed", "what was said is carried through"


def test_nothing_follows_our_close() -> None:
    talk = said_goodbye()
    talk.app_sends(TEXT, FRAGMENT, close_frame(1000))
    assert talk.client_got() == b""


def test_what_the_client_still_says_before_its_echo_reaches_the_app() -> None:
    talk = said_goodbye()
    talk.client_sends(SHOUT + ECHO)
    assert talk.app_got() == SHOUT + ECHO


def test_an_app_whose_words_are_dropped_comes_to_the_clients_close() -> None:
    """A client that does not read has stopped the app, and would hold up the handshake."""
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(TEXT * HIGH_WATER)
    assert not talk.app.is_reading()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.app.is_reading()
    talk.app_sends(TEXT * HIGH_WATER)
    assert talk.app.waiting == 0
    assert talk.client.get_write_buffer_size() < len(TEXT * HIGH_WATER) + 100


def test_a_client_that_fills_up_after_our_close_does_not_stop_the_app() -> None:
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(TEXT)
    talk.client.set_write_buffer_limits(high=len(TEXT) + len(GOING_AWAY) - 1)
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    talk.session.pause_writing()
    assert talk.app.is_reading()


def test_a_client_that_does_not_answer_is_let_go_after_five_seconds() -> None:
    talk = said_goodbye()
    talk.proxy.wait(4.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.app_got() == OUR_CLOSE_TO_APP
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_a_client_that_goes_on_talking_has_not_answered() -> None:
    talk = said_goodbye()
    talk.client_sends(SHOUT)
    talk.proxy.wait(5)
    assert talk.app_got() == SHOUT + OUR_CLOSE_TO_APP
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_a_close_for_the_app_is_not_put_into_a_frame_of_the_client() -> None:
    talk = said_goodbye()
    talk.client_sends(SHOUT[:-1])
    talk.proxy.wait(5)
    assert talk.app_got() == SHOUT[:-1]
    assert talk.app.state == "closed"


def test_a_client_that_ends_without_an_echo_ends_it() -> None:
    talk = said_goodbye()
    talk.client_ends()
    talk.proxy.wait(5)
    assert talk.client.state == "closed"
    assert talk.app_got() == b""
    assert talk.app.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_an_app_that_goes_on_after_the_echo_is_let_go() -> None:
    talk = said_goodbye()
    talk.client_sends(ECHO)
    talk.proxy.wait(5)
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.app_got() == ECHO
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]


def test_a_client_that_leaves_on_our_close_is_gone_without_a_goodbye() -> None:
    talk = said_goodbye()
    talk.client_resets()
    assert talk.app.state == "reset"
    assert talk.proxy.endings[1:] == [("websocket", "client_left")]


def test_an_app_that_ends_first_leaves_the_client_five_seconds() -> None:
    talk = websocket()
    talk.app_sends(close_frame(1000))
    talk.app_ends()
    assert talk.client.state == "half-closed"
    talk.proxy.wait(4.75)
    assert not talk.client.lost
    talk.proxy.wait(0.25)
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "finished")]


def test_nothing_is_said_after_an_app_that_has_ended() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.app_ends()
    talk.proxy.cuts()
    talk.proxy.wait(6)
    assert talk.client_got() == FRAGMENT
    assert talk.client.state == "closed"
    assert talk.proxy.hub.counters.goodbyes == {}


def test_a_close_of_the_app_that_comes_before_our_boundary_is_enough() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    apps = close_frame(1000)
    talk.app_sends(apps)
    talk.proxy.wait(5)
    assert talk.client_got() == FRAGMENT + apps
    assert talk.client.state == "open", "the client may still answer"
    talk.proxy.wait(0.25)
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "finished")]


@pytest.mark.parametrize("tell", [Proxy.leaves, Proxy.cuts])
def test_a_handshake_of_the_two_that_does_not_end_is_not_waited_for_without_end(
    tell: Callable[[Proxy], None],
) -> None:
    talk = websocket()
    talk.app_sends(close_frame(1000))
    talk.proxy.wait(60)
    assert talk.client.state == "open", "serving, nothing presses"
    tell(talk.proxy)
    talk.proxy.wait(5)
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "finished")]


def test_a_goodbye_that_is_not_said_yet_is_taken_back_with_the_drain() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(LAST_FRAGMENT)
    talk.proxy.wait(60)
    assert talk.client_got() == FRAGMENT + LAST_FRAGMENT
    assert talk.proxy.hub.counters.goodbyes == {}


def test_an_idle_websocket_hears_why_it_ends() -> None:
    talk = websocket(idle_timeout=30)
    talk.proxy.wait(31)
    assert talk.client_got() == GOING_AWAY
    talk.client_sends(ECHO)
    talk.app_ends()
    talk.client_ends()
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]


def test_a_client_that_goes_by_itself_meanwhile_gets_its_answer_from_the_app() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.client_sends(ECHO)
    talk.proxy.wait(1.5)
    rest = LAST_FRAGMENT + TEXT + close_frame(1000)
    talk.app_sends(rest)
    talk.proxy.cuts()
    talk.proxy.wait(1)
    assert talk.client_got() == FRAGMENT + rest
    assert talk.proxy.hub.counters.goodbyes == {}


def test_a_client_that_goes_by_itself_in_a_cut_gets_its_answer_from_the_app() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:1])
    talk.proxy.cuts()
    talk.client_sends(ECHO)
    talk.app_sends(FRAGMENT[1:] + LAST_FRAGMENT + close_frame(1000))
    assert talk.client_got() == FRAGMENT + LAST_FRAGMENT + close_frame(1000)
