"""What a line of the access log says."""

from drainproxy.relay.context import Access
from drainproxy.sidecar.access_lines import fields, trace_of
from drainproxy.wire.logged import Facts
from tests.drain.work import Work
from tests.relay.conversation import Conversation
from tests.relay.frames import GET
from tests.relay.proxy import Proxy
from tests.relay.streams import begun

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def access(facts: Facts) -> Access:
    return Access("http1", "192.0.2.7:50000", "GET", "/x", 200, 0.1234567, 512, facts)


def test_a_line_tells_who_what_how_long_and_how_much() -> None:
    assert fields(access({})) == {
        "kind": "http1",
        "peer": "192.0.2.7:50000",
        "status": 200,
        "seconds": 0.123457,
        "bytes": 512,
    }


def test_it_tells_host_agent_and_ids_where_they_come() -> None:
    told = {
        b"host": b"shop.example",
        b"user-agent": "café/1".encode(),
        b"x-request-id": b"7-7",
        b"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01".encode(),
    }

    assert fields(access(told)) == fields(access({})) | {
        "host": "shop.example",
        "user_agent": "café/1",
        "request_id": "7-7",
        "trace_id": TRACE,
    }


def test_what_is_in_flight_has_its_trace_too() -> None:
    head = f"GET / HTTP/1.1\r\nHost: a\r\nTraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n\r\n"
    talk = Conversation()
    talk.client_sends(head.encode())
    proxy = Proxy()
    streaming = begun(proxy)
    parent = f"00-{TRACE}-00f067aa0ba902b7-01".encode()
    for stream in (1, 3):
        streaming.client_asks(stream, (*GET, (b"traceparent", parent)))

    (exchange,) = talk.proxy.context.ledger.holds
    assert trace_of(exchange) == {"trace_id": TRACE}
    assert [trace_of(each) for each in proxy.context.ledger.oldest(9)] == 2 * [{"trace_id": TRACE}]
    assert trace_of(Work()) == {}


def test_what_is_odd_or_endless_makes_no_odd_or_endless_line() -> None:
    told = {b"user-agent": b"\xff" + b"x" * 5000, b"traceparent": b"\xff"}

    found = fields(access(told))
    assert len(found["user_agent"]) == 200
    assert "trace_id" not in found
