"""What all sessions have from their base: addresses, back-pressure, apps that come too late."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.address import address_text, client_ip
from drainproxy.relay.route import Route
from drainproxy.relay.session import Session
from drainproxy.relay.turns import APP_IS_FULL, CONNECTING, HELD_IS_FULL
from drainproxy.relay.upstream import UpstreamProtocol
from tests.relay.connection import HIGH_WATER, Connection
from tests.relay.conversation import Conversation, request, response
from tests.relay.frames import PREFACE, settings
from tests.relay.proxy import Proxy

# Addresses


@pytest.mark.parametrize(
    ("address", "text", "ip"),
    [
        (("192.0.2.1", 80), "192.0.2.1:80", "192.0.2.1"),
        (("2001:db8::1", 80, 0, 0), "[2001:db8::1]:80", "2001:db8::1"),
        (("::ffff:192.0.2.1", 80, 0, 0), "192.0.2.1:80", "192.0.2.1"),
        (("::ffff:1:2", 80, 0, 0), "[::ffff:1:2]:80", "::ffff:1:2"),
        ("/run/app.sock", "/run/app.sock", "unknown"),
        ("", "unix", "unknown"),
        (None, "unix", "unknown"),
    ],
)
def test_an_address_as_a_person_writes_it(address: Any, text: str, ip: str) -> None:
    assert address_text(address) == text
    assert client_ip(address) == ip


def test_a_session_knows_its_client() -> None:
    assert Conversation("tcp").session.peer == "192.0.2.7:50000"


# The base alone


def bare() -> Session:
    return Session(Proxy().context, Route("tcp", "app:9000", lambda side: None), "tcp")


def test_what_a_session_does_not_say_itself_is_nothing() -> None:
    session = bare()
    client = Connection(Proxy().soon, session)
    session.connection_made(client)
    session.say_goodbye("drain")
    session.close_if_unused()
    session.say_last_goodbye("deadline")
    session.pause_writing()
    session.resume_writing()
    assert session.path == ""
    assert client.state == "open"
    session.connection_lost(None)
    assert session.context.registry.sessions == set()


def test_the_deadline_of_a_session_that_says_nothing_else_ends_it() -> None:
    session = bare()
    client = Connection(Proxy().soon, session)
    session.connection_made(client)
    session.on_deadline()
    assert client.state == "aborted"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 7)), max_size=20))
def test_reading_goes_on_when_no_reason_against_it_is_left(story: list[tuple[bool, int]]) -> None:
    session = bare()
    client = Connection(Proxy().soon, session)
    session.connection_made(client)
    reasons: set[int] = set()
    for stops, bits in story:
        named = {bit for bit in (APP_IS_FULL, HELD_IS_FULL, CONNECTING) if bits & bit}
        if stops:
            for bit in named:
                session.stop_client(bit)
            reasons |= named
        else:
            session.start_client(bits)
            reasons -= named
        assert client.is_reading() == (not reasons)


# Back-pressure through a session


def test_two_reasons_at_once_both_have_to_pass() -> None:
    talk = Conversation()
    first, ahead = (request(method="POST", body=b"x" * (2 * HIGH_WATER)) for _ in range(2))
    talk.client_sends(first[:100])
    talk.app_stops_reading()
    talk.client_sends(first[100:] + ahead)
    assert not talk.client.is_reading()
    talk.app_reads()
    assert talk.app_got() == first
    assert not talk.client.is_reading(), "what was sent ahead still fills our buffer"
    talk.app_sends(response())
    assert talk.client.is_reading()
    assert talk.app_got() == ahead


def test_an_app_that_is_dropped_does_not_stop_the_client_for_ever() -> None:
    talk = Conversation()
    upload = request(method="POST", body=b"x" * (4 * HIGH_WATER))
    talk.client_sends(upload[:100])
    talk.app_stops_reading()
    talk.client_sends(upload[100 : 2 * HIGH_WATER])
    assert not talk.client.is_reading()
    talk.app_resets()
    assert talk.client_got().startswith(b"HTTP/1.1 502 ")
    assert talk.client.is_reading(), "so that the client gets to read its answer"


def test_a_client_that_does_not_read_stops_the_next_app_connection_too() -> None:
    """An app that closes after each answer, and a client that asks on without reading."""
    talk = Conversation()
    talk.client_stops_reading()
    talk.client_sends(request("/1") + request("/2") + request("/3"))
    talk.app_sends(response(body=b"x" * (HIGH_WATER + 1)))
    assert not talk.app.is_reading()
    talk.app_resets()
    assert len(talk.apps) == 2
    talk.app_sends(response(body=b"y" * HIGH_WATER))
    assert talk.app.waiting, "our memory is bounded, whatever the app says"
    talk.client_reads()
    assert talk.app.waiting == 0
    assert talk.client_got().count(b"y") == HIGH_WATER


def test_a_client_that_reads_again_does_not_stop_the_next_app_connection() -> None:
    talk = Conversation()
    talk.client_sends(request("/1"))
    talk.client_stops_reading()
    talk.app_sends(response(body=b"x" * HIGH_WATER))
    assert not talk.app.is_reading()
    talk.client_reads()
    talk.app_ends()
    talk.client_sends(request("/2"))
    assert len(talk.apps) == 2
    assert talk.app.is_reading()


def test_a_switch_of_sessions_does_not_forget_that_the_client_is_full() -> None:
    talk = Conversation("tcp")
    talk.client_stops_reading()
    talk.app_sends(b"x" * (HIGH_WATER + 1))
    heir = bare()
    heir.context = talk.proxy.context
    heir.take_over(talk.session)
    late = Connection(talk.proxy.soon, heir)
    heir.app_connected(late)
    assert not late.is_reading()
    talk.client_reads()
    assert late.is_reading()


# Apps that come too late


def test_an_app_that_accepts_too_late_is_let_go() -> None:
    talk = Conversation(app_listens=False, request_timeout=5)
    talk.client_sends(request())
    (knock,) = talk.knocks
    talk.proxy.wait(6)
    assert talk.client_got().startswith(b"HTTP/1.1 504 ")
    talk.app_accepts()
    assert talk.app.state == "aborted"
    assert talk.app.received == b""
    knock.refused("again")
    knock.pause_writing()
    knock.resume_writing()
    assert knock.eof_received() is False
    knock.connection_lost(None)
    assert talk.client_got() == b""
    assert talk.proxy.endings == [("http1", "app_left")]


ASKS = {
    "http": request(),
    "tcp": b"\0hello",
    "auto": request(),
    "auto, HTTP/2": PREFACE + settings(),
    "auto, TCP": b"\0hello",
}


@pytest.mark.parametrize("end", ["client leaves", "deadline", "cut"])
@pytest.mark.parametrize("asks", ASKS)
def test_a_connection_that_nobody_waits_for_any_more_is_not_made(asks: str, end: str) -> None:
    talk = Conversation(asks.partition(",")[0], app_listens=False, forwarded=False)
    given_up: list[UpstreamProtocol] = []
    talk.session.route = replace(talk.session.route, give_up=given_up.append)
    talk.client_sends(ASKS[asks])
    (knock,) = talk.knocks
    if end == "client leaves":
        talk.client_resets()
    elif end == "cut":
        talk.proxy.says_last_goodbyes()
        talk.proxy.aborts()
    else:
        talk.proxy.aborts()
    talk.proxy.settle()
    assert given_up == [knock]


def test_a_connection_that_was_made_is_closed_and_not_given_up() -> None:
    talk = Conversation()
    talk.session.route = replace(talk.session.route, give_up=pytest.fail)
    talk.client_sends(request())
    talk.client_resets()
    assert talk.app.state == "aborted"
