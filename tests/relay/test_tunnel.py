"""After a 101: opaque tunnels, and WebSockets that hear a Close between two frames."""

from typing import Any

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import MASK, Conversation, Proxy, head, request, response

UPGRADE = request("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a")
SWITCH = head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
GOING_AWAY = close_frame(1001, "going away")
ECHO = close_frame(1001, "going away", b"\x05\x06\x07\x08")
OUR_CLOSE_TO_APP = close_frame(1001, "going away", MASK)

# Unmasked, for the client: a whole message, and one in two fragments.
TEXT = b"\x81\x05hello"
FRAGMENT, LAST_FRAGMENT = b"\x01\x03abc", b"\x80\x03def"
# Masked, for the app.
SHOUT = b"\x81\x82\x00\x00\x00\x00hi"


def websocket(proxy: Proxy | None = None, **limits: Any) -> Conversation:
    """A conversation that has switched to WebSocket."""
    talk = Conversation(proxy=proxy, **limits)
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCH)
    assert talk.app_got() == UPGRADE
    assert talk.client_got() == SWITCH
    return talk


def said_goodbye() -> Conversation:
    """A WebSocket whose client has just heard our Close."""
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    return talk


# Passing


def test_a_websocket_is_one_after_the_apps_101_only() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, SHOUT)
    assert talk.app_got() == UPGRADE
    assert talk.proxy.in_flight == {"http1": 1}
    talk.app_sends(SWITCH)
    assert talk.app_got() == SHOUT
    assert talk.proxy.in_flight == {"websocket": 1}
    assert talk.proxy.endings == [("http1", "finished")]
    counters = talk.proxy.hub.counters
    assert counters.codes["http1"] == {101: 1}
    assert counters.connections == {"http1": 1, "websocket": 1}
    assert talk.session.path == "/chat"
    assert talk.session.peer == "192.0.2.7:50000"


def test_what_the_app_says_right_after_its_101_is_a_frame() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCH + TEXT)
    assert talk.client_got() == SWITCH + TEXT


def test_frames_pass_both_ways_as_they_come() -> None:
    talk = websocket()
    for piece in (TEXT[:1], TEXT[1:], FRAGMENT + LAST_FRAGMENT[:1], LAST_FRAGMENT[1:]):
        talk.app_sends(piece)
        assert talk.client_got() == piece
    for octet in SHOUT:
        talk.client_sends(bytes((octet,)))
        assert talk.app_got() == bytes((octet,))


def test_much_that_was_sent_ahead_of_the_101_is_read_on_after_it() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, b"x" * (HIGH_WATER + 1))
    assert not talk.client.is_reading()
    talk.app_sends(SWITCH)
    assert talk.client.is_reading()
    assert len(talk.app_got()) == len(UPGRADE) + HIGH_WATER + 1


def test_a_client_that_ended_before_the_101_is_at_its_end_after_it() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.client_ends()
    talk.app_sends(SWITCH)
    assert talk.app.state == "half-closed"
    talk.app_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "finished"), ("websocket", "finished")]


def test_the_handshake_of_app_and_client_is_their_own() -> None:
    talk = websocket()
    apps = close_frame(4000, "app says so")
    talk.app_sends(apps)
    talk.proxy.leaves()
    talk.proxy.cuts()
    talk.client_sends(ECHO)
    assert talk.client_got() == apps
    assert talk.app_got() == ECHO
    talk.app_ends()
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "finished")]


def test_an_upgrade_to_something_else_is_an_opaque_tunnel() -> None:
    talk = Conversation()
    talk.client_sends(request("/x", "Connection: upgrade", "Upgrade: other/1"))
    talk.app_sends(
        head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1") + b"\x88\x00"
    )
    assert talk.client_got().endswith(b"\r\n\r\n\x88\x00")
    assert talk.proxy.in_flight == {"tcp": 1}
    assert talk.session.path == "/x"
    talk.proxy.leaves()
    talk.proxy.cuts()
    talk.app_sends(b"anything")
    assert talk.client_got() == b"anything"
    talk.proxy.aborts()
    assert talk.proxy.endings[1:] == [("tcp", "cut")]


# The goodbye


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


def test_after_two_seconds_the_end_of_a_frame_will_do() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.wait(1.75)
    assert talk.client_got() == FRAGMENT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


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
    talk.proxy.wait(60)
    assert talk.client_got() == FRAGMENT + apps
    assert talk.client.state == "open", "the client has not answered, and the drain has time"
    talk.proxy.aborts()
    assert talk.client.state == "closed"


# Leaving and upgrades


def test_an_upgrade_on_its_way_when_the_drain_begins_hears_its_goodbye() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.proxy.leaves()
    talk.app_sends(SWITCH + TEXT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == SWITCH + TEXT + GOING_AWAY


def test_websockets_that_wait_for_the_deadline_hear_nothing_before() -> None:
    talk = websocket(websocket_waits=True)
    late = Conversation(proxy=talk.proxy)
    late.client_sends(UPGRADE)
    talk.proxy.leaves()
    late.app_sends(SWITCH)
    assert talk.client_got() == b""
    assert late.client_got() == SWITCH
    talk.proxy.cuts()
    assert talk.client_got() == GOING_AWAY
    assert late.client_got() == GOING_AWAY
    assert talk.proxy.hub.counters.goodbyes == {("websocket", "deadline"): 2}


# The deadline


def test_cutting_takes_the_end_of_any_frame() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.cuts()
    assert talk.client_got() == FRAGMENT + GOING_AWAY


def test_cutting_in_a_frame_waits_for_its_end() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:2])
    talk.proxy.cuts()
    talk.app_sends(FRAGMENT[2:] + TEXT)
    assert talk.client_got() == FRAGMENT + GOING_AWAY


def test_the_end_closes_what_has_heard_nothing_and_tells_the_app() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:2])
    talk.proxy.cuts()
    talk.proxy.aborts()
    assert talk.client_got() == FRAGMENT[:2]
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.app_got() == OUR_CLOSE_TO_APP
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_idle_timeout_ends_a_websocket() -> None:
    talk = websocket(idle_timeout=60)
    talk.proxy.wait(61)
    assert talk.client.state == "closed"
    assert talk.app_got() == OUR_CLOSE_TO_APP


def test_a_client_that_takes_nothing_is_not_kept_for_ever() -> None:
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(TEXT)
    talk.proxy.leaves()
    talk.proxy.wait(5.25)
    assert talk.proxy.in_flight == {}
    assert not talk.client.lost, "it may still read what was written"
    talk.proxy.wait(5)
    assert talk.client.state == "reset"
    assert talk.proxy.hub.sessions == set()
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_the_deadline_does_not_wait_for_a_client_that_takes_nothing() -> None:
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(close_frame(1000))
    talk.client_ends()
    talk.app_ends()
    assert not talk.client.lost
    talk.proxy.aborts()
    assert talk.client.state == "reset"
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


# An app that refuses


def test_after_a_refused_upgrade_what_waited_is_the_next_request() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE + request("/next"))
    talk.app_sends(response(426))
    assert talk.client_got() == response(426)
    assert talk.app_got() == UPGRADE + request("/next")
    talk.app_sends(response(200))
    assert talk.client_got() == response(200)


def test_frames_after_a_refused_upgrade_never_reach_the_app() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, SHOUT + b"\r\n\r\n")
    talk.app_sends(response(403))
    assert talk.app_got() == UPGRADE
    assert talk.client_got().startswith(response(403) + b"HTTP/1.1 400 ")
