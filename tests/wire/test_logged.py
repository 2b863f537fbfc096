"""What the access log is told of a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.hpack import TRACED
from drainproxy.wire.logged import TRACE as FIELD
from drainproxy.wire.logged import OnlyTrace, of_fields, of_head, only_facts, trace_id
from tests.wire.hpack_blocks import huffman

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_head_tells_who_asked_whom_in_which_trace() -> None:
    head = (
        b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent:  curl/8 \t\r\nX-Request-ID: 7\r\n"
        b"X-Host: no\r\nTraceParent: 00-1-2-01\r\nhost: second\r\n\r\n"
    )

    assert of_head(head) == {
        b"host": b"a.example",
        b"user-agent": b"curl/8",
        b"x-request-id": b"7",
        b"traceparent": b"00-1-2-01",
    }


def test_a_long_head_is_cut_to_what_it_tells() -> None:
    facts = b"\r\nHost: a.example\r\nuser-agent: me"
    head = b"GET / HTTP/1.1\r\nCookie: " + b"c" * 9000 + facts + b"\r\nAccept: a/b\r\n\r\n"
    assert only_facts(head) == facts + b"\r\n\r\n"
    assert of_head(only_facts(head)) == of_head(head)
    assert only_facts(b"GET / HTTP/1.1\r\n\r\n") == b"\r\n\r\n"


def test_the_fields_of_http2_tell_the_same() -> None:
    fields = [
        (b":method", b"GET"),
        (b":authority", b"a.example"),
        (b"host", b"b.example"),
        (b"user-agent", b"one"),
        (b"user-agent", b"two"),
        (b"accept", b"*/*"),
    ]

    assert of_fields(fields) == {b"host": b"a.example", b"user-agent": b"one"}


def test_without_an_authority_the_host_is_the_field() -> None:
    assert of_fields([(b"host", b"b.example")]) == {b"host": b"b.example"}


@pytest.mark.parametrize("coded", [True, False])
def test_a_trace_alone_is_decoded_when_it_is_asked_for(coded: bool) -> None:
    value = huffman(PARENT.encode()) if coded else PARENT.encode()
    facts = OnlyTrace((TRACED, 0, (FIELD, value), coded))
    assert dict(facts) == {FIELD: PARENT.encode()}
    assert len(facts) == 1
    assert b"host" not in facts
    assert facts.get(b"host", b"") == b""


@pytest.mark.parametrize("parent", [PARENT, f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later"])
def test_a_trace_has_an_id(parent: str) -> None:
    assert trace_id(parent) == TRACE


@pytest.mark.parametrize(
    "parent",
    [
        *("", "00", PARENT.upper(), PARENT[:-1], PARENT + "x", PARENT + "-x", "ff" + PARENT[2:]),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_what_is_no_traceparent_has_none(parent: str) -> None:
    assert trace_id(parent) == ""


@given(st.binary(max_size=200))
def test_no_head_is_too_odd(head: bytes) -> None:
    assert set(of_head(b"GET / HTTP/1.1\r\n" + head)) <= {
        *(b"host", b"user-agent", b"x-request-id", b"traceparent")
    }
