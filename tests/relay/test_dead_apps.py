"""An app that dies before its answer: whoever asks for events is to come again."""

from collections.abc import Callable

import pytest

from drainproxy.wire.http2 import INTERNAL_ERROR
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import GET, POST, Fields
from tests.relay.http1.test_connection import EVENTS as EVENTS_HEAD
from tests.relay.streams import asked

DIES = pytest.mark.parametrize("dies", [Conversation.app_ends, Conversation.app_resets])
Dies = Callable[[Conversation], None]

ASKS_FOR_EVENTS = request("/", "Accept: text/event-stream")
EVENT = b"data: 1\n\n"


# RFC 9110 9.2.2: a request is repeated where the connection has failed, not where it may be what
# the app fails of. An EventSource comes again after an error of the network (WHATWG HTML 9.2.3).
@DIES
def test_whoever_asks_for_events_hits_the_app_once_and_hears_no_answer(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    dies(talk)
    talk.proxy.wait(10)
    assert len(talk.apps) == 1
    assert talk.client_got() == b""
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "app_left")]


@DIES
def test_on_a_connection_that_was_idle_before_whoever_asks_for_events_hits_the_app_twice(
    dies: Dies,
) -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response())
    talk.client_sends(ASKS_FOR_EVENTS)
    dies(talk)
    assert len(talk.apps) == 2
    assert talk.app_got() == ASKS_FOR_EVENTS
    dies(talk)
    talk.proxy.wait(10)
    assert len(talk.apps) == 2
    assert talk.client_got() == response()
    assert talk.client.state == "closed"


@DIES
def test_the_second_try_of_whoever_asks_for_events_is_answered(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == response()
    talk.client_sends(ASKS_FOR_EVENTS)
    dies(talk)
    talk.app_sends(EVENTS_HEAD + EVENT)
    assert talk.client_got() == EVENTS_HEAD + EVENT
    assert talk.proxy.in_flight == {"sse": 1}


@DIES
@pytest.mark.parametrize(
    ("fields", "comes_again"),
    [
        ((*GET, (b"accept", b"text/event-stream")), True),
        ((*GET, (b"accept", b"application/json, TEXT/Event-Stream")), True),
        ((*GET, (b"accept", b"text/html")), False),
        (GET, False),
        ((*POST, (b"accept", b"text/event-stream")), False),
    ],
)
def test_over_http2_whoever_asks_for_events_hears_no_answer_but_an_error_of_the_network(
    dies: Dies, fields: Fields, comes_again: bool
) -> None:
    """9.2.3: after that an EventSource comes again, and after a 502 never. The connection ends with
    that of the app, so nobody waits on it."""
    talk = asked(fields=fields)
    dies(talk)
    heard = talk.client_hears()
    assert (("reset", 1, INTERNAL_ERROR) in heard) is comes_again
    assert any(each[0] == "headers" for each in heard) is not comes_again


def test_over_http2_an_app_that_answers_nonsense_is_told_of_whoever_asks() -> None:
    """As over HTTP/1: it would answer the same again."""
    talk = asked(fields=(*GET, (b"accept", b"text/event-stream")))
    talk.app_sends(talk.answers.headers(1, ((b":status", b"two hundred"),)))
    heard = next(each for each in talk.client_hears() if each[0] == "headers")
    assert (b":status", b"502") in heard[2]


@DIES
def test_whoever_has_asked_for_events_for_connect_timeout_hears_503(dies: Dies) -> None:
    """As over HTTP/2: it has been held long enough."""
    talk = Conversation(connect_timeout=2, app_listens=False)
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.proxy.wait(2)
    talk.app_accepts()
    dies(talk)
    answer = talk.client_got()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert talk.proxy.context.counters.rejected == {"app-away": 1}
    assert talk.proxy.endings == [("http1", "app_left")]
    assert len(talk.apps) == 1


@pytest.mark.parametrize(
    "question",
    [
        request("/", "Accept: application/json"),
        request("/", "Accept: text/event-stream", "Content-Length: 0", method="POST"),
        request("/", "Accept: text/event-stream", method="HEAD"),
    ],
)
def test_whoever_asks_for_anything_else_hears_at_once_that_the_app_has_closed(
    question: bytes,
) -> None:
    talk = Conversation()
    talk.client_sends(question)
    talk.app_ends()
    assert talk.client_got().startswith(b"HTTP/1.1 502 ")


def test_whoever_asks_for_events_comes_again_after_an_interim_answer_too() -> None:
    talk = Conversation()
    early = head("HTTP/1.1 103 Early Hints")
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.app_sends(early)
    talk.app_ends()
    assert talk.client_got() == early
    assert talk.client.state == "closed"


def test_at_the_deadline_whoever_asks_for_events_hears_503() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.proxy.aborts()
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    assert talk.proxy.endings == [("http1", "cut")]
