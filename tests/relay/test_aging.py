"""A connection is asked to come again at its age, in its own protocol; what is left may be cut."""

from collections.abc import Callable
from itertools import chain, repeat

import pytest

from drainproxy.drain.aging import Aging
from tests.relay.aged import (
    CHUNKED_EVENTS,
    GOODBYE,
    LAST_EVENTS,
    ages,
    change,
    goodbyes,
    one_request,
    opaque,
)
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import CHUNKED, CHUNKS, EVENTS, POST, asked
from tests.relay.proxy import Proxy
from tests.relay.upgraded import GOING_AWAY, SWITCH, UPGRADE

OTHER_UPGRADE = request("/x", "Connection: upgrade", "Upgrade: other/1")
OTHER_SWITCH = head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1")

# HTTP/1


def test_the_answer_after_the_age_is_the_last_and_not_one_before() -> None:
    talk = Conversation(aging=ages(http1=100), idle_timeout=1e9)
    talk.proxy.wait(9)
    assert one_request(talk) == response()
    talk.proxy.wait(90.75)
    assert one_request(talk) == response()
    talk.proxy.wait(0.25)
    assert one_request(talk) == GOODBYE
    assert talk.client.state == "half-closed"
    assert goodbyes(talk) == {("http1", "max-connection-age"): 1}
    assert talk.proxy.endings == [("http1", "finished")] * 3


def test_an_answer_on_which_the_age_comes_is_the_last() -> None:
    talk = asked(aging=ages(http1=100))
    talk.proxy.wait(100)
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE
    assert goodbyes(talk) == {("http1", "max-connection-age"): 1}


def test_an_answer_that_has_begun_goes_on_as_it_is() -> None:
    talk = asked(aging=ages(http1=100))
    talk.app_sends(CHUNKED + CHUNKS[:5])
    talk.proxy.wait(1000)
    talk.app_sends(CHUNKS[5:])
    assert talk.client_got() == CHUNKED + CHUNKS
    assert one_request(talk) == GOODBYE


def test_what_was_sent_ahead_is_answered_and_only_the_last_says_close() -> None:
    talk = asked(aging=ages(http1=100))
    talk.client_sends(request("/2") + request("/3"))
    talk.proxy.wait(100)
    for _ in range(3):
        talk.app_sends(response())
    assert talk.client_got() == response() * 2 + GOODBYE
    assert goodbyes(talk) == {("http1", "max-connection-age"): 1}


def test_a_body_that_the_app_answers_early_still_reaches_it() -> None:
    """Unlike a drain, age has the time to wait for the next answer."""
    talk = asked(POST[:-3], aging=ages(http1=100))
    talk.proxy.wait(100)
    talk.app_sends(response())
    talk.client_sends(POST[-3:])
    assert talk.client_got() == response()
    assert talk.app_got() == POST[-3:]
    assert goodbyes(talk) == {}
    assert one_request(talk) == GOODBYE


def test_an_idle_connection_is_not_closed_under_the_clients_feet() -> None:
    talk = Conversation("auto", aging=ages(http1=100), idle_close=5)
    assert one_request(talk) == response()
    talk.proxy.wait(104.5)
    assert one_request(talk) == GOODBYE


def test_only_what_stays_idle_past_its_age_is_closed() -> None:
    talk = Conversation(aging=ages(http1=100), idle_close=5)
    assert one_request(talk) == response()
    talk.proxy.wait(104.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.proxy.endings == [("http1", "finished")]
    assert goodbyes(talk) == {}


def test_an_upgrade_past_the_age_is_not_refused() -> None:
    talk = Conversation(aging=ages(http1=100, websocket=100))
    talk.proxy.wait(9)
    assert one_request(talk) == response()
    talk.proxy.wait(92)
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCH)
    assert talk.client_got() == SWITCH
    talk.proxy.wait(99)
    assert goodbyes(talk) == {}, "the age of a WebSocket counts from its upgrade"
    talk.proxy.wait(1.5)
    assert talk.client_got() == GOING_AWAY


def test_an_upgrade_past_the_age_that_the_app_refuses_is_the_last_request() -> None:
    talk = asked(UPGRADE, aging=ages(http1=100))
    talk.proxy.wait(100)
    talk.app_sends(response(426))
    assert b"\r\nConnection: close\r\n" in talk.client_got()


def test_without_a_grace_an_exchange_takes_as_long_as_it_takes() -> None:
    talk = asked(aging=ages(http1=100), idle_timeout=1e9)
    talk.app_sends(CHUNKED)
    talk.proxy.wait(1_000)
    assert talk.proxy.in_flight == {"http1": 1}


def test_what_is_in_flight_after_the_grace_is_cut_and_counted() -> None:
    talk = asked(aging=ages(http1=100, grace=30))
    talk.app_sends(CHUNKED + CHUNKS[:8])
    talk.proxy.wait(129.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.client_got() == CHUNKED + CHUNKS[:8]
    assert talk.proxy.endings == [("http1", "cut")]


def test_what_is_idle_after_the_grace_is_closed_and_not_counted() -> None:
    talk = Conversation(aging=ages(http1=100, grace=3), idle_close=50)
    assert one_request(talk) == response()
    talk.proxy.wait(102.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "finished")]


def test_who_has_begun_to_ask_gets_the_grace_again_and_once_more_is_cut() -> None:
    talk = Conversation(aging=ages(http1=100, grace=8), idle_close=50)
    assert one_request(talk) == response()
    talk.proxy.wait(107)
    talk.client_sends(request()[:9])
    talk.proxy.wait(5)
    talk.client_sends(request()[9:])
    assert talk.app_got() == request() * 2
    talk.proxy.wait(4)
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("http1", "finished"), ("http1", "cut")]


def test_the_last_answer_may_be_taken_in_peace_after_the_grace() -> None:
    talk = Conversation(aging=ages(http1=100, grace=2))
    talk.proxy.wait(9)
    one_request(talk)
    talk.proxy.wait(91)
    talk.client_stops_reading()
    talk.client_sends(request())
    talk.app_sends(response())
    talk.proxy.wait(30)
    assert not talk.client.lost
    talk.client_reads()
    assert talk.client_got() == GOODBYE
    assert talk.proxy.endings == [("http1", "finished")] * 2


# Event streams


def test_an_event_stream_goes_on_past_the_age_of_its_connection() -> None:
    talk = asked(aging=ages(http1=100, grace=10), idle_timeout=1e9)
    talk.app_sends(CHUNKED_EVENTS)
    talk.proxy.wait(1_000)
    assert talk.proxy.in_flight == {"sse": 1}
    talk.app_sends(b"0\r\n\r\n")
    talk.proxy.wait(0.25)
    assert one_request(talk).endswith(GOODBYE), "now it is what it was, and old"
    assert goodbyes(talk) == {("http1", "max-connection-age"): 1}


def test_an_event_stream_ends_at_an_age_of_its_own_and_the_next_answer_is_the_last() -> None:
    talk = Conversation(aging=ages(http1=1000, sse=100), idle_timeout=1e9)
    talk.proxy.wait(9)
    assert one_request(talk) == response()
    talk.proxy.wait(500)
    talk.client_sends(request("/events"))
    talk.app_sends(CHUNKED_EVENTS)
    talk.proxy.wait(99.75)
    assert talk.client_got() == CHUNKED_EVENTS
    talk.proxy.wait(0.25)
    assert talk.client_got() == LAST_EVENTS
    assert talk.proxy.endings[1:] == [("sse", "goodbye")]
    assert one_request(talk) == GOODBYE


@pytest.mark.parametrize(("answer", "state"), [(CHUNKED_EVENTS, "closed"), (EVENTS, "reset")])
def test_an_event_that_does_not_end_is_cut_visibly_after_the_grace(
    answer: bytes, state: str
) -> None:
    talk = asked(aging=ages(sse=100, grace=10), idle_timeout=1e9)
    torn = answer + (b"7\r\ndata: x\r\n" if answer is CHUNKED_EVENTS else b"data: x")
    talk.app_sends(torn)
    talk.proxy.wait(109.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert talk.client.state == state
    assert talk.client_got() == torn
    assert talk.proxy.endings == [("sse", "cut")]
    assert talk.proxy.books.cuts == {("sse", "max-connection-age"): 1}


def test_an_event_stream_that_begins_past_the_age_is_the_last_answer_and_ends_at_once() -> None:
    talk = Conversation(aging=ages(http1=9, sse=100, grace=10), idle_close=50)
    talk.proxy.wait(9)
    talk.client_sends(request("/events"))
    talk.app_sends(CHUNKED_EVENTS)
    got = talk.client_got()
    assert b"\r\nConnection: close\r\n" in got
    assert got.endswith(LAST_EVENTS)
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("sse", "goodbye")]


# TCP


def upgraded(aging: Aging) -> Conversation:
    talk = Conversation(aging=aging, idle_timeout=1e9)
    talk.proxy.wait(9)
    talk.client_sends(OTHER_UPGRADE)
    talk.app_sends(OTHER_SWITCH)
    talk.client_got()
    return talk


@pytest.mark.parametrize("begin", [opaque, upgraded])
def test_opaque_bytes_are_cut_after_the_grace_by_a_reset(
    begin: Callable[[Aging], Conversation],
) -> None:
    talk = begin(ages(tcp=100, grace=10))
    talk.proxy.wait(109.75)
    assert (talk.client.state, talk.client_got()) == ("open", b"")
    talk.proxy.wait(0.25)
    assert (talk.client.state, talk.app.state) == ("reset", "reset")
    assert talk.proxy.endings[-1] == ("tcp", "cut")
    assert goodbyes(talk) == {}


@pytest.mark.parametrize("aging", [ages(tcp=100), ages(http1=100, grace=10)])
@pytest.mark.parametrize("begin", [opaque, upgraded])
def test_opaque_bytes_without_an_age_or_a_grace_are_left_alone(
    begin: Callable[[Aging], Conversation], aging: Aging
) -> None:
    talk = begin(aging)
    talk.proxy.wait(1_000)
    talk.app_sends(b"still here")
    assert talk.client_got() == b"still here"


def test_the_age_of_tcp_that_was_told_apart_counts_from_the_connection() -> None:
    talk = Conversation("auto", aging=ages(tcp=100, grace=10), header_timeout=60)
    talk.proxy.wait(50)
    talk.client_sends(b"\x00\x01")
    talk.proxy.wait(60)
    assert talk.proxy.endings == [("tcp", "cut")]


# Chance


def test_each_connection_has_an_age_of_its_own() -> None:
    samples = iter([0.0, 0.75])
    proxy = Proxy(uniform=lambda: next(samples), aging=ages(tcp=100, jitter=0.1, grace=10))
    first, second = (Conversation("tcp", proxy=proxy) for _ in range(2))
    proxy.wait(100)
    assert (first.client.state, second.client.state) == ("reset", "open")
    proxy.wait(14.75)
    assert second.client.state == "open"
    proxy.wait(0.25)
    assert second.client.state == "reset"


def test_an_event_stream_has_the_luck_of_its_connection() -> None:
    samples = chain([0.0], repeat(0.99))
    talk = Conversation(uniform=lambda: next(samples), aging=ages(sse=100, jitter=0.1, grace=10))
    talk.client_sends(request())
    talk.app_sends(CHUNKED_EVENTS)
    talk.proxy.wait(90)
    assert talk.proxy.endings == [("sse", "goodbye")]


# Those who have no age


def test_who_has_not_said_what_it_speaks_has_no_age() -> None:
    talk = Conversation("auto", header_timeout=1e9)
    talk.proxy.wait(100)
    change(talk.proxy, ages(http1=50, tcp=50, grace=1))
    talk.proxy.wait(1000)
    assert talk.client.state == "open"


def test_who_lingers_over_a_refusal_may_read_it_in_peace() -> None:
    proxy = Proxy(max_connections=0)
    talk = Conversation(proxy=proxy)
    change(proxy, ages(http1=0.25, grace=0.25))
    proxy.wait(4.5)
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    assert talk.client.state == "half-closed"
    proxy.wait(0.5)
    assert talk.client.lost
