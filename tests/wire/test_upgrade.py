"""What Upgrade means to a hop (RFC 9110 7.8): an offer that it may ignore; and what a 101 says."""

import pytest

from drainproxy.wire.http1 import Request, parse_request, switched_to
from tests.wire.heads import request_of, response_of, status_of

CONNECTION = b"Connection: upgrade"
TLS = (CONNECTION, b"Upgrade: TLS/1.2")
SWITCHING = b"HTTP/1.1 101 Switching Protocols"
BODIES = {"length": b"Content-Length: 5", "chunked": b"Transfer-Encoding: chunked"}


def lines_of(request: Request) -> list[bytes]:
    """Without the request line and Host."""
    return request.head.split(b"\r\n")[2:-2]


@pytest.mark.parametrize(
    ("fields", "line", "upgrade"),
    [
        ([b"Connection: Upgrade", b"Upgrade: WebSocket"], b"GET / HTTP/1.1", b"websocket"),
        ([b"Upgrade: websocket", b"Connection: x, upgrade"], b"GET / HTTP/1.1", b"websocket"),
        ([b"Connection: x", b"Connection: upgrade", b"Upgrade: y"], b"GET / HTTP/1.1", b"y"),
        ([b"Connection: upgrade", b"Upgrade: a", b"Upgrade:b"], b"GET / HTTP/1.1", b"a,b"),
        ([b"Connection: upgrade", b"Upgrade:"], b"GET / HTTP/1.1", b""),
        ([b"Connection: upgrade"], b"GET / HTTP/1.1", b""),
        ([b"Upgrade: websocket"], b"GET / HTTP/1.1", b""),
        ([b"Connection: x", b"Upgrade: websocket"], b"GET / HTTP/1.1", b""),
        ([b"Connection: upgrade", b"Upgrade: websocket"], b"GET / HTTP/1.0", b""),
    ],
)
def test_an_upgrade_is_asked_for_in_1_1_by_connection_and_upgrade(
    fields: list[bytes], line: bytes, upgrade: bytes
) -> None:
    assert request_of(*fields, line=line).upgrade == upgrade


def test_h2c_is_taken_out_before_the_request_counts_as_an_upgrade() -> None:
    fields = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x"]
    request = request_of(*fields, b"Content-Length: 5")

    assert (request.upgrade, request.length) == (b"", 5)
    assert request.head == b"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize(
    "offer",
    [
        *(b"TLS/1.2", b"TLS/1.0", b"TLS/1.3", b"tls", b"TLS/1.0, HTTP/1.1", b"TLS/1.3,TLS/1.2"),
        *(b"h2c", b"H2C", b"h2", b"h2, h2c", b"HTTP/2.0", b"HTTP/3, TLS/1.2", b"TLS/1.2,"),
    ],
)
@pytest.mark.parametrize("body", [[], [BODIES["length"]], [BODIES["chunked"]]])
def test_what_no_hop_acts_on_is_dropped_with_a_body_or_without(
    offer: bytes, body: list[bytes]
) -> None:
    """RFC 2817 3.1 offers TLS so; RFC 9113 3.1 has withdrawn h2c."""
    request = request_of(CONNECTION, b"Upgrade: " + offer, *body)
    assert request.upgrade == b""
    assert lines_of(request) == body


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS"])
def test_a_client_that_offers_tls_with_each_request_asks_what_any_other_does(
    method: bytes,
) -> None:
    offers = request_of(*TLS, line=method + b" / HTTP/1.1")
    plain = request_of(line=method + b" / HTTP/1.1")
    assert (offers.head, offers.replayable) == (plain.head, plain.replayable)


@pytest.mark.parametrize(
    ("offer", "left"),
    [
        (b"websocket, TLS/1.2", b"websocket"),
        (b"TLS/1.2, WebSocket", b"websocket"),
        (b"h2c, websocket", b"websocket"),
        (b"HTTP/2.0, SHTTP/1.3, IRC/6.9, RTA/x11", b"shttp/1.3,irc/6.9,rta/x11"),
    ],
)
def test_of_several_offers_the_others_are_left(offer: bytes, left: bytes) -> None:
    request = request_of(b"A: b", b"Connection: upgrade, x", b"Upgrade: " + offer)
    assert request.upgrade == left
    assert lines_of(request) == [b"A: b", b"Upgrade: " + left, b"Connection: x, upgrade"]


@pytest.mark.parametrize("offer", [b"websocket", b"foo/1", b"SPDY/3.1", b"a, b"])
def test_what_an_app_may_act_on_passes_to_the_letter(offer: bytes) -> None:
    request = request_of(b"connection: Upgrade", b"upgrade: " + offer)
    assert lines_of(request) == [b"connection: Upgrade", b"upgrade: " + offer]
    assert request.upgrade == offer.lower().replace(b" ", b"")


@pytest.mark.parametrize("offer", [b"websocket", b"foo/1", b"TLS/1.2", b"h2c", b"websocket, h2c"])
@pytest.mark.parametrize("body", [[], [b"Content-Length: 5"]])
def test_http_1_0_upgrades_to_nothing(offer: bytes, body: list[bytes]) -> None:
    """7.8: a server MUST ignore an Upgrade that is received in an HTTP/1.0 request; some switch all
    the same."""
    request = request_of(CONNECTION, b"Upgrade: " + offer, *body, line=b"GET / HTTP/1.0")
    response = response_of(b"Upgrade: " + offer, line=SWITCHING)
    assert (request.upgrade, switched_to(request, response)) == (b"", b"")
    assert lines_of(request) == body


@pytest.mark.parametrize("offer", [b"websocket", b"foo/1", b"TLS/1.2"])
@pytest.mark.parametrize("connection", [[], [b"Connection: x"], [b"Connection: close"]])
def test_an_offer_that_connection_does_not_name_is_none(
    offer: bytes, connection: list[bytes]
) -> None:
    """7.8: a sender of Upgrade MUST also send an "upgrade" connection option. An app that switches
    to it all the same is broken."""
    request = request_of(*connection, b"Upgrade: " + offer)
    kept = [] if offer == b"TLS/1.2" else [b"Upgrade: " + offer]
    assert (request.upgrade, lines_of(request)) == (b"", [*connection, *kept])
    partly = request_of(*connection, b"Upgrade: h2c, " + offer)
    assert (partly.upgrade, lines_of(partly)) == (b"", connection)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("offer", [b"foo/1", b"tcp", b"SPDY/3.1, TLS/1.2"])
def test_an_offer_with_a_body_is_ignored(offer: bytes, body: bytes) -> None:
    """Parsers disagree on whether that is a body; where nobody hears of an offer it is one."""
    request = request_of(CONNECTION, b"Upgrade: " + offer, body)
    assert (request.upgrade, lines_of(request)) == (b"", [body])


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("offer", [b"websocket", b"WebSocket", b"TLS/1.2, websocket"])
@pytest.mark.parametrize("connection", [[CONNECTION], []])
def test_a_websocket_with_a_body_is_an_attack(
    connection: list[bytes], offer: bytes, body: bytes
) -> None:
    """RFC 6455 4.1: its handshake is a GET, which has none."""
    assert status_of(*connection, b"Upgrade: " + offer, body) == 400


@pytest.mark.parametrize("length", [b"Content-Length: 0"])
def test_an_empty_body_is_none(length: bytes) -> None:
    assert request_of(CONNECTION, b"Upgrade: websocket", length).upgrade == b"websocket"


@pytest.mark.parametrize(
    ("offer", "answer", "protocol"),
    [
        (b"websocket", b"websocket", b"websocket"),
        (b"websocket", b"WebSocket", b"websocket"),
        (b"WebSocket, foo", b"websocket", b"websocket"),
        (b"websocket, foo", b"foo", b"foo"),
        (b"foo/1, foo/2", b"foo/2", b"foo/2"),
        (b"foo", b"foo/2", b"foo/2"),
        (b"a, b, c", b"b, a", b"b, a"),
        (b"websocket, foo", b"foo, websocket", b"foo, websocket"),
        # Of what was not offered nothing is taken.
        (b"websocket", b"foo", b""),
        (b"foo", b"websocket", b""),
        (b"websocket", b"websocket, foo", b""),
        (b"TLS/1.2", b"TLS/1.2", b""),
        (b"websocket, h2c", b"h2c", b""),
        (b"websocket", b"", b""),
    ],
)
def test_what_was_switched_to_is_read_in_the_101(
    offer: bytes, answer: bytes, protocol: bytes
) -> None:
    """7.8: a server MUST say what it switches to, and MUST NOT switch to what was not indicated."""
    request = request_of(CONNECTION, b"Upgrade: " + offer)
    response = response_of(b"Connection: upgrade", b"Upgrade: " + answer, line=SWITCHING)
    assert switched_to(request, response) == protocol


def test_a_101_without_a_protocol_switches_to_none() -> None:
    for connection in (b"Connection: upgrade", b"Connection: x"):
        request = request_of(connection, b"Upgrade: websocket")
        assert switched_to(request, response_of(line=SWITCHING)) == b""


def test_several_fields_are_one_list() -> None:
    request = request_of(CONNECTION, b"Upgrade: a", b"Upgrade: TLS/1.2", b"Upgrade: b")
    response = response_of(b"Upgrade: a", b"Upgrade: b", line=SWITCHING)
    assert (request.upgrade, switched_to(request, response)) == (b"a,b", b"a,b")


def test_a_head_that_was_changed_means_what_it_meant() -> None:
    request = request_of(*TLS, b"A: b")
    assert parse_request(request.head, 100).head == request.head
