"""An event stream to a client that is unreachable is cut, and has heard no goodbye."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.relay.conversation import Conversation, chunk, head, request
from tests.relay.frames import CALL, EVENTS, GET, GRPC_OK, data
from tests.relay.proxy import Proxy
from tests.relay.streams import answered

CHUNKED = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
UNTIL_CLOSE = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream")
EVENT = b"data: 1\n\n"


def over_http1(begin: bytes, event: bytes) -> Conversation:
    talk = Conversation(idle_close=60)
    talk.client_sends(request())
    talk.app_sends(begin + event)
    return talk


def over_http2(**about: Any) -> Conversation:
    talk = answered(GET, EVENTS, **about)
    talk.app_sends(data(1, EVENT))
    return talk


def grpc() -> Conversation:
    return answered(CALL, GRPC_OK, kinds_ended_by_drain=frozenset({"grpc"}))


TALKS = pytest.mark.parametrize(
    ("begun", "kind"),
    [
        pytest.param(lambda: over_http1(CHUNKED, chunk(EVENT)), "sse", id="chunked"),
        pytest.param(lambda: over_http1(UNTIL_CLOSE, EVENT), "sse", id="until close"),
        pytest.param(over_http2, "sse", id="HTTP/2"),
        pytest.param(grpc, "grpc", id="gRPC"),
    ],
)
Begun = Callable[[], Conversation]


@TALKS
def test_whoever_takes_it_has_heard_a_goodbye(begun: Begun, kind: str) -> None:
    talk = begun()
    talk.client_stops_reading()
    talk.proxy.leaves()
    talk.proxy.wait(3)
    assert talk.proxy.in_flight == {kind: 1}, "it is on its way"
    talk.client_reads()
    talk.proxy.wait(0.25)
    assert talk.proxy.endings == [(kind, "goodbye")]


@TALKS
@pytest.mark.parametrize("end", [Proxy.aborts, lambda proxy: proxy.wait(30)])
def test_whoever_never_takes_it_is_cut(
    begun: Begun, kind: str, end: Callable[[Proxy], None]
) -> None:
    talk = begun()
    talk.client_stops_reading()
    talk.proxy.leaves()
    talk.proxy.wait(3)
    end(talk.proxy)
    talk.proxy.context.deliveries.abandon()
    assert talk.proxy.endings == [(kind, "cut")]
    assert talk.proxy.in_flight == {}


@TALKS
def test_a_client_that_the_system_has_given_up_is_cut(begun: Begun, kind: str) -> None:
    talk = begun()
    talk.client_stops_reading()
    talk.proxy.leaves()
    talk.proxy.wait(3)
    talk.client._lose("left", TimeoutError(110, "Connection timed out"))
    talk.proxy.settle()
    assert talk.proxy.endings == [(kind, "cut")]


def test_the_report_says_how_what_blocked_has_ended() -> None:
    talk = over_http1(CHUNKED, chunk(EVENT))
    ledger = talk.proxy.context.ledger
    (hold,) = ledger.holds
    ledger.watch([hold])
    talk.client_stops_reading()
    talk.proxy.leaves()
    talk.proxy.wait(3)
    assert ledger.watched == {hold: None}
    talk.proxy.context.deliveries.abandon()
    assert ledger.watched == {hold: 4}
