"""What the app answers reaches who asked, as it came; what is not whole never ends cleanly."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import Conversation, head, request, response

POST = request("/upload", method="POST", body=b"0123456789")
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
CHUNKS = b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
UNTIL_CLOSE = head("HTTP/1.1 200 OK", "Content-Type: text/plain")
EVENTS = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8")

Move = Callable[[Conversation], None]


def asked(question: bytes = request(), **limits: Any) -> Conversation:
    """A conversation in which the app has just got the question."""
    talk = Conversation(**limits)
    talk.client_sends(question)
    assert talk.app_got() == question
    return talk


def is_502(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 502 ") and b"\r\nConnection: close\r\n" in answer


# Whole answers


@pytest.mark.parametrize(
    "answer",
    [
        response(),
        response(404, "X-Odd:\tvalue ", body=b""),
        response(999),
        CHUNKED + CHUNKS,
        head("HTTP/1.1 204"),
        head("HTTP/1.1 304 Not Modified", "Content-Length: 5"),
        response(205, body=b""),
        head("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 0"),
    ],
)
@pytest.mark.parametrize("step", [1, 10, 1000])
def test_an_answer_reaches_the_client_byte_for_byte(answer: bytes, step: int) -> None:
    talk = asked()
    talk.app_sends(*(answer[start : start + step] for start in range(0, len(answer), step)))
    assert talk.client_got() == answer
    assert talk.proxy.endings == [("http1", "finished")]
    assert (talk.client.state, talk.app.state) == ("open", "open")
    talk.client_sends(request("/next"))
    assert talk.app_got() == request("/next")


@pytest.mark.parametrize(
    "answer", [head("HTTP/1.1 200 OK", "Content-Length: 7"), CHUNKED, UNTIL_CLOSE]
)
def test_the_answer_to_head_has_no_body_whatever_it_announces(answer: bytes) -> None:
    talk = asked(request(method="HEAD"))
    talk.app_sends(answer)
    assert talk.client_got() == answer
    assert talk.proxy.endings == [("http1", "finished")]


def test_the_same_head_means_a_body_for_get_and_none_for_head() -> None:
    headed = response(body=b"hello")
    bare = headed.removesuffix(b"hello")
    talk = Conversation()
    for method, answer in [("GET", headed), ("HEAD", bare), ("GET", headed), ("HEAD", bare)]:
        talk.client_sends(request(method=method))
        talk.app_sends(bare)
        talk.app_sends(answer.removeprefix(bare))
        assert talk.client_got() == answer
        assert talk.proxy.in_flight == {}
    assert len(talk.apps) == 1


def test_an_answer_without_framing_ends_with_the_apps_connection() -> None:
    talk = asked()
    talk.app_sends(UNTIL_CLOSE + b"some", b" more")
    assert talk.proxy.in_flight == {"http1": 1}
    talk.app_ends()
    assert talk.client_got() == UNTIL_CLOSE + b"some more"
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("http1", "finished")]


def test_an_event_stream_is_in_flight_as_one() -> None:
    talk = asked()
    talk.app_sends(EVENTS)
    assert talk.proxy.in_flight == {"sse": 1}
    talk.app_sends(b"data: 1\n\n")
    assert talk.client_got() == EVENTS + b"data: 1\n\n"
    talk.app_ends()
    assert talk.proxy.endings == [("sse", "finished")]
    assert talk.proxy.context.counters.codes["sse"] == {200: 1}


def test_an_event_stream_that_moves_is_not_idle() -> None:
    talk = asked(idle_timeout=60)
    talk.app_sends(EVENTS)
    for _ in range(5):
        talk.proxy.wait(50)
        talk.app_sends(b": still here\n\n")
    assert talk.client.state == "open"


def test_a_request_after_an_event_stream_is_an_ordinary_one() -> None:
    talk = asked()
    talk.app_sends(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Type: text/event-stream\r\n\r\n"))
    talk.app_sends(CHUNKS)
    assert talk.proxy.endings == [("sse", "finished")]
    talk.client_sends(request())
    assert talk.proxy.in_flight == {"http1": 1}


def test_a_big_answer_waits_for_the_client_and_not_in_our_memory() -> None:
    talk = asked()
    talk.client_stops_reading()
    big = response(body=b"x" * (4 * HIGH_WATER))
    talk.app_sends(*(big[start : start + 10000] for start in range(0, len(big), 10000)))
    assert talk.client.get_write_buffer_size() < HIGH_WATER + 20000
    talk.client_reads()
    assert talk.client_got() == big
    assert talk.proxy.endings == [("http1", "finished")]


# Who keeps the connection


@pytest.mark.parametrize(
    ("question", "answer", "stays"),
    [
        (request(), response(), True),
        (request("/", "Connection: close"), response(), False),
        (request(), response(200, "Connection: close"), False),
        (request(), head("HTTP/1.0 200 OK", "Content-Length: 0"), False),
        (head("GET / HTTP/1.0"), response(), False),
        (head("GET / HTTP/1.0", "Connection: keep-alive"), response(), False),
        (
            head("GET / HTTP/1.0", "Connection: keep-alive"),
            response(200, "Connection: keep-alive"),
            True,
        ),
    ],
)
def test_the_connection_stays_if_both_sides_want_it(
    question: bytes, answer: bytes, stays: bool
) -> None:
    talk = asked(question)
    talk.app_sends(answer)
    assert talk.client_got() == answer
    assert talk.client.state == ("open" if stays else "half-closed")
    assert talk.app.state == ("open" if stays else "aborted")


@pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])
def test_an_app_that_closes_an_idle_connection_costs_the_client_nothing(move: Move) -> None:
    talk = asked()
    talk.app_sends(response())
    move(talk)
    assert talk.app.lost
    assert talk.client.state == "open"
    talk.client_sends(POST)
    assert len(talk.apps) == 2
    assert talk.app_got() == POST
    talk.app_sends(response())
    assert talk.client_got() == response() * 2


# Interim answers


def test_interim_answers_go_before_the_answer() -> None:
    early, more = head("HTTP/1.1 103 Early Hints", "Link: </a>"), head("HTTP/1.1 102 P")
    talk = asked()
    talk.app_sends(early + more[:5], more[5:])
    assert talk.client_got() == early + more
    assert talk.proxy.in_flight == {"http1": 1}
    talk.app_sends(early + response())
    assert talk.client_got() == early + response()
    assert talk.proxy.context.counters.codes["http1"] == {200: 1}


def test_a_client_of_http_1_0_gets_no_interim_answer() -> None:
    talk = asked(head("GET / HTTP/1.0"))
    talk.app_sends(head("HTTP/1.1 103 Early Hints") + response())
    assert talk.client_got() == response()


# Expect: 100-continue and answers that come early

WAITING = request("/upload", "Expect: 100-continue", "Content-Length: 10", method="PUT")


def test_a_body_is_held_back_until_the_app_asks_for_it() -> None:
    talk = asked(WAITING)
    talk.app_sends(head("HTTP/1.1 100 Continue"))
    assert talk.client_got() == head("HTTP/1.1 100 Continue")
    talk.client_sends(b"0123456789")
    assert talk.app_got() == b"0123456789"
    talk.app_sends(response(201))
    assert talk.client_got() == response(201)
    assert talk.client.state == "open"


def test_after_a_body_that_nobody_asked_for_the_connection_is_not_used_again() -> None:
    talk = asked(WAITING)
    talk.app_sends(response(417))
    assert talk.client_got() == (
        head("HTTP/1.1 417 Phrase", "Content-Length: 2", "Connection: close") + b"ok"
    )
    assert talk.client.state == "half-closed"
    assert talk.app.state == "aborted"
    talk.client_sends(b"0123456789" + request())
    assert len(talk.apps) == 1
    assert talk.proxy.context.counters.goodbyes == {}


def test_a_body_that_was_asked_for_may_be_answered_before_its_end() -> None:
    talk = asked(WAITING)
    talk.app_sends(head("HTTP/1.1 100 Continue") + head("HTTP/1.1 103 E"))
    talk.client_sends(b"01234")
    talk.app_sends(response())
    talk.client_sends(b"56789" + request("/next"))
    assert talk.app_got() == b"0123456789" + request("/next")


def test_a_body_that_came_without_being_asked_for_leaves_nothing_in_doubt() -> None:
    talk = asked(WAITING + b"0123456789")
    talk.app_sends(response(201))
    assert talk.client_got() == response(201)
    assert talk.client.state == "open"


def test_what_was_asked_for_before_does_not_count_for_the_next_body() -> None:
    talk = asked(WAITING)
    talk.app_sends(head("HTTP/1.1 100 Continue"))
    talk.client_sends(b"0123456789")
    talk.app_sends(response())
    talk.client_sends(WAITING)
    talk.app_sends(response(417))
    assert talk.client.state == "half-closed"


def test_an_early_answer_goes_out_at_once_and_the_body_goes_on() -> None:
    talk = asked(POST[:-5])
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.proxy.in_flight == {"http1": 1}, "the exchange ends with both its messages"
    talk.client_sends(POST[-5:] + request("/next"))
    assert talk.app_got() == POST[-5:] + request("/next")
    assert talk.proxy.endings == [("http1", "finished")]


@pytest.mark.parametrize("answer", [response(413, "Connection: close"), UNTIL_CLOSE + b"too big"])
def test_an_early_answer_that_closes_can_be_read_by_a_client_that_still_sends(
    answer: bytes,
) -> None:
    talk = asked(POST[:-5])
    talk.app_sends(answer)
    talk.app_ends()
    assert talk.client_got() == answer
    assert talk.client.state == "half-closed"
    talk.client_sends(POST[-5:])
    assert talk.client.state == "half-closed"
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "finished")]


@pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])
def test_an_app_that_is_gone_after_its_early_answer_has_given_it(move: Move) -> None:
    talk = asked(POST[:-5])
    talk.app_sends(response())
    move(talk)
    assert talk.client_got() == response()
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("http1", "finished")]


# Broken answers

UNASKED_SWITCH = head("HTTP/1.1 101 S", "Connection: upgrade", "Upgrade: websocket")
BROKEN = [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    response(200, "Transfer-Encoding: chunked"),
    response(200, "Content-Length: 3"),
    response(200, "X: \x00"),
    response(200, "X: " + "x" * 70000),
    b"HTTP/1.1 200 " + b"x" * 70000,
    response(200, *["X: y"] * 101),
    CHUNKED + b"oops\r\n",
    CHUNKED + b"3\r\nabcd\r\n",
    UNASKED_SWITCH,
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_answer_is_502_and_nothing_of_it_goes_out(broken: bytes) -> None:
    talk = asked()
    talk.app_sends(broken)
    answer = talk.client_got()
    assert is_502(answer)
    assert answer.count(b"HTTP/1.1") == 1
    assert talk.client.state == "half-closed"
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "app_left")]
    assert talk.proxy.context.counters.codes["http1"] == {502: 1}


def test_a_switch_without_naming_the_protocol_is_502() -> None:
    talk = asked(request("/chat", "Connection: upgrade", "Upgrade: websocket"))
    talk.app_sends(head("HTTP/1.1 101 Switching Protocols"))
    assert is_502(talk.client_got())


@pytest.mark.parametrize("question", [request(method="POST"), POST, POST[:-1]])
@pytest.mark.parametrize("part", [b"", response()[:7]])
@pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])
def test_an_app_that_goes_before_its_answer_is_502(
    question: bytes, part: bytes, move: Move
) -> None:
    talk = asked(question)
    talk.app_sends(part)
    move(talk)
    assert is_502(talk.client_got())
    assert len(talk.apps) == 1
    assert talk.proxy.endings == [("http1", "app_left")]


@pytest.mark.parametrize(
    ("part", "torn"),
    [
        (response()[:-1], b""),
        (CHUNKED + CHUNKS[:8], b""),
        # Of a line beside the body nothing goes on before it is whole.
        (CHUNKED, CHUNKS[:5]),
        (CHUNKED + CHUNKS[:-2], b"\r"),
    ],
)
@pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])
def test_an_answer_that_stops_short_is_never_ended_cleanly(
    part: bytes, torn: bytes, move: Move
) -> None:
    talk = asked()
    talk.app_sends(part + torn)
    move(talk)
    assert talk.client_got() == part
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "app_left")]


def test_an_answer_whose_end_is_the_connections_is_reset_if_the_app_breaks_off() -> None:
    talk = asked()
    talk.app_sends(UNTIL_CLOSE + b"half of")
    talk.app_resets()
    assert talk.client.state == "reset"
    assert talk.proxy.endings == [("http1", "app_left")]


def test_chunks_that_break_after_a_part_went_out_cut_the_answer_visibly() -> None:
    talk = asked()
    talk.app_sends(CHUNKED + b"3\r\nabc\r\n", b"oops\r\n")
    assert talk.client_got() == CHUNKED + b"3\r\nabc\r\n"
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "app_left")]


# What nobody asked for


@pytest.mark.parametrize("stray", [b"x", response(body=b"poison")])
def test_bytes_between_two_requests_never_become_an_answer(stray: bytes) -> None:
    talk = asked()
    talk.app_sends(response(), stray)
    assert talk.app.state == "aborted"
    talk.client_sends(request("/next"))
    assert len(talk.apps) == 2
    talk.app_sends(response(body=b"right"))
    assert talk.client_got() == response() + response(body=b"right")


@pytest.mark.parametrize("answer", [response(), CHUNKED + CHUNKS, head("HTTP/1.1 204 N")])
def test_more_than_was_announced_is_not_forwarded(answer: bytes) -> None:
    talk = asked()
    talk.client_sends(request("/2"))
    talk.app_sends(answer + response(body=b"poison"))
    assert talk.client_got() == answer
    assert [app.state for app in talk.apps] == ["aborted", "open"]
    talk.app_sends(response(body=b"right"))
    assert talk.client_got() == response(body=b"right")


def test_a_second_answer_to_an_unfinished_request_is_not_forwarded() -> None:
    talk = asked(POST[:-1])
    talk.app_sends(response(), response(body=b"poison"))
    assert talk.client_got() == response()
    assert talk.client.state == "half-closed"
    assert talk.app.state == "aborted"


def test_an_app_that_overshoots_an_early_answer_gets_no_more_of_the_body() -> None:
    talk = asked(POST[:-1])
    talk.app_sends(response() + b"poison")
    assert talk.client_got() == response()
    talk.client_sends(POST[-1:] + request("/next"))
    assert talk.apps[0].received == POST[:-1]
    assert talk.app_got() == request("/next")
    assert talk.proxy.endings == [("http1", "finished")]
