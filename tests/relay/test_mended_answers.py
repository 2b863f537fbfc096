"""An answer that is not quite right reaches the client as one that can be read in one way only."""

import pytest

from tests.relay.conversation import Conversation, head, request, response
from tests.relay.test_http1 import asked, is_502

OK, BODY = "HTTP/1.1 200 OK", b"ok"
PLAIN = head(OK, "Content-Length: 2") + BODY
CHUNKED = head(OK, "Transfer-Encoding: chunked") + b"2\r\nok\r\n0\r\n\r\n"
LIKE_A_HEAD = b"A: b\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "instead"),
    [
        (head(OK, "Content-Length : 2") + BODY, PLAIN),
        (head(OK, "Content-Length:\t2") + BODY, PLAIN),
        (head(OK, "Content-Length: 2", "Content-Length: 2") + BODY, PLAIN),
        (head(OK, "Content-Length: 2, 2") + BODY, PLAIN),
        (head("HTTP/1.1  200 OK", "Content-Length: 2") + BODY, PLAIN),
        (CHUNKED.replace(b": chunked", b":\tchunked"), CHUNKED),
        (CHUNKED.replace(b": chunked", b": chunked, chunked"), CHUNKED),
        (PLAIN.replace(b"\r\n", b"\n"), PLAIN),
        (b"HTTP/1.1 200 OK\nContent-Length: 8\n\n" + LIKE_A_HEAD, response(body=LIKE_A_HEAD)),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_head_that_all_read_alike_goes_on_in_its_right_form(
    answer: bytes, instead: bytes, step: int
) -> None:
    talk = asked()
    # Twice, because heads are remembered.
    for _ in range(2):
        talk.app_sends(*(answer[start : start + step] for start in range(0, len(answer), step)))
        assert talk.client_got().replace(b"Phrase", b"OK") == instead.replace(b"Phrase", b"OK")
        assert (talk.client.state, talk.app.state) == ("open", "open")
        talk.client_sends(request())
    assert talk.proxy.endings == [("http1", "finished")] * 2


def test_the_mended_answer_to_head_has_no_body() -> None:
    talk = asked(request(method="HEAD"))
    talk.app_sends(head(OK, "Content-Length: 2, 2"))
    assert talk.client_got() == PLAIN.removesuffix(BODY)
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_mended_answer_is_the_last_one_when_leaving() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.app_sends(head(OK, "Content-Length: 2, 2", "Keep-Alive : timeout=5") + BODY)
    assert talk.client_got() == head(OK, "Content-Length: 2", "Connection: close") + BODY


def test_interim_answers_and_switches_are_mended_too() -> None:
    talk = asked(request("/chat", "Connection: upgrade", "Upgrade: tea"))
    talk.app_sends(
        b"HTTP/1.1 103 Early\nLink : </a>\n\n" + head("HTTP/1.1  101 S", "Upgrade : tea")
    )
    assert talk.client_got() == (
        head("HTTP/1.1 103 Early", "Link: </a>") + head("HTTP/1.1 101 S", "Upgrade: tea")
    )
    assert talk.proxy.in_flight == {"tcp": 1}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\r\n",
        b"HTTP/1.1 200 OK\nA: " + b"b" * 1000,
        b"HTTP/1.1 200 OK\n" + b"A: b\n" * 101 + b"\n",
        b"SSH-2.0-x\r\n",
        b"\0",
        head(OK, "Content-Length: 2, 3"),
        head(OK, "Content-Length : 2", "Transfer-Encoding: chunked"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_a_head_that_becomes_none_is_a_502_at_once(answer: bytes, step: int) -> None:
    talk = asked(max_header_bytes=1000)
    for start in range(0, len(answer), step):
        if not talk.app.lost:
            talk.app_sends(answer[start : start + step])
    assert is_502(talk.client_got())


def test_an_app_that_leaves_within_a_head_of_lf_lines_is_a_502() -> None:
    talk = asked()
    talk.app_sends(b"HTTP/1.1 200 OK\nA: b\n")
    talk.app_ends()
    assert is_502(talk.client_got())


def test_the_head_of_a_body_that_breaks_at_once_was_not_said() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(head(OK, "Transfer-Encoding : chunked") + b"x\r\n")
    assert is_502(talk.client_got())
