"""A request of which nothing comes: who is silent is at fault, the app if it takes no more.

RFC 9110 15.5.9 and 15.6.5. What the app takes it says by its windows (RFC 9113 6.9).
"""

from typing import Any

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    POST,
    SETTINGS_ACK,
    WEBSOCKET,
    WINDOW,
    data,
    reset,
    settings,
    window_update,
)
from tests.relay.streams import asked

# RFC 9113 6.9.2
WINDOW_OF_ALL = 65535


def uploading(*streams: int, **about: Any) -> Conversation:
    return asked(*streams, fields=POST, end=False, idle_timeout=60, **about)


def sends(talk: Conversation, stream: int, length: int) -> None:
    while length:
        part = min(length, 16384)
        talk.client_sends(data(stream, b"x" * part))
        length -= part


def codes(talk: Conversation) -> dict[int, int]:
    """What the streams are answered after idle-timeout."""
    talk.proxy.wait(61)
    heads = [each for each in talk.client_hears() if each[0] == "headers"]
    return {each[1]: int(dict(each[2])[b":status"]) for each in heads}


def test_an_app_that_opens_the_window_of_a_stream_no_more_owes_its_answer() -> None:
    talk = uploading()
    sends(talk, 1, WINDOW_OF_ALL)
    assert codes(talk) == {1: 504}
    assert talk.endings == [("http2", "app_left")]


def test_a_client_that_leaves_a_byte_of_the_window_unused_owes_the_rest() -> None:
    talk = uploading()
    sends(talk, 1, WINDOW_OF_ALL - 1)
    assert codes(talk) == {1: 408}
    assert talk.endings == [("http2", "cut")]


def test_a_window_that_the_app_has_opened_is_for_the_client_to_use() -> None:
    talk = uploading()
    sends(talk, 1, WINDOW_OF_ALL)
    talk.app_sends(window_update(1, 20000) + window_update(0, 20000))
    assert codes(talk) == {1: 408}


def test_an_app_that_opens_the_window_of_a_stream_alone_takes_no_more() -> None:
    """That of the connection is used up (6.9.1)."""
    talk = uploading()
    sends(talk, 1, WINDOW_OF_ALL)
    talk.app_sends(window_update(1, 20000))
    assert codes(talk) == {1: 504}


def test_streams_share_the_window_of_their_connection() -> None:
    talk = uploading(1, 3)
    sends(talk, 1, 40000)
    sends(talk, 3, WINDOW_OF_ALL - 40000)
    assert codes(talk) == {1: 504, 3: 504}


def test_what_is_sent_on_a_stream_that_the_app_has_reset_takes_of_it_too() -> None:
    talk = uploading(1, 3)
    talk.app_sends(reset(1))
    sends(talk, 1, 40000)
    sends(talk, 3, WINDOW_OF_ALL - 40000)
    assert codes(talk)[3] == 504


def test_of_several_streams_each_is_answered_for_itself() -> None:
    talk = uploading(1, 3)
    talk.app_sends(window_update(0, 100_000))
    sends(talk, 1, WINDOW_OF_ALL)
    sends(talk, 3, 10)
    assert codes(talk) == {1: 504, 3: 408}


def test_a_smaller_window_counts_once_the_client_keeps_to_it() -> None:
    """6.9.2, 6.5.3."""
    talk = uploading()
    sends(talk, 1, 1000)
    talk.app_sends(settings({WINDOW: 1000}))
    talk.client_sends(SETTINGS_ACK)
    assert codes(talk) == {1: 504}


def test_a_larger_window_is_for_the_client_to_use() -> None:
    talk = uploading()
    talk.app_sends(settings({WINDOW: 100_000}) + window_update(0, 100_000))
    talk.client_sends(SETTINGS_ACK)
    sends(talk, 1, WINDOW_OF_ALL)
    assert codes(talk) == {1: 408}


def test_an_app_that_does_not_read_takes_no_more_whatever_its_windows_are() -> None:
    talk = uploading()
    talk.app_sends(settings({WINDOW: 1 << 30}) + window_update(0, 1 << 30))
    talk.client_sends(SETTINGS_ACK)
    talk.app_stops_reading()
    sends(talk, 1, 300_000)
    # What a buffer of the system has swallowed may move without us.
    talk.proxy.wait(60)
    assert codes(talk) == {1: 504}


def test_a_client_that_stops_inside_a_frame_owes_its_rest_though_that_fills_the_window() -> None:
    talk = uploading()
    sends(talk, 1, WINDOW_OF_ALL - 5000)
    talk.client_sends(data(1, b"x" * 5000)[:-1])
    assert codes(talk) == {1: 408}


def test_an_app_that_does_not_read_a_frame_to_its_end_owes_its_answer() -> None:
    talk = uploading()
    talk.app_sends(settings({WINDOW: 1 << 20}) + window_update(0, 1 << 20))
    talk.client_sends(SETTINGS_ACK)
    talk.app_stops_reading()
    sends(talk, 1, 300_000)
    talk.client_sends(data(1, b"x" * 5000)[:-1])
    talk.proxy.wait(60)
    assert codes(talk) == {1: 504}


def test_the_app_owes_a_websocket_its_answer_as_over_http1() -> None:
    """RFC 8441 5: the head is all of the request."""
    assert codes(asked(fields=WEBSOCKET, end=False, idle_timeout=60)) == {1: 504}


def test_the_time_for_an_answer_holds_for_a_websocket_too() -> None:
    talk = asked(fields=WEBSOCKET, end=False, request_timeout=60)
    assert codes(talk) == {1: 504}
    assert talk.endings == [("websocket", "app_left")]
