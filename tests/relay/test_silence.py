"""A client that says nothing may wait for the server to speak first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.context import SILENCE
from drainproxy.relay.route import Route
from drainproxy.wire.sniff import HTTP2_PREFACE
from tests.relay.conversation import Conversation, request, response
from tests.relay.proxy import Proxy


def silent(proxy: Proxy | None = None, *, app_listens: bool = True, **limits: Any) -> Conversation:
    """A client that has said nothing for header-timeout."""
    limits = {"header_timeout": 10, **limits}
    talk = Conversation("auto", proxy=proxy, app_listens=app_listens, **limits)
    talk.proxy.wait(10)
    return talk


def test_after_header_timeout_the_app_is_reached_and_nothing_is_in_flight() -> None:
    hints: list[tuple[str, Route]] = []
    proxy = Proxy(header_timeout=10)
    proxy.context.hint = lambda topic, route: hints.append((topic, route))
    talk = Conversation("auto", proxy=proxy)
    proxy.wait(9.5)
    assert not talk.app_was_reached()
    proxy.wait(3000)
    assert (talk.client.state, talk.app.state) == ("open", "open")
    assert (proxy.in_flight, proxy.context.counters.connections) == ({}, {})
    assert not proxy.context.registry.expects_request(5)
    assert hints == [(SILENCE, talk.session.route)]


def test_an_app_that_speaks_first_makes_it_tcp() -> None:
    talk = silent()
    talk.app_sends(b"220 mail.example\r\n")
    assert talk.client_got() == b"220 mail.example\r\n"
    assert talk.proxy.in_flight == {"tcp": 1}
    assert talk.proxy.context.counters.connections == {"tcp": 1}
    # Whatever is said now: no HTTP server speaks before it has read a request.
    talk.client_sends(b"GET / HTTP/1.1\n\n")
    assert talk.app_got() == b"GET / HTTP/1.1\n\n"
    assert len(talk.apps) == 1
    assert talk.proxy.context.counters.bytes_from_app == 18
    talk.client_ends()
    talk.app_ends()
    assert talk.proxy.endings == [("tcp", "finished")]
    assert talk.proxy.context.registry.sessions == set()


def test_a_client_that_speaks_first_is_told_by_its_first_bytes_as_ever() -> None:
    talk = silent()
    first = talk.app
    talk.client_sends(request())
    assert first.state == "aborted"
    assert first.got() == b""
    assert talk.app_got() == request()
    assert talk.proxy.in_flight == {"http1": 1}
    talk.app_sends(response())
    assert talk.client_got() == response()


@pytest.mark.parametrize("app_listens", [True, False])
@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\n\n", b"\x0bGET / HTTP/1.1\r\n\r\n", b"FOO /x\r\n\r\n", b" GET /x\r\n\r\n"],
)
@pytest.mark.parametrize("step", [1, 100])
def test_silence_is_no_way_past_the_parser(first: bytes, step: int, app_listens: bool) -> None:
    talk = silent(app_listens=app_listens)
    reached = len(talk.apps) + len(talk.knocks)
    talk.client_sends(*(first[start : start + step] for start in range(0, len(first), step)))
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert len(talk.apps) + len(talk.knocks) == reached
    assert all(app.got() == b"" for app in talk.apps)


first_words = st.lists(
    st.sampled_from(
        [
            *(b"GET", b"OPTIONS", b"CONNECT", b"FOO", b" ", b"/", b"sip:a", b"HTTP/1.1", b"\r\n"),
            *(
                b"\n",
                b"\x01",
                b"SIP/2.0",
                b"RTSP/1.0",
                b"Host: a",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ),
        ]
    ),
    min_size=1,
    max_size=6,
)


@given(first_words)
def test_after_a_silence_all_is_as_at_the_start(words: list[bytes]) -> None:
    outcomes = []
    for talk in Conversation("auto", header_timeout=10), silent():
        before = len(talk.apps)
        talk.client_sends(*words)
        got = [app.got() for app in talk.apps[before:]]
        outcomes.append((got, talk.client_got(), talk.client.state, talk.proxy.in_flight))
    assert outcomes[0] == outcomes[1]


def test_the_time_for_a_head_begins_anew_with_its_first_byte() -> None:
    talk = silent(header_timeout=10)
    talk.proxy.wait(100)
    talk.client_sends(b"GET / HTTP/1.1\r\n")
    talk.proxy.wait(9.5)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got().startswith(b"HTTP/1.1 408 ")


def test_the_time_for_the_first_settings_begins_anew_too() -> None:
    talk = silent(header_timeout=10)
    talk.proxy.wait(100)
    talk.client_sends(HTTP2_PREFACE)
    talk.proxy.wait(1)
    assert talk.client.state == "open"


def test_a_client_that_then_says_too_little_is_closed() -> None:
    talk = silent(header_timeout=10)
    talk.client_sends(b"PO")
    talk.proxy.wait(9.5)
    assert talk.client.state == "open"
    talk.proxy.wait(0.5)
    assert talk.client.state == "aborted"
    assert talk.apps[0].state == "aborted"


def test_where_nobody_listens_the_client_learns_it() -> None:
    talk = silent(app_listens=False)
    talk.app_refuses()
    assert talk.client.state == "reset"
    assert talk.proxy.context.counters.app_connect_failures == 1
    assert talk.proxy.context.counters.rejected == {"app-away": 1}
    assert (talk.proxy.context.registry.sessions, talk.proxy.context.registry.silent) == (set(), {})


@pytest.mark.parametrize(("how", "state"), [("app_ends", "closed"), ("app_resets", "reset")])
def test_when_the_app_leaves_without_a_word_so_does_the_client(how: str, state: str) -> None:
    talk = silent()
    getattr(talk, how)()
    assert talk.client.state == state
    assert (talk.proxy.context.registry.sessions, talk.proxy.context.registry.silent) == (set(), {})
    assert talk.proxy.endings == []


@pytest.mark.parametrize("how", ["client_ends", "client_resets"])
def test_when_the_client_leaves_without_a_word_so_does_the_app(how: str) -> None:
    talk = silent()
    getattr(talk, how)()
    assert talk.app.state == "closed"
    assert (talk.proxy.context.registry.sessions, talk.proxy.context.registry.silent) == (set(), {})


def test_who_is_ended_for_idle_timeout_reaches_no_app_in_the_same_sweep() -> None:
    talk = Conversation("auto", idle_timeout=10, header_timeout=10)
    talk.proxy.wait(30)
    assert talk.client.lost
    assert talk.apps == []
    assert talk.proxy.context.registry.sessions == set()


def test_nobody_is_silent_for_longer_than_idle_timeout() -> None:
    talk = silent(idle_timeout=60)
    talk.proxy.wait(61)
    assert talk.client.state == "aborted"
    assert talk.app.state == "aborted"
    assert talk.proxy.context.registry.silent == {}


def test_whoever_is_silent_gives_its_place_to_somebody_else_the_oldest_first() -> None:
    proxy = Proxy(max_connections=20, header_timeout=10)
    first, second = silent(proxy), silent(proxy)
    for _ in range(18):
        Conversation("auto", proxy=proxy).client_sends(request())
    for left, gone in ([second], first), ([], second):
        talk = Conversation("auto", proxy=proxy)
        talk.client_sends(request())
        assert talk.app_got() == request()
        assert gone.client.state == gone.app.state == "aborted"
        assert all(other.client.state == "open" for other in left)
    assert proxy.context.counters.rejected == {"silent": 2}
    late = Conversation("auto", proxy=proxy)
    late.client_sends(request())
    assert late.client_got().startswith(b"HTTP/1.1 503 ")


def test_a_crowd_that_says_nothing_is_no_crowd_at_the_app() -> None:
    proxy = Proxy(max_connections=30, header_timeout=10)
    crowd = [Conversation("auto", proxy=proxy) for _ in range(10)]
    proxy.wait(10)
    states = [talk.client.state for talk in crowd]
    assert (states.count("open"), states.count("aborted")) == (3, 7)
    assert len(proxy.context.registry.sessions) == len(proxy.context.registry.silent) == 3
    assert proxy.context.counters.rejected == {"silent": 7}


def test_leaving_silence_is_closed_after_idle_close() -> None:
    talk = silent(idle_close=5)
    talk.proxy.leaves()
    talk.proxy.wait(4.5)
    assert talk.client.state == "open"
    talk.proxy.wait(1)
    assert talk.client.state == talk.app.state == "closed"


def test_leaving_the_app_is_not_reached_for_whoever_is_silent() -> None:
    talk = Conversation("auto", header_timeout=10, idle_close=60)
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert talk.client.state == "aborted"
    assert not talk.app_was_reached()


def test_the_deadline_ends_silence_too() -> None:
    talk = silent()
    talk.proxy.aborts()
    assert talk.client.state == talk.app.state == "aborted"
    assert talk.proxy.endings == []
    assert talk.proxy.context.registry.silent == {}
