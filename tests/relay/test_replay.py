"""A request whose first try came to nothing is sent once more, unless it could be done twice."""

import pytest

from tests.relay.conversation import Conversation, head, request, response
from tests.relay.test_http1 import Move, asked, is_502


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
@pytest.mark.parametrize("move", [Conversation.app_ends, Conversation.app_resets])
def test_a_replayable_request_is_sent_once_more(method: str, move: Move) -> None:
    talk = asked(request(method=method))
    move(talk)
    assert len(talk.apps) == 2
    assert talk.app_got() == request(method=method)
    move(talk)
    assert len(talk.apps) == 2
    assert talk.client_got().startswith(b"HTTP/1.1 502 ")
    assert talk.proxy.books.opened == 1
    assert talk.proxy.endings == [("http1", "app_left")]


def test_the_second_try_gives_the_answer() -> None:
    talk = asked()
    talk.app_resets()
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.proxy.endings == [("http1", "finished")]
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
    talk = asked(question)
    talk.app_sends(part)
    talk.app_resets()
    assert len(talk.apps) == 1
    assert is_502(talk.client_got().removeprefix(head("HTTP/1.1 103 E")))


def test_the_second_try_may_find_nobody() -> None:
    talk = asked()
    talk.app_listens = False
    talk.app_resets()
    talk.app_refuses()
    assert is_502(talk.client_got())
