"""What the client asks: one request at a time, as it came, and nothing of a bad one."""

import pytest

from drainproxy.relay.session import MOST_HELD
from tests.relay.conversation import Conversation, head, request, response

BODY = b"0123456789"
POST = request("/upload", method="POST", body=BODY)
CHUNKED_HEAD = request("/upload", "Transfer-Encoding: chunked", method="POST")
CHUNKS = b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer[9:12])


# Forwarding


@pytest.mark.parametrize(
    "asked",
    [
        request("/a?b=c"),
        request("/", "X-Odd:\tvalue ", "x-odd: again"),
        request("/", method="PURGE"),
        POST,
        CHUNKED_HEAD + CHUNKS,
        head("GET / HTTP/1.0"),
        head("POST / HTTP/1.0", "Content-Length: 2") + b"ok",
    ],
)
def test_a_request_reaches_the_app_byte_for_byte(asked: bytes) -> None:
    talk = Conversation()
    talk.client_sends(asked)
    assert talk.app_got() == asked
    assert talk.proxy.in_flight == {"http1": 1}


def test_nothing_is_opened_to_the_app_before_a_whole_head_is_there() -> None:
    talk = Conversation()
    talk.client_sends(request()[:-1])
    assert not talk.app_was_reached()
    assert talk.proxy.in_flight == {}
    talk.client_sends(request()[-1:])
    assert talk.app_got() == request()


def test_empty_lines_before_a_request_are_passed_over() -> None:
    talk = Conversation()
    talk.client_sends(b"\r\n", b"\r\n\r", b"\n" + request())
    assert talk.app_got() == request()


def test_a_body_is_forwarded_while_it_comes() -> None:
    talk = Conversation()
    talk.client_sends(POST[:-4])
    assert talk.app_got() == POST[:-4]
    talk.client_sends(POST[-4:-1])
    assert talk.app_got() == POST[-4:-1]


def test_a_client_asks_again_on_the_same_two_connections() -> None:
    talk = Conversation()
    for target in ("/1", "/2", "/2"):
        talk.client_sends(request(target))
        assert talk.app_got() == request(target)
        talk.app_sends(response())
        assert talk.client_got() == response()
    assert len(talk.apps) == 1
    assert talk.proxy.endings == [("http1", "finished")] * 3
    assert talk.proxy.context.counters.connections == {"http1": 1}


def test_each_body_has_the_framing_of_its_own_head() -> None:
    talk = Conversation()
    for asked in (CHUNKED_HEAD + CHUNKS, POST, CHUNKED_HEAD + CHUNKS, request()):
        talk.client_sends(asked)
        assert talk.app_got() == asked
        talk.app_sends(response())
    assert talk.proxy.endings == [("http1", "finished")] * 4


def test_what_is_sent_while_we_connect_waits_and_is_bounded() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(POST[:-10], POST[-10:-5], POST[-5:])
    assert not talk.client.is_reading()
    assert talk.client.waiting == 5
    talk.app_accepts()
    assert talk.app_got() == POST


def test_the_app_learns_who_asked() -> None:
    talk = Conversation(forwarded=True)
    talk.client_sends(request())
    assert talk.app_got() == request(
        "/",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: a.example",
    )


def test_the_app_learns_of_all_proxies_before_us() -> None:
    talk = Conversation(forwarded=True, peername=("2001:db8::2", 1, 0, 0))
    talk.client_sends(request("/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"))
    assert talk.app_got() == request(
        "/",
        "X-Forwarded-For: 192.0.2.1, 2001:db8::2",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: a.example",
    )


def test_the_app_learns_of_the_host_in_a_whole_url() -> None:
    # RFC 9112 3.2.2
    talk = Conversation(forwarded=True)
    for _ in range(2):
        talk.client_sends(request("http://b.example/x"))
        assert talk.app_got() == head(
            "GET http://b.example/x HTTP/1.1",
            "Host: b.example",
            "X-Forwarded-For: 192.0.2.7",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: b.example",
        )
        talk.app_sends(response())


@pytest.mark.parametrize(
    ("said", "added"),
    [
        ("for=192.0.2.1;proto=https", ["X-Forwarded-Host: a.example"]),
        ('for=192.0.2.1, for=b;PROTO="https";host=c', []),
        ("for=192.0.2.1", ["X-Forwarded-Proto: http", "X-Forwarded-Host: a.example"]),
    ],
)
def test_what_a_forwarded_field_says_is_not_contradicted(said: str, added: list[str]) -> None:
    # RFC 7239 5.3 and 5.4
    talk = Conversation(forwarded=True)
    talk.client_sends(request("/", "Forwarded: " + said))
    assert talk.app_got() == request(
        "/", "Forwarded: " + said, "X-Forwarded-For: 192.0.2.7", *added
    )


def test_a_client_without_an_address_or_host_is_forwarded_as_such() -> None:
    talk = Conversation(forwarded=True, peername="")
    talk.client_sends(head("GET / HTTP/1.0"))
    assert talk.app_got() == head(
        "GET / HTTP/1.0", "X-Forwarded-For: unknown", "X-Forwarded-Proto: http"
    )


# Sending ahead


def test_a_pipelined_request_waits_for_the_answer_to_the_one_before() -> None:
    talk = Conversation()
    talk.client_sends(request("/1") + POST + request("/3"))
    for asked in (request("/1"), POST, request("/3")):
        assert talk.app_got() == asked
        assert talk.proxy.in_flight == {"http1": 1}
        talk.app_sends(response(body=asked))
        assert talk.client_got() == response(body=asked)
    assert talk.proxy.endings == [("http1", "finished")] * 3


def test_what_is_sent_ahead_is_bounded() -> None:
    talk = Conversation()
    ahead = request("/n") * (MOST_HELD // len(request("/n")) + 1)
    talk.client_sends(request("/1"), ahead[:-1])
    assert not talk.client.is_reading()
    talk.client_sends(ahead[-1:])
    assert talk.client.waiting == 1
    talk.app_sends(response())
    assert talk.app_got() == request("/1") + request("/n")


def test_reading_goes_on_when_what_was_sent_ahead_is_through() -> None:
    talk = Conversation()
    big = request("/big", method="POST", body=b"x" * MOST_HELD)
    talk.client_sends(request("/1"), big[:-1])
    assert not talk.client.is_reading()
    talk.app_sends(response())
    assert talk.client.is_reading()
    talk.client_sends(big[-1:])
    assert talk.app_got() == request("/1") + big


# Bad requests


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (request("/", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (request("/", "Transfer-Encoding: gzip"), 501),
        (request("a:1", method="CONNECT"), 501),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (request("/" + "x" * 1000), 414),
        (request("/", "X: " + "x" * 1000), 431),
        (request("/", *["X: y"] * 101), 431),
        (request("/chat", "Connection: upgrade", "Upgrade: websocket", body=b"x"), 400),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 2000])
def test_the_app_sees_nothing_of_a_refused_request(bad: bytes, code: int, step: int) -> None:
    talk = Conversation(max_header_bytes=1000)
    talk.client_sends(*(bad[start : start + step] for start in range(0, len(bad), step)))
    answer = talk.client_got()
    assert status(answer) == code
    assert b"\r\nConnection: close\r\n" in answer
    assert talk.client.state == "half-closed"
    assert not talk.app_was_reached()
    assert talk.proxy.context.counters.rejected == {"malformed": 1}
    assert talk.proxy.context.counters.codes["http1"] == {code: 1}
    assert talk.proxy.books.opened == 0


def test_a_head_that_does_not_end_is_refused_as_soon_as_it_is_too_long() -> None:
    talk = Conversation(max_header_bytes=100)
    talk.client_sends(b"GET /" + b"x" * 95)
    assert talk.client_got() == b""
    talk.client_sends(b"x")
    assert status(talk.client_got()) == 414


def test_a_request_before_a_bad_one_is_answered_first() -> None:
    talk = Conversation()
    talk.client_sends(request("/good") + b"BAD\r\n\r\n")
    assert talk.app_got() == request("/good")
    assert talk.client_got() == b""
    talk.app_sends(response())
    answers = talk.client_got()
    assert answers.startswith(response() + b"HTTP/1.1 400 ")
    assert talk.app_got() == b""
    assert talk.client.state == "half-closed"


def test_a_body_that_breaks_before_the_answer_is_400_and_the_app_is_let_go() -> None:
    talk = Conversation()
    talk.client_sends(CHUNKED_HEAD + b"3\r\nabc\r\n", b"oops\r\n")
    assert talk.app_got() == CHUNKED_HEAD + b"3\r\nabc\r\n"
    assert status(talk.client_got()) == 400
    assert talk.app.state == "aborted"
    assert talk.proxy.in_flight == {}


def test_a_body_that_breaks_in_the_answer_cuts_it_visibly() -> None:
    talk = Conversation()
    talk.client_sends(CHUNKED_HEAD)
    talk.app_sends(response()[:-1])
    talk.client_sends(b"oops\r\n")
    assert talk.client_got() == response()[:-1]
    assert talk.client.state == "reset"
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "client_left")]


def test_a_body_that_breaks_after_the_whole_answer_does_not_take_it_back() -> None:
    talk = Conversation()
    talk.client_sends(CHUNKED_HEAD)
    talk.app_sends(response())
    talk.client_sends(b"oops\r\n")
    assert talk.client_got() == response()
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_refused_request_is_logged_without_its_words() -> None:
    talk = Conversation()
    lines: list[object] = []
    talk.proxy.context.access_log = lines.append
    talk.client_sends(b"GET / HTTP/1.1\r\n\r\n")
    assert lines == [("http1", "192.0.2.7:50000", "-", "-", 400, 0.0, 0, {})]


# The head's time


def test_bytes_that_drip_do_not_put_off_the_heads_deadline() -> None:
    talk = Conversation(header_timeout=10)
    for octet in request()[:10]:
        talk.client_sends(bytes((octet,)))
        talk.proxy.wait(1)
    assert status(talk.client_got()) == 408
    assert talk.client.state == "half-closed"
    assert talk.proxy.context.counters.rejected == {"header-timeout": 1}


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    talk = Conversation(header_timeout=10)
    talk.proxy.wait(10)
    assert talk.client.state == "aborted"
    assert talk.client_got() == b""


def test_the_next_head_has_its_own_time_from_its_first_byte() -> None:
    talk = Conversation(header_timeout=10)
    talk.client_sends(request())
    talk.app_sends(response())
    talk.proxy.wait(60)
    talk.client_sends(b"G")
    talk.proxy.wait(9)
    talk.client_sends(b"E")
    assert talk.client_got() == response()
    talk.proxy.wait(1)
    assert status(talk.client_got()) == 408


def test_a_head_that_was_sent_ahead_has_its_time_from_the_answer_on() -> None:
    talk = Conversation(header_timeout=10)
    talk.client_sends(request() + b"GE")
    talk.proxy.wait(60)
    talk.app_sends(response())
    talk.proxy.wait(9.5)
    assert talk.client_got() == response()
    talk.proxy.wait(0.5)
    assert status(talk.client_got()) == 408


def test_a_body_may_take_its_time() -> None:
    talk = Conversation(header_timeout=10)
    talk.client_sends(POST[:-1])
    talk.proxy.wait(60)
    talk.client_sends(POST[-1:])
    assert talk.app_got() == POST


# A client that ends


def test_a_client_that_half_closes_after_its_request_gets_its_answer() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.client_ends()
    assert talk.app.state == "open"
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.client.state == "closed"
    assert talk.app.lost
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_client_that_half_closes_gets_all_the_answers_it_asked_for() -> None:
    talk = Conversation()
    talk.client_sends(request("/1") + request("/2"))
    talk.client_ends()
    talk.app_sends(response(body=b"1"))
    talk.app_sends(response(body=b"2"))
    assert talk.client_got() == response(body=b"1") + response(body=b"2")
    assert talk.client.state == "closed"


@pytest.mark.parametrize("rest", [b"GET / HT", POST[:-1], CHUNKED_HEAD + CHUNKS[:-1]])
def test_a_request_that_can_never_be_whole_ends_with_its_client(rest: bytes) -> None:
    talk = Conversation()
    talk.client_sends(request("/1") + rest)
    talk.client_ends()
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.client.state == "closed"
    assert talk.app.state == "aborted"
    assert talk.proxy.in_flight == {}


def test_a_client_that_ends_in_its_head_is_let_go() -> None:
    talk = Conversation()
    talk.client_sends(b"GET / HT")
    talk.client_ends()
    assert talk.client.state == "closed"
    assert not talk.app_was_reached()


def test_a_client_that_ends_in_its_body_takes_the_app_with_it() -> None:
    talk = Conversation()
    talk.client_sends(POST[:-1])
    talk.client_ends()
    assert talk.app.state == "aborted"
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "client_left")]


def test_an_idle_client_that_ends_lets_the_app_go() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response())
    talk.client_ends()
    assert (talk.client.state, talk.app.state) == ("closed", "aborted")
    assert talk.proxy.context.registry.sessions == set()


@pytest.mark.parametrize("answered", [b"", response()[:10], response()[:-1]])
def test_a_client_that_breaks_off_takes_the_app_with_it(answered: bytes) -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(answered)
    talk.client_resets()
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "client_left")]
    assert talk.proxy.context.registry.sessions == set()


def test_a_client_that_breaks_off_while_we_connect_is_not_served() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(request())
    talk.client_resets()
    talk.app_accepts()
    assert talk.app.state == "aborted"
    assert talk.app_got() == b""


# Over the limit


def test_a_client_too_many_hears_503_before_it_has_asked() -> None:
    first = Conversation(max_connections=1)
    second = Conversation(proxy=first.proxy)
    answer = second.client_got()
    assert status(answer) == 503
    assert b"\r\nRetry-After: 3\r\n" in answer
    second.client_sends(request())
    assert not second.app_was_reached()
    assert second.proxy.context.counters.connections == {"http1": 1}
