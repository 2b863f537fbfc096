"""Deadlines of an HTTP/2 connection that are over at the same time: none hides another."""

from tests.relay.frames import (
    EVENTS,
    GET,
    MOST_STREAM,
    OK,
    POST,
    data,
)
from tests.relay.streams import ASKED, answered, asked


def statuses(heard: list[tuple[object, ...]]) -> dict[object, bytes]:
    """Of the answers among it, by stream."""
    heads = [each for each in heard if each[0] == "headers"]
    # What was heard is a tuple of anything; the third of "headers" are its fields.
    return {each[1]: dict(each[2])[b":status"] for each in heads}  # type: ignore[call-overload]


def test_a_goodbye_that_waits_for_its_place_puts_off_no_504() -> None:
    """It looks for its place with every sweep."""
    talk = answered(GET, EVENTS, request_timeout=30)
    talk.app_sends(data(1, b"data: an event without an end\n"))
    talk.proxy.wait(10)
    talk.client_asks(3)
    talk.proxy.leaves()
    talk.client_hears()
    talk.proxy.wait(29.75)
    assert statuses(talk.client_hears()) == {}
    talk.proxy.wait(0.25)
    assert statuses(talk.client_hears()) == {3: b"504"}


def test_nor_the_last_word_to_a_client_that_does_not_answer_our_ping() -> None:
    talk = answered(GET, EVENTS)
    talk.app_sends(data(1, b"data: an event without an end\n"))
    talk.client_hears()
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    talk.proxy.wait(4.75)
    assert talk.client_hears() == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("goaway", 1, 0)]


def test_nor_the_end_of_a_client_that_has_ended_its_side() -> None:
    talk = answered(GET, EVENTS, request_timeout=1)
    talk.app_sends(data(1, b"data: an event without an end\n"))
    talk.proxy.leaves()
    talk.client_ends()
    talk.proxy.wait(5.25)
    assert talk.endings == [("sse", "client_left")]
    assert talk.client.state == "closed"


def test_of_what_is_over_at_once_all_is_done_in_the_order_of_its_names() -> None:
    talk = asked(request_timeout=5)
    talk.proxy.leaves()
    talk.proxy.time += 20
    talk.proxy.wait(0.25)
    heard = talk.client_hears()
    assert [each[0] for each in heard] == ["goaway", "ping", "goaway", "headers"]
    assert heard[0][1] == MOST_STREAM
    assert statuses(heard) == {1: b"504"}


def test_where_one_has_ended_the_connection_nothing_more_is_done() -> None:
    """The client that drips a frame hears of that alone."""
    talk = asked(header_timeout=10, request_timeout=10)
    talk.client_sends(talk.says.headers(3, GET)[:5])
    talk.proxy.leaves()
    talk.client_hears()
    talk.proxy.time += 60
    talk.proxy.wait(0.25)
    assert [each[0] for each in talk.client_hears()] == ["goaway"]
    assert talk.rejected == {"header-timeout": 1}
    assert talk.endings == [("http2", "client_left")]


def test_a_request_that_is_still_sent_is_looked_at_again() -> None:
    talk = asked(1, fields=POST, end=False, request_timeout=5)
    talk.client_asks(3, POST, end=False)
    talk.proxy.wait(20)
    assert talk.client_hears() == []
    talk.client_sends(data(1, end=True))
    talk.proxy.wait(1)
    assert statuses(talk.client_hears()) == {1: b"504"}
    talk.app_sends(talk.answers.headers(3, OK))
    assert talk.in_flight == {"http2": 1}
