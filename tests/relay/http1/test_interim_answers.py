"""Interim answers (RFC 9110 15.2): any number may come before the final one, and none costs others
their turn."""

import pytest

from tests.relay.conversation import Conversation, chunk, head, request, response
from tests.relay.http1.test_connection import asked

PROCESSING = head("HTTP/1.1 102 Processing")
# As many as are read in one turn of the loop.
A_TURN = 32


def test_a_long_job_may_say_that_it_goes_on_as_often_as_it_likes() -> None:
    """RFC 2518 10.1: such as every 20 seconds."""
    talk = asked()
    for _ in range(1000):
        talk.app_sends(PROCESSING)
        talk.proxy.wait(1)
        assert talk.client_got() == PROCESSING
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.proxy.endings == [("http1", "finished")]


@pytest.mark.parametrize("count", [A_TURN - 1, A_TURN, A_TURN + 1, 5000])
@pytest.mark.parametrize("final", [response(), head("HTTP/1.1 204 N")])
def test_many_that_come_at_once_are_read_turn_by_turn(count: int, final: bytes) -> None:
    talk = asked()
    talk.app.sends(PROCESSING * count + final)
    talk.proxy.soon.popleft()()
    reads_on = count < A_TURN
    assert talk.app.is_reading() == reads_on
    assert len(talk.session.app_rest or b"") == (
        0 if reads_on else len(PROCESSING) * (count - A_TURN) + len(final)
    )
    talk.proxy.settle()
    assert talk.client_got() == PROCESSING * count + final
    assert talk.app.is_reading()
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == response()


def test_what_an_app_has_said_at_its_end_is_read_whole() -> None:
    talk = asked()
    talk.app.sends(PROCESSING * 500 + head("HTTP/1.1 200 OK") + b"until the end")
    talk.app.ends()
    talk.proxy.settle()
    assert talk.client_got().endswith(b"\r\n\r\nuntil the end")
    assert talk.proxy.endings == [("http1", "finished")]


def test_many_before_a_switch_are_read_turn_by_turn_too() -> None:
    talk = asked(request("/x", "Connection: upgrade", "Upgrade: other/1"))
    switch = head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1")
    talk.app_sends(PROCESSING * 100 + switch + b"hello")
    assert talk.client_got() == PROCESSING * 100 + switch + b"hello"
    assert talk.proxy.in_flight == {"tcp": 1}


def test_a_client_that_leaves_meanwhile_is_gone() -> None:
    talk = asked()
    talk.app.sends(PROCESSING * 500)
    talk.proxy.soon.popleft()()
    talk.client.resets()
    talk.proxy.soon.pop()()
    assert talk.session.app is None
    talk.proxy.settle()
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "client_left")]


def test_request_timeout_is_not_put_off_by_them() -> None:
    talk = asked(request_timeout=30)
    for _ in range(30):
        talk.app_sends(PROCESSING)
        talk.proxy.wait(1)
    assert b"HTTP/1.1 504 " in talk.client_got()


def test_they_are_forgotten_with_their_request() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.client_sends(request())
        talk.app_sends(PROCESSING * 20 + response())
        assert talk.client_got() == PROCESSING * 20 + response()
    talk.client_sends(request())
    talk.app_resets()
    assert len(talk.apps) == 2, "nothing of this answer came, so it may be asked for once more"


@pytest.mark.parametrize(
    "answer",
    [
        PROCESSING * 100 + response(),
        head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"1;a\r\nx\r\n" * 2000 + chunk(b""),
    ],
    ids=["interim answers", "small chunks"],
)
def test_what_is_read_in_a_later_turn_counts_once(answer: bytes) -> None:
    sizes: list[int] = []
    talk = Conversation()
    talk.proxy.context.access_log = lambda access: sizes.append(access.received)
    talk.client_sends(request())
    talk.app_sends(answer)
    assert sizes == [len(answer)]
    assert talk.proxy.context.counters.bytes_from_app == len(answer)
