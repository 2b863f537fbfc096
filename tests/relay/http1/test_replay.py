"""A request that met a dying connection is sent once more, unless it could be done twice."""

import pytest

from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import Move, asked, is_502

ENDS = pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])


def asked_again(question: bytes = request()) -> Conversation:
    """A conversation in which the app has just got the question on a connection that was kept."""
    talk = asked()
    talk.app_sends(response())
    talk.client_got()
    talk.client_sends(question)
    assert talk.app_got().endswith(question)
    return talk


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
@ENDS
def test_a_replayable_request_is_sent_once_more(method: str, move: Move) -> None:
    talk = asked_again(request(method=method))
    move(talk)
    assert len(talk.apps) == 2
    assert talk.app_got() == request(method=method)
    move(talk)
    assert len(talk.apps) == 2
    assert is_502(talk.client_got())
    assert talk.proxy.books.opened == 2
    assert talk.proxy.endings == [("http1", "finished"), ("http1", "app_left")]


# RFC 9110 9.2.2: a request is repeated where the connection failed, not where the request may be
# what made the app fail. A new connection was not closing when the request was written to it.
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
@ENDS
def test_a_request_that_kills_the_app_hits_it_once(method: str, move: Move) -> None:
    talk = asked(request(method=method))
    move(talk)
    assert len(talk.apps) == 1
    assert is_502(talk.client_got())
    assert talk.proxy.endings == [("http1", "app_left")]


def test_a_request_after_one_that_found_no_kept_connection_has_no_second_try_either() -> None:
    talk = asked_again()
    talk.app_sends(response())
    talk.app_ends()
    talk.client_sends(request())
    assert len(talk.apps) == 2
    talk.app_resets()
    assert len(talk.apps) == 2
    assert is_502(talk.client_got().removeprefix(response()))


def test_a_request_that_was_sent_ahead_goes_out_on_a_kept_connection() -> None:
    talk = asked()
    talk.client_sends(request("/ahead"))
    talk.app_sends(response())
    talk.app_resets()
    assert len(talk.apps) == 2
    assert talk.app_got() == request("/ahead")


def test_the_second_try_gives_the_answer() -> None:
    talk = asked_again()
    talk.app_resets()
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.proxy.endings == [("http1", "finished")] * 2
    talk.client_sends(request())
    talk.app_resets()
    assert len(talk.apps) == 3, "the next request has a second try of its own"


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (request(method="POST"), b""),
        (request(method="PATCH"), b""),
        (request("/", method="PUT", body=b"x"), b""),
        (request("/chat", "Connection: upgrade", "Upgrade: websocket"), b""),
        (request(), b"H"),
        (request(), head("HTTP/1.1 103 E")),
    ],
)
def test_what_may_have_been_done_is_not_done_twice(question: bytes, part: bytes) -> None:
    talk = asked_again(question)
    talk.app_sends(part)
    talk.app_resets()
    assert len(talk.apps) == 1
    assert is_502(talk.client_got().removeprefix(head("HTTP/1.1 103 E")))


def test_the_second_try_may_find_nobody() -> None:
    talk = asked_again()
    talk.app_listens = False
    talk.app_resets()
    talk.app_refuses()
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
