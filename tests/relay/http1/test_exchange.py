"""How exchanges end: answers of our own, lingering, leaving, and the deadline."""

import pytest

from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import CHUNKED, CHUNKS, EVENTS, POST, UNTIL_CLOSE, asked

CLOSING = response(200, "Connection: close")
# What a response() looks like when it is the last one.
GOODBYE = head("HTTP/1.1 200 Phrase", "Content-Length: 2", "Connection: close") + b"ok"


def starts(answer: bytes, code: int) -> bool:
    return answer.startswith(b"HTTP/1.1 %d " % code) and b"\r\nConnection: close\r\n" in answer


# Answers of our own


def test_an_app_that_is_down_is_503_with_a_short_body_and_retry_after() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(request())
    talk.app_refuses()
    answer = talk.client_got()
    assert starts(answer, 503)
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\ndrainproxy: the app does not accept connections\n")
    assert talk.client.state == "half-closed"
    assert talk.proxy.context.counters.app_connect_failures == 1
    assert talk.proxy.endings == [("http1", "app_left")]


def test_our_answer_to_head_has_no_body() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(request(method="HEAD"))
    talk.app_refuses()
    answer = talk.client_got()
    assert starts(answer, 503)
    assert answer.endswith(b"\r\n\r\n")


def test_an_app_that_is_down_can_be_read_about_by_a_client_that_still_sends() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(POST[:-5], POST[-5:-3], POST[-3:-1])
    talk.app_refuses()
    assert starts(talk.client_got(), 503)
    assert talk.client.is_reading()
    assert talk.client.waiting == 0
    assert talk.client.state == "half-closed"


@pytest.mark.parametrize("question", [request(), POST])
def test_an_app_that_is_silent_past_request_timeout_is_504(question: bytes) -> None:
    talk = asked(question, request_timeout=30)
    talk.proxy.wait(29.75)
    assert talk.client_got() == b""
    talk.proxy.wait(0.25)
    answer = talk.client_got()
    assert starts(answer, 504)
    assert b"Retry-After" not in answer
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "app_left")]


def test_the_apps_time_begins_when_it_has_the_whole_request() -> None:
    talk = asked(POST[:-1], request_timeout=30)
    talk.proxy.wait(100)
    talk.client_sends(POST[-1:])
    talk.proxy.wait(29)
    assert talk.client_got() == b""
    talk.proxy.wait(1)
    assert starts(talk.client_got(), 504)


def test_interim_answers_and_second_tries_do_not_put_off_request_timeout() -> None:
    talk = asked(request_timeout=30)
    talk.app_sends(response())
    assert talk.client_got() == response()
    talk.client_sends(request())
    talk.proxy.wait(20)
    talk.app_resets()
    assert len(talk.apps) == 2
    talk.app_sends(head("HTTP/1.1 102 P"))
    talk.proxy.wait(10)
    assert starts(talk.client_got().removeprefix(head("HTTP/1.1 102 P")), 504)


def test_an_answer_that_has_begun_may_take_its_time() -> None:
    talk = asked(request_timeout=30)
    talk.app_sends(response()[:-1])
    talk.proxy.wait(300)
    talk.app_sends(response()[-1:])
    assert talk.client_got() == response()


def test_without_request_timeout_an_app_may_think_for_long() -> None:
    talk = asked(POST)
    talk.proxy.wait(1000)
    talk.app_sends(response())
    assert talk.client_got() == response()


def test_an_early_answer_that_goes_on_after_the_body_may_take_its_time() -> None:
    talk = asked(POST[:-1], request_timeout=30)
    talk.app_sends(response()[:-1])
    talk.client_sends(POST[-1:])
    talk.proxy.wait(300)
    talk.app_sends(response()[-1:])
    assert talk.client_got() == response()
    assert talk.client.state == "open"


# Nothing moves


def test_an_app_that_owes_an_answer_for_idle_timeout_is_504() -> None:
    talk = asked(idle_timeout=60)
    talk.proxy.wait(61)
    assert starts(talk.client_got(), 504)


def test_an_answer_that_has_begun_and_does_not_move_is_cut() -> None:
    talk = asked(idle_timeout=60)
    talk.app_sends(CHUNKED)
    talk.proxy.wait(61)
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.proxy.endings == [("http1", "cut")]


def test_an_app_that_takes_no_more_of_a_request_for_idle_timeout_owes_its_answer() -> None:
    """RFC 9110 15.5.9: 408 would say that the client is at fault."""
    talk = asked(head("POST / HTTP/1.1", "Host: a", "Content-Length: 1000000"), idle_timeout=60)
    talk.app_stops_reading()
    for _ in range(8):
        talk.client_sends(b"x" * 32000)
    talk.proxy.wait(150)
    assert starts(talk.client_got(), 504)


def test_an_idle_keep_alive_connection_is_closed_after_idle_timeout() -> None:
    talk = asked(idle_timeout=60)
    talk.app_sends(response())
    talk.proxy.wait(59)
    assert talk.client.state == "open"
    talk.proxy.wait(2)
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_client_that_takes_nothing_for_idle_timeout_is_let_go() -> None:
    talk = asked(idle_timeout=60)
    talk.client_stops_reading()
    talk.app_sends(response())
    talk.proxy.wait(121)  # the first time it is only seen how much waits
    assert talk.client.state == "reset"
    assert talk.proxy.context.registry.sessions == set()


# Lingering


def test_after_the_last_answer_the_client_has_five_seconds_to_close() -> None:
    talk = asked()
    talk.app_sends(CLOSING)
    assert talk.client_got() == CLOSING
    talk.client_sends(request("/ignored"))
    talk.proxy.wait(4.75)
    assert talk.client.state == "half-closed"
    talk.proxy.wait(0.25)
    assert talk.client.state == "aborted"
    assert len(talk.apps) == 1
    assert talk.proxy.books.opened == 1


def test_a_client_that_has_sent_much_ahead_can_still_end_what_it_says() -> None:
    talk = asked()
    talk.client_sends(b"x" * HIGH_WATER, b"y")
    assert not talk.client.is_reading()
    talk.app_sends(CLOSING)
    assert talk.client.is_reading()
    talk.client_ends()
    assert talk.client.state == "closed"


def test_a_client_that_has_half_closed_is_not_lingered_for() -> None:
    talk = asked()
    talk.client_ends()
    talk.app_sends(CLOSING)
    assert talk.client_got() == CLOSING
    assert talk.client.state == "closed"


@pytest.mark.parametrize("ending", ["length", "close"])
def test_a_slow_client_gets_the_last_answer_to_its_end(ending: str) -> None:
    """Nothing is cut while the client is still taking it: half an answer could pass for a whole."""
    body = b"x" * (HIGH_WATER - 1000)
    answer = (
        response(200, "Connection: close", body=body)
        if ending == "length"
        else (UNTIL_CLOSE + body)
    )
    talk = asked()
    talk.client_stops_reading()
    talk.app_sends(answer)
    talk.app_ends()
    for _ in range(10):
        talk.proxy.wait(3)
        talk.client_reads(1000)
    assert not talk.client.lost
    talk.client_reads()
    assert talk.client_got() == answer
    talk.proxy.wait(6)
    assert talk.client.lost


def test_a_client_that_takes_nothing_of_the_last_answer_is_reset_in_the_end() -> None:
    talk = asked(idle_timeout=60)
    talk.client_stops_reading()
    talk.app_sends(UNTIL_CLOSE + b"all")
    talk.app_ends()
    talk.proxy.wait(130)
    assert talk.client.state == "reset"
    assert talk.proxy.context.registry.sessions == set()


# Leaving


def test_leaving_the_next_answer_is_the_last() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE
    assert (talk.client.state, talk.app.state) == ("half-closed", "aborted")
    assert talk.proxy.context.counters.goodbyes == {("http1", "drain"): 1}
    assert talk.proxy.endings == [("http1", "finished")]


def test_leaving_an_idle_connection_is_not_closed_under_the_clients_feet() -> None:
    talk = asked(idle_close=5)
    talk.app_sends(response())
    assert talk.client_got() == response()
    talk.proxy.leaves()
    talk.proxy.wait(4)
    talk.client_sends(request("/next"))
    assert talk.app_got() == request("/next")
    talk.proxy.wait(60)
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE


def test_leaving_a_half_sent_head_is_waited_for() -> None:
    talk = Conversation(header_timeout=60, idle_close=5)
    talk.client_sends(request()[:9])
    talk.proxy.leaves()
    talk.proxy.wait(30)
    talk.client_sends(request()[9:])
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE


def test_leaving_what_was_sent_ahead_is_answered_and_only_the_last_says_close() -> None:
    talk = asked()
    talk.client_sends(request("/2") + request("/3"))
    talk.proxy.leaves()
    for _ in range(3):
        talk.app_sends(response())
    assert talk.client_got() == response() * 2 + GOODBYE
    assert talk.proxy.endings == [("http1", "finished")] * 3
    assert talk.proxy.context.counters.goodbyes == {("http1", "drain"): 1}


def test_leaving_a_new_client_is_served_once() -> None:
    talk = Conversation()
    talk.proxy.leaves()
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE


def test_leaving_says_close_in_place_of_keep_alive_and_not_in_interim_answers() -> None:
    talk = asked(head("GET / HTTP/1.0", "Connection: keep-alive"))
    talk.proxy.leaves()
    talk.app_sends(response(200, "Connection: keep-alive", "Keep-Alive: timeout=5"))
    assert talk.client_got() == GOODBYE

    talk = asked()
    talk.proxy.leaves()
    talk.app_sends(head("HTTP/1.1 103 Early Hints") + response())
    assert talk.client_got() == head("HTTP/1.1 103 Early Hints") + GOODBYE


def test_an_answer_that_has_begun_before_goes_on_as_it_is() -> None:
    talk = asked()
    talk.app_sends(CHUNKED + CHUNKS[:5])
    talk.proxy.leaves()
    talk.app_sends(CHUNKS[5:])
    assert talk.client_got() == CHUNKED + CHUNKS
    assert talk.client.state == "open"
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE


def test_once_closed_new_upgrades_are_refused() -> None:
    talk = Conversation()
    talk.proxy.leaves()
    talk.proxy.closes()
    talk.client_sends(request("/chat", "Connection: upgrade", "Upgrade: websocket"))
    answer = talk.client_got()
    assert starts(answer, 503)
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert not talk.app_was_reached()
    assert talk.proxy.books.opened == 0
    assert talk.proxy.context.counters.rejected == {"leaving": 1}
    assert talk.proxy.context.counters.codes["http1"] == {503: 1}


def test_leaving_an_answer_is_in_flight_until_it_is_out_of_our_hands() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.client_stops_reading()
    talk.app_sends(response())
    assert talk.app.state == "aborted"
    assert talk.proxy.in_flight == {"http1": 1}
    talk.client_reads(len(GOODBYE) - 1)
    assert talk.proxy.in_flight == {"http1": 1}
    talk.client_reads(1)
    assert talk.proxy.in_flight == {}
    assert talk.client_got() == GOODBYE
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_client_that_goes_before_it_has_the_last_answer_has_not_got_it() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.client_stops_reading()
    talk.app_sends(response())
    talk.client_resets()
    assert talk.proxy.endings == [("http1", "client_left")]


def test_the_deadline_cuts_what_is_not_out_of_our_hands() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.client_stops_reading()
    talk.app_sends(response())
    talk.proxy.aborts()
    assert talk.proxy.endings == [("http1", "cut")]


def test_an_undrain_takes_the_goodbye_back() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.client.state == "open"


# The deadline


@pytest.mark.parametrize("part", [response()[:-1], CHUNKED + CHUNKS[:9]])
def test_the_deadline_closes_after_what_can_be_flushed(part: bytes) -> None:
    talk = asked()
    talk.client_stops_reading()
    talk.app_sends(part)
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    talk.client_reads()
    assert talk.client_got() == part
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.proxy.endings == [("http1", "cut")]


@pytest.mark.parametrize("answer", [UNTIL_CLOSE, EVENTS])
def test_the_deadline_resets_what_would_look_like_a_whole_answer(answer: bytes) -> None:
    talk = asked()
    talk.app_sends(answer + b"data: half")
    talk.proxy.aborts()
    assert talk.client.state == "reset"
    assert [how for _, how in talk.proxy.endings] == ["cut"]


def test_the_deadline_on_an_idle_connection_cuts_nothing() -> None:
    talk = asked()
    talk.app_sends(response())
    talk.proxy.aborts()
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "finished")]
