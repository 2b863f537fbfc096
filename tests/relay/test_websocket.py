"""Our Close stands in a pause, between two frames; the handshake after it is completed."""

from drainproxy.drain.interruption import PATIENCE
from drainproxy.relay.turns import APP_IS_FULL
from drainproxy.wire.websocket import close_frame
from tests.relay.connection import HIGH_WATER
from tests.relay.proxy import MASK
from tests.relay.upgraded import (
    FRAGMENT,
    GOING_AWAY,
    LAST_FRAGMENT,
    OUR_CLOSE_TO_APP,
    SHOUT,
    TEXT,
    said_goodbye,
    websocket,
)


def test_the_code_and_the_reason_are_those_of_the_settings() -> None:
    talk = websocket(websocket_close_code=1012, websocket_close_reason="restart")
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == close_frame(1012, "restart")
    talk.proxy.wait(5)
    assert talk.app_got() == close_frame(1012, "restart", MASK)


def test_what_is_not_read_since_the_other_side_is_full_delays_no_drain_for_ever() -> None:
    talk = websocket()
    talk.session.stop_client(APP_IS_FULL)
    talk.client.sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(PATIENCE - 0.25)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


def test_after_two_seconds_in_a_frame_its_end_is_waited_for() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:-1])
    talk.proxy.leaves()
    talk.proxy.wait(60)
    assert talk.client_got() == FRAGMENT[:-1]
    talk.app_sends(FRAGMENT[-1:] + LAST_FRAGMENT)
    assert talk.client_got() == FRAGMENT[-1:] + GOING_AWAY


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


def test_after_an_app_that_has_ended_nothing_is_said_but_that() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.app_ends()
    talk.proxy.says_last_goodbyes()
    talk.proxy.wait(6)
    assert talk.client_got() == FRAGMENT + close_frame(1014, "the app has gone")
    assert talk.client.state == "closed"
    assert talk.proxy.context.counters.goodbyes == {}
