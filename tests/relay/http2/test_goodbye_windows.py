"""What we say in a stream takes of windows that the app does not know to be smaller for it."""

import pytest

from tests.relay.frames import (
    CANCEL,
    GET,
    OK,
    SETTINGS_ACK,
    WEBSOCKET,
    WINDOW,
    data,
    settings,
    window_update,
)
from tests.relay.goodbye_model import CLOSE, EVENTS, RETRY, SWITCHED
from tests.relay.streaming import Streaming, answered, asked, begun, leave


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


def websockets_told(talk: Streaming) -> int:
    """How many were told to close."""
    return talk.proxy.context.counters.goodbyes["websocket", "drain"]


def narrow_websocket() -> Streaming:
    """Its client has no room for a Close."""
    talk = begun()
    talk.client_sends(settings({WINDOW: 5}))
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
