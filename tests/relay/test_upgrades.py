"""After a 101: opaque tunnels and WebSockets, both ways, to the deadline."""

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay import streams
from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import WEBSOCKET
from tests.relay.upgraded import (
    ECHO,
    FRAGMENT,
    GOING_AWAY,
    LAST_FRAGMENT,
    OUR_CLOSE_TO_APP,
    SHOUT,
    SWITCH,
    TEXT,
    UPGRADE,
    websocket,
)

# Passing


def test_a_websocket_is_one_after_the_apps_101_only() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, SHOUT)
    assert talk.app_got() == UPGRADE
    assert talk.proxy.in_flight == {"http1": 1}
    talk.app_sends(SWITCH)
    assert talk.app_got() == SHOUT
    assert talk.proxy.in_flight == {"websocket": 1}
    assert talk.proxy.endings == [("http1", "finished")]
    counters = talk.proxy.context.counters
    assert counters.codes["http1"] == {101: 1}
    assert counters.connections == {"http1": 1, "websocket": 1}
    assert talk.session.path == "/chat"
    assert talk.session.peer == "192.0.2.7:50000"


@pytest.mark.parametrize("protocol", ["websocket", "other"])
@pytest.mark.parametrize("parent", [None, b"00-1-2-01"])
def test_what_was_upgraded_goes_on_in_its_trace(protocol: str, parent: bytes | None) -> None:
    """Alone: a host or an agent would be memory for as long as it lasts."""
    mine = [] if parent is None else [f"Traceparent: {parent.decode()}"]
    fields = ("Connection: Upgrade", f"Upgrade: {protocol}", *mine)
    talk = Conversation()
    talk.client_sends(request("/chat", *fields))
    talk.app_sends(head("HTTP/1.1 101 Switching Protocols", *fields[:2]))
    assert talk.session.facts == ({} if parent is None else {b"traceparent": parent})


def test_what_the_app_says_right_after_its_101_is_a_frame() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCH + TEXT)
    assert talk.client_got() == SWITCH + TEXT


def test_frames_pass_both_ways_as_they_come() -> None:
    talk = websocket()
    for piece in (TEXT[:1], TEXT[1:], FRAGMENT + LAST_FRAGMENT[:1], LAST_FRAGMENT[1:]):
        talk.app_sends(piece)
        assert talk.client_got() == piece
    for octet in SHOUT:
        talk.client_sends(bytes((octet,)))
        assert talk.app_got() == bytes((octet,))


def test_much_that_was_sent_ahead_of_the_101_is_read_on_after_it() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, b"x" * (HIGH_WATER + 1))
    assert not talk.client.is_reading()
    talk.app_sends(SWITCH)
    assert talk.client.is_reading()
    assert len(talk.app_got()) == len(UPGRADE) + HIGH_WATER + 1


def test_a_client_that_ended_before_the_101_is_at_its_end_after_it() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.client_ends()
    talk.app_sends(SWITCH)
    assert talk.app.state == "half-closed"
    talk.app_ends()
    assert talk.client.state == "closed"
    # The app has not said Close, which the client may still read.
    assert talk.client_got() == SWITCH + close_frame(1014, "the app has gone")
    assert talk.proxy.endings == [("http1", "finished"), ("websocket", "app_left")]


def test_the_handshake_of_app_and_client_is_their_own() -> None:
    talk = websocket()
    apps = close_frame(4000, "app says so")
    talk.app_sends(apps)
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.client_sends(ECHO)
    assert talk.client_got() == apps
    assert talk.app_got() == ECHO
    talk.app_ends()
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "finished")]


def test_a_client_that_closes_by_itself_hears_only_the_apps_echo() -> None:
    talk = websocket()
    talk.client_sends(ECHO)
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.app_sends(close_frame(1000))
    assert talk.client_got() == close_frame(1000)
    talk.app_ends()
    talk.client_ends()
    assert talk.proxy.endings[1:] == [("websocket", "finished")]
    assert talk.proxy.context.counters.goodbyes == {}


def test_an_upgrade_to_something_else_is_an_opaque_tunnel() -> None:
    talk = Conversation()
    talk.client_sends(request("/x", "Connection: upgrade", "Upgrade: other/1"))
    talk.app_sends(
        head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1") + b"\x88\x00"
    )
    assert talk.client_got().endswith(b"\r\n\r\n\x88\x00")
    assert talk.proxy.in_flight == {"tcp": 1}
    assert talk.session.path == "/x"
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.app_sends(b"anything")
    assert talk.client_got() == b"anything"
    talk.proxy.aborts()
    assert talk.proxy.endings[1:] == [("tcp", "cut")]


# What an offer becomes: RFC 9110 7.8

OFFERS_TLS = ("Connection: Upgrade", "Upgrade: TLS/1.2")


@pytest.mark.parametrize("leaving", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
@pytest.mark.parametrize("offer", ["TLS/1.2", "TLS/1.0, HTTP/1.1", "h2c", "HTTP/2.0"])
def test_who_offers_what_nobody_acts_on_is_served_as_any_other(
    offer: str, method: str, leaving: bool
) -> None:
    body = b"hello" if method in ("POST", "PUT") else b""
    talk = Conversation()
    if leaving:
        talk.proxy.leaves()
    asked = request("/", "Connection: Upgrade", "Upgrade: " + offer, method=method, body=body)
    talk.client_sends(asked)
    assert talk.app_got() == request("/", method=method, body=body)
    talk.app_sends(response(204, body=b""))
    heard = talk.client_got()
    assert heard.startswith(b"HTTP/1.1 204 ")
    assert (b"\r\nConnection: close\r\n" in heard) == leaving
    assert dict(talk.proxy.context.counters.rejected) == {}


def test_a_client_that_offers_tls_keeps_its_connection() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.client_sends(request("/", *OFFERS_TLS))
        assert talk.app_got() == request("/")
        talk.app_sends(response())
        assert talk.client_got() == response()


@pytest.mark.parametrize("offer", ["websocket, other/1", "TLS/1.2, websocket", "a, WebSocket"])
def test_a_websocket_among_other_offers_is_one_once_the_app_says_so(offer: str) -> None:
    talk = Conversation()
    talk.client_sends(request("/chat", "Connection: Upgrade", "Upgrade: " + offer))
    talk.app_sends(SWITCH + TEXT)
    assert talk.proxy.in_flight == {"websocket": 1}
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == SWITCH + TEXT + GOING_AWAY


def test_of_several_offers_that_counts_which_the_app_has_taken() -> None:
    talk = Conversation()
    talk.client_sends(request("/x", "Connection: Upgrade", "Upgrade: websocket, other/1"))
    talk.app_sends(head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1"))
    assert talk.proxy.in_flight == {"tcp": 1}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (request("/", *OFFERS_TLS), "TLS/1.2"),
        (request("/", "Connection: Upgrade", "Upgrade: other"), "websocket"),
        (request("/", "Connection: Upgrade", "Upgrade: websocket"), "other"),
        (request("/", "Upgrade: websocket"), "websocket"),
        (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), "websocket"),
        (request("/", "Connection: Upgrade", "Upgrade: other", method="POST", body=b"x"), "other"),
    ],
)
def test_an_app_that_switches_to_what_was_not_offered_is_broken(asked: bytes, answer: str) -> None:
    talk = Conversation()
    talk.client_sends(asked)
    talk.app_sends(head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: " + answer))
    assert talk.client_got().startswith(b"HTTP/1.1 502 ")


# Leaving and upgrades


def test_an_upgrade_on_its_way_when_the_drain_begins_hears_its_goodbye() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE)
    talk.proxy.leaves()
    talk.app_sends(SWITCH + TEXT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == SWITCH + TEXT + GOING_AWAY


def test_websockets_that_wait_for_the_deadline_hear_nothing_before() -> None:
    talk = websocket(kinds_ended_by_drain=frozenset())
    late = Conversation(proxy=talk.proxy)
    late.client_sends(UPGRADE)
    talk.proxy.leaves()
    late.app_sends(SWITCH)
    assert talk.client_got() == b""
    assert late.client_got() == SWITCH
    talk.proxy.says_last_goodbyes()
    assert talk.client_got() == GOING_AWAY
    assert late.client_got() == GOING_AWAY
    assert talk.proxy.context.counters.goodbyes == {("websocket", "deadline"): 2}


# The deadline


def test_cutting_takes_the_end_of_any_frame() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    assert talk.client_got() == FRAGMENT + GOING_AWAY
    assert talk.proxy.context.counters.goodbyes == {("websocket", "drain"): 1}


def test_cutting_in_a_frame_waits_for_its_end() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:2])
    talk.proxy.says_last_goodbyes()
    talk.app_sends(FRAGMENT[2:] + TEXT)
    assert talk.client_got() == FRAGMENT + GOING_AWAY


def test_the_end_closes_what_has_heard_nothing_and_tells_the_app() -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:2])
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.client_got() == FRAGMENT[:2]
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.app_got() == OUR_CLOSE_TO_APP
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


@pytest.mark.parametrize("open_frame", [b"", FRAGMENT[:-1]])
def test_idle_timeout_ends_a_websocket(open_frame: bytes) -> None:
    talk = websocket(idle_timeout=60)
    talk.app_sends(open_frame)
    talk.proxy.wait(66)
    assert talk.client.state == "closed"
    assert talk.app_got() == OUR_CLOSE_TO_APP


def test_a_client_that_takes_nothing_is_not_kept_for_ever() -> None:
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(TEXT)
    talk.proxy.leaves()
    talk.proxy.wait(5.25)
    assert talk.proxy.in_flight == {}
    assert not talk.client.lost, "it may still read what was written"
    talk.proxy.wait(5)
    assert talk.client.state == "reset"
    assert talk.proxy.context.registry.sessions == set()
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


def test_the_deadline_does_not_wait_for_a_client_that_takes_nothing() -> None:
    talk = websocket()
    talk.client_stops_reading()
    talk.app_sends(close_frame(1000))
    talk.client_ends()
    talk.app_ends()
    assert not talk.client.lost
    talk.proxy.aborts()
    assert talk.client.state == "reset"
    assert talk.proxy.endings[1:] == [("websocket", "cut")]


# An app that refuses


def test_after_a_refused_upgrade_what_waited_is_the_next_request() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE + request("/next"))
    talk.app_sends(response(426))
    assert talk.client_got() == response(426)
    assert talk.app_got() == UPGRADE + request("/next")
    talk.app_sends(response(200))
    assert talk.client_got() == response(200)


def test_frames_after_a_refused_upgrade_never_reach_the_app() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE, SHOUT + b"\r\n\r\n")
    talk.app_sends(response(403))
    assert talk.app_got() == UPGRADE
    assert talk.client_got().startswith(response(403) + b"HTTP/1.1 400 ")


# An app that may ignore it (RFC 9110 7.8)


@pytest.mark.parametrize("offer", ["foo/1", "SPDY/3.1", "foo/1, IRC/6.9", "TLS/1.2"])
def test_an_offer_that_is_no_websocket_is_for_the_app_to_take_or_not_to_the_end(offer: str) -> None:
    talk = Conversation()
    talk.proxy.closes()
    talk.client_sends(request("/", "Connection: upgrade", f"Upgrade: {offer}"))
    talk.app_sends(response(200))
    assert talk.client_got().startswith(b"HTTP/1.1 200 ")
    assert talk.proxy.context.counters.rejected == {}


def test_over_http2_it_is_the_same_with_an_extended_connect() -> None:
    """RFC 8441 4; RFC 9298 3.4 asks so for UDP."""
    talk = streams.asked()
    talk.proxy.leaves()
    talk.proxy.closes()
    others = (field for field in WEBSOCKET if field[0] != b":protocol")
    talk.client_asks(3, ((b":protocol", b"connect-udp"), *others), end=False)
    assert [heard[:2] for heard in talk.app_hears()] == [("headers", 3)]
    assert talk.rejected == {}


def test_a_websocket_that_begins_when_nobody_listens_any_more_is_refused() -> None:
    talk = Conversation()
    talk.proxy.closes()
    talk.client_sends(UPGRADE)
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    assert talk.proxy.context.counters.rejected == {"leaving": 1}
