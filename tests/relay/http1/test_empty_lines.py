"""Empty lines between requests (RFC 9112 2.2): they are passed over, and begin nothing."""

import pytest

from tests.relay.conversation import Conversation, request, response

POST = request("/upload", method="POST", body=b"0123456789")


def answered(question: bytes = POST) -> Conversation:
    """An idle connection, kept after an answer."""
    talk = Conversation(header_timeout=10, idle_timeout=1000)
    talk.client_sends(question)
    talk.app_sends(response())
    assert talk.client_got() == response()
    return talk


# Old clients send an empty line behind the body of a POST, which its length does not count.
STRAY = pytest.mark.parametrize(
    "stray", [(b"\r\n",), (b"\r\n\r\n",), (b"\r", b"\n"), (b"\r",), (b"\r\n",) * 9]
)


@STRAY
def test_an_idle_connection_may_stay_idle_behind_an_empty_line(stray: tuple[bytes, ...]) -> None:
    talk = answered()
    talk.client_sends(*stray)
    talk.proxy.wait(60)
    assert talk.client_got() == b""
    assert talk.client.state == "open"
    talk.client_sends(b"\n" + POST if stray[-1] == b"\r" else POST)
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.rejected == {}


@STRAY
def test_an_empty_line_that_comes_with_the_request_is_no_other_one(
    stray: tuple[bytes, ...],
) -> None:
    talk = answered(POST + b"".join(stray))
    talk.proxy.wait(60)
    assert talk.client.state == "open"


def test_a_head_behind_an_empty_line_has_to_end_in_its_time() -> None:
    talk = answered()
    talk.client_sends(b"\r\n")
    talk.proxy.wait(60)
    talk.client_sends(b"\r\n" + request()[:-1])
    talk.proxy.wait(9)
    assert talk.client_got() == b""
    talk.proxy.wait(1)
    assert talk.client_got().startswith(b"HTTP/1.1 408 ")


def test_empty_lines_do_not_keep_a_connection_open_for_ever() -> None:
    talk = answered()
    for _ in range(99):
        talk.client_sends(b"\r\n", b"\r", b"\n")
        talk.proxy.wait(10)
    assert talk.client.state == "open"
    talk.client_sends(b"\r\n")
    talk.proxy.wait(10)
    assert talk.client.state == "aborted"


def test_a_connection_with_an_empty_line_is_unused_in_a_drain() -> None:
    talk = answered()
    talk.client_sends(b"\r")
    talk.proxy.leaves()
    talk.proxy.wait(6)
    assert talk.client.state == "closed"


def test_who_sends_nothing_but_empty_lines_at_first_is_not_waited_for_longer() -> None:
    talk = Conversation(header_timeout=10)
    talk.client_sends(b"\r\n", b"\r", b"\n")
    talk.proxy.wait(9)
    assert talk.client.state == "open"
    talk.proxy.wait(1)
    assert talk.client.state != "open"


@STRAY
def test_the_last_answer_says_so_whatever_empty_lines_wait_behind_its_request(
    stray: tuple[bytes, ...],
) -> None:
    talk = answered()
    talk.client_sends(POST, *stray)
    talk.proxy.leaves()
    talk.app_sends(response())
    assert b"\r\nConnection: close\r\n" in talk.client_got()
