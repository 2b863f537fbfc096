"""A connection of HTTP/2 at its age: the same goodbye, and the end of what outlives the grace."""

import pytest

from drainproxy.drain.goodbye import MAX_AGE
from tests.relay.aged import ages, change, goodbyes
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    SWITCHED,
    TRAILERS,
    WEBSOCKET,
    WINDOW,
    Fields,
    data,
    settings,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import ASKED, LIMITED, OUR_PING_ACK, asked, begun


def test_a_connection_is_asked_to_come_again_at_its_age() -> None:
    talk = asked(aging=ages(http2=100))
    talk.proxy.wait(99.75)
    assert talk.client_hears() == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == ASKED
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(1000)
    assert talk.in_flight == {"http2": 1}, "without a grace it takes as long as it takes"
    talk.app_answers()
    assert talk.client_hears() == [("goaway", 1, 0), ("headers", 1, OK, "end")]
    assert talk.client.state == "half-closed"
    assert goodbyes(talk) == {("http2", MAX_AGE): 1}


def test_the_age_of_http1_is_not_that_of_http2() -> None:
    talk = begun(aging=ages(http1=10), protocol="http")
    talk.proxy.wait(100)
    assert talk.client_hears() == []


def test_an_idle_connection_past_its_age_is_parted_from() -> None:
    talk = begun(aging=ages(http2=100), idle_close=5)
    talk.proxy.wait(101)
    assert talk.client_hears() == ASKED
    talk.proxy.wait(5)
    assert talk.client_hears() == [("goaway", 0, 0)]
    assert talk.client.state == "half-closed"


def test_what_is_open_after_the_grace_is_cut() -> None:
    talk = asked(1, 3, aging=ages(http2=100, grace=30))
    talk.app_sends(talk.answers.headers(3, OK))
    talk.proxy.wait(100)
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(29.75)
    assert talk.client_hears() == [("headers", 3, OK), *ASKED, ("goaway", 3, 0)]
    talk.proxy.wait(0.25)
    answer, cancelled = talk.client_hears()
    assert (answer[:2], dict(answer[2])[b":status"]) == (("headers", 1), b"503")
    assert b"has reached its age" in dict(answer[2])[b"proxy-status"]
    assert cancelled == ("reset", 3, 8)
    assert talk.app_hears() == [("reset", 1, 8), ("reset", 3, 8)]
    assert talk.endings == [("http2", "cut")] * 2
    assert talk.client.state == "half-closed"


def test_who_is_cut_in_the_middle_of_a_frame_hears_its_end_or_nothing_more() -> None:
    for ends in (True, False):
        talk = asked(aging=ages(http2=100, grace=30))
        frame = talk.answers.headers(1, OK) + data(1, b"x" * 100)
        talk.app_sends(frame[:90])
        talk.proxy.wait(130)
        assert talk.endings == [("http2", "cut")]
        if ends:
            talk.app_sends(frame[90:])
            assert talk.client_hears()[1:] == [
                ("data", 1, b"x" * 100),
                *ASKED,
                *(("goaway", 1, 0), ("reset", 1, 8)),
            ]
        talk.proxy.wait(29.75)
        assert talk.client.lost == ends
        talk.proxy.wait(0.25)
        assert talk.client.state == ("aborted" if ends else "closed")


def test_a_goodbye_that_age_wants_survives_an_undrain() -> None:
    proxy = Proxy(aging=ages(http2=100))
    talk = Conversation("auto", proxy=proxy)
    talk.client_begins(GET)
    proxy.wait(99)
    proxy.leaves()
    proxy.wait(1)
    proxy.stays()
    talk.app_sends(settings())
    assert talk.client_hears() == [LIMITED, *ASKED]
    assert goodbyes(talk) == {("http2", MAX_AGE): 1}


def test_a_goodbye_that_is_due_to_age_survives_a_drain_that_is_taken_back() -> None:
    talk = Conversation("auto", aging=ages(http2=100))
    talk.client_begins(GET)
    talk.proxy.wait(100)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(settings())
    assert talk.client_hears() == [LIMITED, *ASKED]
    assert goodbyes(talk) == {("http2", MAX_AGE): 1}


def test_a_goodbye_that_a_new_age_makes_early_is_not_said() -> None:
    talk = Conversation("auto", aging=ages(http2=100))
    talk.client_begins(GET)
    talk.proxy.wait(100)
    change(talk.proxy, ages(http2=200))
    talk.app_sends(settings())
    talk.proxy.wait(99.75)
    assert talk.client_hears() == [LIMITED]
    talk.proxy.wait(0.25)
    assert talk.client_hears() == ASKED


def test_a_new_age_does_not_take_the_goodbye_of_a_drain_back() -> None:
    talk = Conversation("auto", aging=ages(http2=100))
    talk.client_begins(GET)
    talk.proxy.wait(100)
    talk.proxy.leaves()
    change(talk.proxy, ages())
    talk.app_sends(settings())
    assert talk.client_hears() == [LIMITED, *ASKED]


@pytest.mark.parametrize(("fields", "answer"), [(GET, EVENTS), (WEBSOCKET, SWITCHED)])
def test_what_begins_on_a_connection_that_was_told_for_its_age_is_told_too(
    fields: Fields, answer: Fields
) -> None:
    """Its request was on its way before the client knew the last stream (RFC 9113 6.8)."""
    talk = asked(3, aging=ages(http2=100))
    talk.proxy.wait(100)
    assert talk.client_hears() == ASKED
    talk.client_asks(5, fields, end=fields is GET)
    talk.app_sends(talk.answers.headers(5, answer))
    talk.proxy.wait(0.25)
    assert talk.client_hears()[1][:2] == ("data", 5)
    counted = talk.proxy.context.counters.goodbyes
    assert counted["sse" if fields is GET else "websocket", "max-connection-age"] == 1


def test_a_drain_says_nothing_to_who_has_heard_it_for_age() -> None:
    talk = asked(aging=ages(http2=100))
    talk.proxy.wait(100)
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.leaves()
    assert talk.client_hears() == [*ASKED, ("goaway", 1, 0)]
    talk.app_sends(settings({WINDOW: 5}))
    assert talk.client_hears() == [("settings", {WINDOW: 5})]
    assert goodbyes(talk) == {("http2", MAX_AGE): 1}


def test_a_call_that_is_old_and_that_its_app_has_ended_hides_no_other_deadline() -> None:
    talk = asked(fields=CALL, end=False, aging=ages(stream=3), request_timeout=5)
    talk.app_sends(talk.answers.headers(1, GRPC_OK) + talk.answers.headers(1, TRAILERS, end=True))
    talk.client_asks(3)
    talk.client_hears()
    talk.proxy.wait(6)
    (answer,) = talk.client_hears()
    assert (answer[:2], dict(answer[2])[b":status"]) == (("headers", 3), b"504")
    talk.proxy.leaves()
    talk.proxy.wait(6)
    assert talk.client_hears() == [*ASKED, ("goaway", 3, 0)]
