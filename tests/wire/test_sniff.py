"""What the first bytes say, and that nobody gets past the strict parser by cutting them up."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.fields import TEXT, TOKEN
from drainproxy.wire.sniff import HTTP2_PREFACE, Sniffed, sniff

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"]
LONGEST = 8192


def decision(data: bytes) -> Sniffed:
    """What is decided when `data` comes one byte at a time."""
    found = (sniff(data[:end]) for end in range(1, len(data) + 1))
    return next((says for says in found if says is not Sniffed.UNDECIDED), Sniffed.UNDECIDED)


@pytest.mark.parametrize("method", METHODS, ids=bytes.decode)
def test_a_known_method_is_enough(method: bytes) -> None:
    assert sniff(method) is Sniffed.UNDECIDED
    assert sniff(method + b" ") is Sniffed.HTTP1
    assert sniff(method + b"X") is Sniffed.UNDECIDED


@pytest.mark.parametrize("wrong", [b"\0", b"\t", b"\r", b"\n", b"\x0b", b":", b"\xa0"])
def test_a_known_method_that_ends_wrongly_is_http_too(wrong: bytes) -> None:
    assert sniff(b"GET" + wrong) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"FOO /path HTTP/1.1\r\n", id="unknown method"),
        pytest.param(b"get / HTTP/1.1\r\n", id="lower case"),
        pytest.param(b"FOO / HTTP/2.0\r\n", id="unknown version"),
        pytest.param(b"FOO / HTTP/", id="as soon as HTTP/ is there"),
        pytest.param(b" FOO / HTTP/1.1\r\n", id="blank before the method"),
        pytest.param(b"\tFOO\t/\tHTTP/1.1\r\n", id="tabs"),
        pytest.param(b"FOO /\xff\0 HTTP/1.1\r\n", id="binary target"),
        pytest.param(b"{FOO} / HTTP/1.1\r\n", id="method that is no token"),
        pytest.param(b"FOO / HTTP/1.1\n", id="bare LF"),
        pytest.param(b"\r\n\r\nFOO / HTTP/1.1\r\n", id="empty lines before"),
        pytest.param(b"\n\r\nGET /\r\n", id="empty lines before HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", id="almost the preface of HTTP/2"),
        pytest.param(b"PRI * HTTP/1.1\r\n", id="almost the first line of HTTP/2"),
    ],
)
def test_who_says_http_in_the_first_line_of_text_gets_the_strict_parser(data: bytes) -> None:
    assert sniff(data) is decision(data) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03HTTP/", id="TLS"),
        pytest.param(b"AMQP\0\0\x09\x01", id="AMQP"),
        pytest.param(b"\0\0\0\x08\x04\xd2\x16\x2f", id="PostgreSQL asks for TLS"),
        pytest.param(b"\x01\x01\0\x01\0\x08\0\0SERVER_PROTOCOLHTTP/1.1", id="FastCGI"),
        pytest.param(b"\x10\x0e\0\x04MQTT\x04\x02", id="MQTT"),
        pytest.param(b"*1\r\n$4\r\nPING\r\n", id="Redis"),
        pytest.param(b"PING\r\n", id="a word"),
        pytest.param(b"SSH-2.0-OpenSSH_9.0 Debian\r\n", id="SSH"),
        pytest.param(b"get key\r\n", id="memcached"),
        pytest.param(b'{"method": "GET"}\n', id="JSON lines"),
        pytest.param("hallo schöne Welt\n".encode(), id="UTF-8"),
        pytest.param(b"hello\n / HTTP/1.1\r\n", id="HTTP in the second line"),
    ],
)
def test_anything_else_is_something_else(data: bytes) -> None:
    assert sniff(data) is decision(data) is Sniffed.OTHER


@pytest.mark.parametrize("data", [b"\x16", b"AMQP\0", b"\xc3", b'{"\0'])
def test_a_binary_protocol_is_told_at_its_first_odd_byte(data: bytes) -> None:
    assert decision(data[:-1]) is Sniffed.UNDECIDED
    assert sniff(data) is Sniffed.OTHER


def test_http2_is_told_by_its_whole_preface() -> None:
    for end in range(1, len(HTTP2_PREFACE)):
        assert sniff(HTTP2_PREFACE[:end]) is Sniffed.UNDECIDED
    assert sniff(HTTP2_PREFACE) is sniff(HTTP2_PREFACE + b"\0\0\0\4\0") is Sniffed.HTTP2


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\r\n\r", b"G", b"FOO /path HTT", b" ", b"FOO \xff"]
)
def test_what_may_still_become_http_is_waited_for(data: bytes) -> None:
    assert sniff(data) is Sniffed.UNDECIDED


@pytest.mark.parametrize(
    ("start", "filler", "says"),
    [
        pytest.param(b"", b"\r\n", Sniffed.HTTP1, id="empty lines"),
        pytest.param(b"FOO /", b"a", Sniffed.HTTP1, id="target"),
        pytest.param(b" FOO /", b"a", Sniffed.HTTP1, id="blank and target"),
        pytest.param(b"FOO /", b"\0", Sniffed.HTTP1, id="binary target"),
        pytest.param(b"", b"M", Sniffed.HTTP1, id="method"),
        pytest.param(b'{"a": "', b"a", Sniffed.OTHER, id="JSON"),
    ],
)
def test_a_first_line_without_end_is_not_waited_for_for_ever(
    start: bytes, filler: bytes, says: Sniffed
) -> None:
    data = (start + filler * (LONGEST + 1))[: LONGEST + 1]
    assert sniff(data[:-1]) is Sniffed.UNDECIDED
    assert sniff(data) is says


words = st.binary(max_size=6) | st.lists(st.sampled_from(TOKEN), max_size=6).map(bytes)
pieces = words | st.sampled_from(
    [*METHODS, b" ", b"\t", b"\r\n", b"\n", b"/", b"HTTP/1.1", b"HTTP/"]
)
first_bytes = st.lists(pieces, max_size=8).map(b"".join) | st.integers(0, 24).map(
    lambda end: HTTP2_PREFACE[:end] + b" HTTP/1.1\r\n"
)


@given(first_bytes)
def test_more_bytes_never_change_what_was_decided_for_text(data: bytes) -> None:
    # With a byte that no text has it may depend on the cut, which only the next law restricts.
    if data.isascii() and not data.translate(None, TEXT + b"\r\n"):
        assert decision(data) is sniff(data)


@given(st.lists(st.sampled_from(TOKEN), min_size=1).map(bytes), st.binary(max_size=30))
@example(b"FOO", b"/\0")
def test_no_cut_takes_a_request_past_the_strict_parser(method: bytes, target: bytes) -> None:
    line = method + b" " + target.translate(None, b"\n") + b" HTTP/1.1\r\n"
    assert decision(line) is Sniffed.HTTP1
