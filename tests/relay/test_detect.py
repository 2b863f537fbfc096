"""The first bytes choose the session, and nothing of them is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.context import NOT_HTTP
from drainproxy.relay.detect import Detect, session_for
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.route import Route
from drainproxy.relay.tcp import Tcp
from drainproxy.relay.turns import LARGE_READ
from drainproxy.wire.sniff import HTTP2_PREFACE
from tests.relay.conversation import Conversation, request, response
from tests.relay.proxy import Proxy


@pytest.mark.parametrize(
    ("protocol", "kind"), [("auto", Detect), ("http", Http1Connection), ("tcp", Tcp)]
)
def test_the_route_says_who_listens_first(protocol: str, kind: type) -> None:
    session = session_for(Proxy().context, Route(protocol, "app:9000", lambda side: None))
    assert type(session) is kind


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (request(), "http1"),
        (b"\x16\x03\x01\x02\x00", "tcp"),
        (b"SSH-2.0-client\r\n", "tcp"),
    ],
)
@given(cut=st.integers(0, 40))
def test_whoever_speaks_is_told_by_its_first_bytes(first: bytes, kind: str, cut: int) -> None:
    talk = Conversation("auto")
    talk.client_sends(first[:cut], first[cut:])
    assert talk.app_got() == first
    assert talk.proxy.in_flight == {kind: 1}
    assert talk.proxy.context.counters.connections == {kind: 1}
    assert talk.proxy.context.counters.bytes_from_clients == len(first)
    assert talk.proxy.context.registry.sessions == {talk.session}


def test_what_looks_like_http_meets_the_strict_parser() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"GET / HTTP/1.1\n\n")
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert not talk.app_was_reached()


@pytest.mark.parametrize(
    "first",
    [
        *(b"\x0bGET / HTTP/1.1\r\n\r\n", b"\xa0GET / HTTP/1.1\r\n\r\n", b"\x1cGET /x\r\n\r\n"),
        *(b" GET /x\r\n\r\n", b"GET /x\n", b"FOO /x\r\n\r\n", b"get / HTTP/1.1\n\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 100])
def test_what_a_lenient_server_reads_as_http_meets_the_strict_parser(
    first: bytes, step: int
) -> None:
    talk = Conversation("auto")
    talk.client_sends(*(first[start : start + step] for start in range(0, len(first), step)))
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert talk.client.state == "half-closed"
    assert not talk.app_was_reached()
    assert talk.proxy.context.counters.rejected == {"malformed": 1}


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (b"\x01", b"GET / HTTP/1.1\r\n\r\n"),
        (b"\xef\xbb\xbfGET / HT", b"TP/1.1\r\n\r\n"),
        (b"FOO x\r\n", b"\r\n"),
        (b"FOO x\r\nA: b\r\n", b"C: d\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("app_listens", [True, False])
def test_what_turns_out_as_http_only_then_goes_no_further(
    first: bytes, rest: bytes, app_listens: bool
) -> None:
    talk = Conversation("auto", app_listens=app_listens)
    talk.client_sends(first)
    assert talk.proxy.in_flight == {"tcp": 1}
    talk.client_sends(rest)
    if not app_listens:
        talk.app_accepts()
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert talk.client.state == "half-closed"
    assert talk.app_got() == (first if app_listens else b"")
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("tcp", "client_left")]
    assert talk.proxy.context.counters.rejected == {"malformed": 1}
    talk.client_ends()
    assert talk.proxy.context.registry.sessions == set()


def test_what_turns_out_as_http_at_its_end_goes_no_further() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"\x01GET / HTTP/1.1")
    talk.client_ends()
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert talk.app.state == "aborted"
    assert talk.client.state == "closed"
    assert talk.proxy.context.registry.sessions == set()


@pytest.mark.parametrize("ends", [False, True])
def test_what_turns_out_as_http_when_both_of_us_have_ended_is_reset(ends: bool) -> None:
    """There is no half of the conversation left in which to answer."""
    talk = Conversation("auto")
    talk.client_sends(b"\x01GET / HTTP/1.1")
    talk.app_ends()
    assert talk.client.state == "half-closed"
    if ends:
        talk.client_ends()
    else:
        talk.client_sends(b"\r\n\r\n")
    assert talk.client.state == "reset"
    assert talk.proxy.endings == [("tcp", "client_left")]
    assert talk.proxy.context.counters.rejected == {"malformed": 1}
    assert talk.proxy.context.registry.sessions == set()


def test_a_line_that_ends_with_the_connection_is_a_line() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"FOO /x")
    talk.client_ends()
    assert talk.client.state == "closed"
    assert not talk.app_was_reached()


@pytest.mark.parametrize("first", [b"\x05\x01\0", b"AUTH secret\r\n"])
def test_an_app_that_speaks_before_it_has_read_a_request_is_no_http_server(first: bytes) -> None:
    # As one of SOCKS does, which is asked to lead to an HTTP server then.
    talk = Conversation("auto")
    talk.client_sends(first)
    talk.app_sends(b"\x05\0")
    talk.client_sends(b" HTTP/1.1\r\n", b"\r\n")
    assert talk.app_got() == first + b" HTTP/1.1\r\n\r\n"
    assert talk.client_got() == b"\x05\0"
    talk.client_ends()
    assert talk.app.state == "half-closed"


@pytest.mark.parametrize("data", [b"\x01GET / HTTP/1.1\r\n\r\n", b" GET /x\r\n\r\n"])
def test_who_means_it_gets_a_tunnel_for_anything(data: bytes) -> None:
    talk = Conversation("tcp")
    talk.client_sends(data)
    assert talk.app_got() == data


def test_the_app_is_not_reached_before_the_client_has_spoken() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"GE")
    assert not talk.app_was_reached()
    assert talk.proxy.in_flight == {}


def test_an_answer_finds_its_way_back() -> None:
    talk = Conversation("auto")
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == response()


# Those who say nothing, or little


def test_the_time_for_a_head_begins_with_the_connection() -> None:
    talk = Conversation("auto", header_timeout=10)
    talk.client_sends(b"G")
    talk.proxy.wait(9)
    talk.client_sends(b"ET / HTTP/1.1\r\n")
    talk.proxy.wait(1)
    assert talk.client_got().startswith(b"HTTP/1.1 408 ")


def test_a_client_that_ends_without_a_word_is_let_go() -> None:
    talk = Conversation("auto")
    talk.client_ends()
    assert talk.client.state == "closed"
    assert not talk.app_was_reached()


def test_few_bytes_and_an_end_may_mean_something_to_the_app() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"QUIT")
    talk.client_ends()
    assert talk.app_got() == b"QUIT"
    assert talk.app.state == "half-closed"
    talk.app_sends(b"BYE")
    talk.app_ends()
    assert talk.client_got() == b"BYE"
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("tcp", "finished")]


def test_a_client_that_breaks_off_before_a_word_leaves_nothing_behind() -> None:
    talk = Conversation("auto")
    talk.client_sends(b"PO")
    talk.client_resets()
    assert talk.proxy.context.registry.sessions == set()
    assert talk.proxy.books.opened == 0


@pytest.mark.parametrize("word", [b"P", b"FOO /x HTT", b"\r\n"])
def test_a_client_that_says_something_that_tells_nothing_is_closed(word: bytes) -> None:
    talk = Conversation("auto", header_timeout=10)
    talk.client_sends(word)
    talk.proxy.wait(9.5)
    assert talk.client.state == "open"
    talk.proxy.wait(0.5)
    assert talk.client.state == "aborted"
    assert not talk.app_was_reached()
    assert talk.proxy.context.counters.rejected == {"header-timeout": 1}


# Relatives of HTTP


@pytest.mark.parametrize(
    "line", [b"GET / RTSP/1.0", b"DESCRIBE rtsp://a/b RTSP/1.0", b"SOURCE /m ICE/1.0"]
)
def test_what_node_takes_for_http_is_refused_with_a_hint(line: bytes) -> None:
    hints: list[str] = []
    talk = Conversation("auto")
    talk.proxy.context.hint = lambda topic, route: hints.append(topic)
    talk.client_sends(line + b"\r\nCSeq: 1\r\n\r\n")
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert not talk.app_was_reached()
    assert hints == [NOT_HTTP]


@pytest.mark.parametrize(
    "first",
    [
        b"OPTIONS sip:a@b.example SIP/2.0\r\nVia: c\r\n\r\n",
        b"REGISTER sip:b.example SIP/2.0\r\n\r\n",
        b"OPTIONS icap://a.example/b ICAP/1.0\r\nHost: a.example\r\n\r\n",
        b"CONNECT\naccept-version:1.2\n\n\0",
        b"CONNECT\r\nhost:a\r\n\r\n\0",
    ],
)
@pytest.mark.parametrize("step", [1, 100])
def test_sip_icap_and_stomp_have_a_tunnel(first: bytes, step: int) -> None:
    talk = Conversation("auto")
    talk.client_sends(*(first[start : start + step] for start in range(0, len(first), step)))
    assert talk.app_got() == first
    assert talk.proxy.in_flight == {"tcp": 1}


def test_an_end_that_overtakes_what_waits_for_its_turn_ends_no_line() -> None:
    """A transport may tell of the end although reading is paused, as that of TLS does."""
    talk = Conversation("auto")
    talk.client_sends(b"\0GET / HTTP/1.1")
    talk.proxy.context.turns.crowded = True
    talk.session.data_received(rest := b"x" * LARGE_READ)
    assert talk.session.eof_received()
    talk.proxy.settle()
    assert talk.app_got() == b"\0GET / HTTP/1.1" + rest
    assert talk.app.state == "half-closed"


# Leaving


def test_leaving_a_silent_connection_is_closed_after_idle_close() -> None:
    talk = Conversation("auto", header_timeout=60, idle_close=5)
    talk.proxy.leaves()
    talk.proxy.wait(4.5)
    assert talk.client.state == "open"
    talk.proxy.wait(1)
    assert talk.client.state == "closed"


def test_leaving_a_client_in_the_middle_of_its_first_word_is_waited_for() -> None:
    talk = Conversation("auto", header_timeout=60, idle_close=5)
    talk.client_sends(b"GE")
    talk.proxy.leaves()
    talk.proxy.wait(30)
    talk.client_sends(b"T / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert talk.app_got() == request()


def test_the_deadline_ends_it() -> None:
    talk = Conversation("auto")
    talk.proxy.aborts()
    assert talk.client.state == "aborted"
    assert talk.proxy.endings == []


# Over the limit


@pytest.fixture
def crowd() -> Proxy:
    """A proxy that is full."""
    proxy = Proxy(max_connections=1)
    Conversation("auto", proxy=proxy)
    return proxy


@pytest.mark.parametrize("first", [[request()], [b"G", b"ET / HTTP/1.1\r\nHost: a\r\n\r\n"]])
def test_an_http_client_too_many_hears_503(crowd: Proxy, first: list[bytes]) -> None:
    talk = Conversation("auto", proxy=crowd)
    talk.client_sends(*first)
    answer = talk.client_got()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert talk.client.state == "half-closed"
    assert not talk.app_was_reached()
    assert crowd.context.counters.rejected == {"max-connections": 1}


def test_any_other_client_too_many_is_closed(crowd: Proxy) -> None:
    talk = Conversation("auto", proxy=crowd)
    talk.client_sends(HTTP2_PREFACE)
    assert talk.client.state == "aborted"
    assert not talk.app_was_reached()


def test_a_client_too_many_that_ends_without_a_word_is_let_go(crowd: Proxy) -> None:
    talk = Conversation("auto", proxy=crowd)
    talk.client_sends(b"GE")
    talk.client_ends()
    assert talk.client.state == "closed"
    assert not talk.app_was_reached()


def test_a_client_too_many_that_says_nothing_is_let_go(crowd: Proxy) -> None:
    talk = Conversation("auto", proxy=crowd)
    crowd.wait(11)
    assert talk.client.state == "aborted"
