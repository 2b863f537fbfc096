"""What we say in a stream takes of windows that the app does not know to be smaller for it."""

from collections.abc import Callable

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CANCEL,
    EVENTS,
    GET,
    OK,
    SETTINGS_ACK,
    SWITCHED,
    WEBSOCKET,
    WINDOW,
    data,
    settings,
    window_update,
)
from tests.relay.kinds import CLOSE, RETRY
from tests.relay.streams import answered, asked, begun, leave

APP_HAS_GONE = close_frame(1014, "the app has gone")


def test_a_client_that_takes_nothing_more_is_not_told_when_to_come_again() -> None:
    talk = begun()
    talk.client_sends(settings({WINDOW: 10}))
    talk.client_asks(1)
    talk.app_sends(talk.answers.headers(1, EVENTS))
    talk.client_hears()
    assert leave(talk) == [("data", 1, b"", "end")]


def test_a_connection_that_takes_nothing_more_counts_like_a_stream() -> None:
    talk = answered(GET, EVENTS)
    talk.client_asks(3)
    body = data(3, b"x" * 16000) * 4 + data(3, b"x" * 1530, end=True)
    talk.app_sends(talk.answers.headers(3, OK) + body)
    talk.client_hears()
    assert leave(talk) == [("data", 1, b"", "end")]


def test_of_two_streams_for_which_there_is_room_for_one_word_one_just_ends() -> None:
    talk = asked(1, 3, 5)
    for stream in 1, 3:
        talk.app_sends(talk.answers.headers(stream, EVENTS))
    body = data(5, b"x" * 16000) * 4 + data(5, b"x" * (1535 - len(RETRY) - 5), end=True)
    talk.app_sends(talk.answers.headers(5, OK) + body)
    talk.client_hears()
    heard = leave(talk)
    assert sorted(each[2] for each in heard) == [b"", b"", RETRY]
    assert sorted(each[1] for each in heard if each[-1] == "end") == [1, 3]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_window_that_became_larger_is_used_once_the_app_has_said_so(acknowledged: bool) -> None:
    talk = begun()
    talk.client_sends(settings({WINDOW: 5}))
    talk.app_sends(SETTINGS_ACK)
    talk.client_asks(1)
    talk.app_sends(talk.answers.headers(1, EVENTS))
    talk.client_sends(settings({WINDOW: 5 + len(RETRY)}))
    if acknowledged:
        talk.app_sends(SETTINGS_ACK)
    talk.client_hears()
    retry = [("data", 1, RETRY)] if acknowledged else []
    assert leave(talk) == [*retry, ("data", 1, b"", "end")]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_window_that_became_smaller_holds_at_once(acknowledged: bool) -> None:
    talk = answered(GET, EVENTS)
    talk.client_sends(settings({WINDOW: 5}) + settings({WINDOW: 100}))
    if acknowledged:
        talk.app_sends(SETTINGS_ACK)
    talk.client_hears()
    assert leave(talk) == [("data", 1, b"", "end")]


def test_our_data_is_kept_from_the_apps_account() -> None:
    talk = answered(GET, EVENTS)
    talk.client_asks(3)
    assert leave(talk) == [("data", 1, RETRY), ("data", 1, b"", "end")]
    talk.app_hears()
    talk.client_sends(window_update(0, 10))
    assert talk.app_hears() == []
    talk.client_sends(window_update(0, 10) + window_update(0, 10))
    assert talk.app_hears() == [("window", 0, 20 - len(RETRY)), ("window", 0, 10)]


def websockets_told(talk: Conversation) -> int:
    """How many were told to close."""
    return talk.proxy.context.counters.goodbyes["websocket", "drain"]


# RFC 6455 5.5: a control frame.
MOST_OF_A_WORD = 2 + 125


def app_fills(talk: Conversation, room: int) -> None:
    """The app sends as much of another answer as it may."""
    while room:
        part = min(room, 16384)
        talk.app_sends(data(3, b"x" * part))
        room -= part


def narrow_websocket(room: int = 5) -> Conversation:
    """Its client has no room for a Close."""
    talk = begun()
    talk.client_sends(settings({WINDOW: room}))
    talk.app_sends(SETTINGS_ACK)
    talk.client_asks(1, WEBSOCKET, end=False)
    talk.app_sends(talk.answers.headers(1, SWITCHED))
    talk.client_hears()
    return talk


def test_close_waits_until_the_client_has_room_for_it() -> None:
    talk = narrow_websocket()
    assert leave(talk) == []
    talk.proxy.wait(3)
    assert talk.client_hears() == []
    assert websockets_told(talk) == 0
    talk.client_sends(window_update(1, 20))
    assert talk.client_hears() == [("data", 1, CLOSE)]


def test_a_client_that_never_has_room_for_close_is_cut() -> None:
    talk = narrow_websocket()
    leave(talk)
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert ("reset", 1, CANCEL) in talk.client_hears()
    assert talk.endings == [("websocket", "cut")]
    assert websockets_told(talk) == 0


@pytest.mark.parametrize("dies", [Conversation.app_ends, Conversation.app_resets])
@pytest.mark.parametrize("room", [5, len(APP_HAS_GONE) - 1, len(APP_HAS_GONE)])
def test_the_close_for_a_dead_app_is_said_where_there_is_room_for_it(
    dies: Callable[[Conversation], None], room: int
) -> None:
    talk = narrow_websocket(room)
    dies(talk)
    heard = [each for each in talk.client_hears() if each[1:2] == (1,) and each[0] != "goaway"]
    if room == len(APP_HAS_GONE):
        assert heard[:2] == [("data", 1, APP_HAS_GONE), ("data", 1, b"", "end")]
    else:
        assert [each[0] for each in heard] == ["reset"]
    assert talk.endings == [("websocket", "app_left")]


def test_a_window_that_the_app_fills_at_once_has_room_for_a_close_that_has_waited() -> None:
    """Else the client has to end the connection with FLOW_CONTROL_ERROR (RFC 9113 6.9.1)."""
    talk = asked(fields=WEBSOCKET, end=False)
    talk.client_asks(3)
    talk.client_sends(settings({WINDOW: 1 << 20}))
    talk.app_sends(SETTINGS_ACK + talk.answers.headers(1, SWITCHED))
    talk.app_sends(talk.answers.headers(3, OK))
    app_fills(talk, 65535)
    talk.client_hears()
    assert leave(talk) == []
    talk.app_hears()
    for _ in range(3):
        talk.client_sends(window_update(0, 20_000))
        app_fills(talk, sum(each[2] for each in talk.app_hears() if each[:2] == ("window", 0)))
        talk.proxy.wait(0.25)
    heard = [each for each in talk.client_hears() if each[0] == "data"]
    assert ("data", 1, CLOSE) in heard
    assert sum(len(each[2]) for each in heard) == 60_000


def test_what_was_kept_for_a_goodbye_that_is_taken_back_is_for_the_app() -> None:
    talk = narrow_websocket()
    leave(talk)
    talk.app_hears()
    talk.client_sends(window_update(0, 1000))
    assert talk.app_hears() == [("window", 0, 1000 - MOST_OF_A_WORD)]
    talk.proxy.stays()
    talk.client_sends(window_update(0, 1000))
    assert talk.app_hears() == [("window", 0, 1000 + MOST_OF_A_WORD)]


def test_at_most_half_of_what_the_client_gives_back_is_kept_for_goodbyes() -> None:
    talk = narrow_websocket()
    leave(talk)
    talk.app_hears()
    talk.client_sends(window_update(0, 101))
    assert talk.app_hears() == [("window", 0, 51)]


def test_close_is_said_into_a_window_of_just_its_size() -> None:
    talk = narrow_websocket(len(CLOSE))
    assert leave(talk) == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, CLOSE)]
