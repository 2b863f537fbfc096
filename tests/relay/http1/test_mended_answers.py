"""An answer that is not quite right reaches the client as one that can be read in one way only."""

import pytest

from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import asked, is_502

OK, BODY = "HTTP/1.1 200 OK", b"ok"
PLAIN = head(OK, "Content-Length: 2") + BODY
TYPED = head(OK, "Content-Type: a/b", "Connection: x", "Content-Length: 2") + BODY
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
        (TYPED.replace(b": ", b":\t"), TYPED),
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
        b"HTTP/1.1 200 OK\r\r\nContent-Length: 2\r\r\n\r\r\nok",
        b"HTTP/1.1 200 OK\rContent-Length: 2\r\rok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n \r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\r\n<html>\r\n",
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


# Bodies

CODED = head(OK, "Transfer-Encoding: chunked")
# RFC 9110 5.1 and 5.6.2: any token is the name of a field, and some may say nothing.
UNUSUAL = (
    b"5\r\nhello\r\n0\r\n!#$%&'*+-.^_`|~: a\r\n0: b\r\nx_y:\r\nGRPC-Status:0\r\n"
    b"ETag: c\r\nA: d\r\nA: e\r\nX-Latin: \xe4\r\n\r\n"
)
MENDED_BODY = b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "instead"),
    [
        (b"5 \r\nhello\r\n0 \r\n\r\n", MENDED_BODY),
        (b"5;a=%b\r\nhello\r\n0\r\n\r\n" % (b"x" * 5000), MENDED_BODY),
        (b"5\r\nhello\r\n0\r\nSet-Cookie: a\r\nX y: z\r\n\r\n", MENDED_BODY),
        (b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n"),
        (UNUSUAL, UNUSUAL),
    ],
)
@pytest.mark.parametrize("step", [1, 10, 10_000])
def test_a_body_that_all_read_alike_goes_on_in_its_right_form(
    body: bytes, instead: bytes, step: int
) -> None:
    talk = asked()
    answer = CODED + body
    talk.app_sends(*(answer[start : start + step] for start in range(0, len(answer), step)))
    assert talk.client_got() == CODED + instead
    assert talk.proxy.endings == [("http1", "finished")]
    assert (talk.client.state, talk.app.state) == ("open", "open")


def test_a_long_answer_may_have_much_beside_it() -> None:
    talk = asked()
    chunks = (b"400;sum=%064x\r\n" % 1 + b"x" * 1024 + b"\r\n") * 300 + b"0\r\n\r\n"
    talk.app_sends(CODED, chunks[:100_000], chunks[100_000:])
    assert talk.client_got() == CODED + chunks


def test_a_flood_of_odd_lines_is_mended_a_turn_after_the_other() -> None:
    talk = asked()
    chunks, trailers = b"1 \r\na\r\n" * 3000, b"X y: z\r\n" * 3000
    talk.app_sends(CODED + chunks + b"0 \r\n" + trailers + b"A: b\r\n\r\n")
    assert talk.client_got() == (CODED + chunks.replace(b" ", b"") + b"0\r\nA: b\r\n\r\n")
    assert talk.proxy.endings == [("http1", "finished")]


def test_what_comes_behind_a_mended_body_reaches_nobody() -> None:
    talk = asked()
    talk.app_sends(CODED + b"5 \r\nhello\r\n0 \r\n\r\n" + response())
    assert talk.client_got() == CODED + MENDED_BODY
    assert talk.app.state == "aborted"


def odd(data: bytes) -> bytes:
    """A chunk as servers write it that pad its size."""
    return b"%-4x\r\n%b\r\n" % (len(data), data)


def right(data: bytes) -> bytes:
    return odd(data).replace(b" ", b"", 4 - len(b"%x" % len(data)))


def test_a_mended_event_stream_ends_after_a_whole_event() -> None:
    talk = asked()
    lines = OK, "Content-Type: text/event-stream"
    first = b"id: 1\n\n", b"id: 2\n\n", b"id:"
    talk.app_sends(head(*lines, "Transfer-Encoding : chunked") + b"".join(map(odd, first)))
    assert talk.client_got() == (
        head(*lines, "Transfer-Encoding: chunked") + b"".join(map(right, first))
    )
    talk.proxy.leaves()
    talk.app_sends(odd(b" 3\n") + odd(b"\nid: 4\n\nid") + odd(b": 5"))
    chunks = talk.client_got().removeprefix(right(b" 3\n") + right(b"\n"))
    size, _, end = chunks.partition(b"\r\n")
    assert end.startswith(b"retry: ")
    assert end[int(size, 16) :] == b"\r\n0\r\n\r\n"
    assert talk.proxy.endings == [("sse", "goodbye")]
