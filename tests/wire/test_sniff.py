"""What the first bytes say, and that nobody gets past the strict parser by cutting them up."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drainproxy.wire.fields import TEXT, TOKEN
from drainproxy.wire.sniff import BLANKS, HTTP2_PREFACE, Doubt, Sniffed, sniff
from tests.wire.drawn import among, pieces, places
from tests.wire.lenient_servers import (
    cheroot_serves,
    node_serves,
    waitress_serves,
    wsgiref_serves,
)
from tests.wire.segments import bytewise, segments_of

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"]
LONGEST = 8192


def decision(data: bytes) -> Sniffed:
    """What is decided when `data` comes one byte at a time."""
    found = (sniff(data[:end]) for end in range(1, len(data) + 1))
    return next((says for says in found if says is not Sniffed.UNDECIDED), Sniffed.UNDECIDED)


@pytest.mark.parametrize("method", METHODS, ids=bytes.decode)
def test_a_known_method_is_enough(method: bytes) -> None:
    assert sniff(method) is Sniffed.UNDECIDED
    assert sniff(method + b" /") is Sniffed.HTTP1
    # SIP and ICAP have OPTIONS too.
    assert sniff(method + b" ") is (Sniffed.UNDECIDED if method == b"OPTIONS" else Sniffed.HTTP1)
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


# What other protocols share with HTTP


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"OPTIONS sip:a SIP/2.0",
            b"OPTIONS sips:a@b:5061;x=y SIP/2.0",
            b"OPTIONS tel:+1 SIP/2.0",
        ),
        *(b"OPTIONS icap://a/b ICAP/1.0", b"REQMOD icap://a/b ICAP/1.0", b"INVITE sip:a SIP/2.0"),
        *(b"REGISTER sip:a SIP/2.0", b"CONNECT", b"STOMP"),
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_whole_first_line_of_sip_icap_or_stomp_is_something_else(line: bytes, end: bytes) -> None:
    for length in range(1, len(line) + 1):
        assert sniff(line[:length]) is Sniffed.UNDECIDED
    assert sniff(line + end) is decision(line + end + b"a: b\r\n") is Sniffed.OTHER


@pytest.mark.parametrize(
    "data",
    [
        *(b"OPTIONS * HTTP/1.1\r\n", b"OPTIONS / SIP/2.0\r\n", b"OPTIONS http://a SIP/2.0\r\n"),
        *(b"OPTIONS sip:a HTTP/1.1\r\n", b"OPTIONS sip:a  SIP/2.0\r\n", b"OPTIONS sip:a\r\n"),
        *(
            b"OPTIONS sip:a SIP/2.0 \r\n",
            b"OPTIONS sip:a x SIP/2.0\r\n",
            b"\nOPTIONS sip:a SIP/2.0\n",
        ),
        *(b"GET sip:a SIP/2.0\r\n", b"CONNECT a:1\r\n", b"CONNECT \r\n", b"\r\nCONNECT\r\n"),
        *(b"CONNECT\rX", b"GET\n", b"OPTIONS\r\n", b"CONNECT\t\n", b"OPTIONS\tsip:a SIP/2.0\n"),
    ],
)
def test_what_is_not_exactly_such_a_line_is_http(data: bytes) -> None:
    assert sniff(data) is decision(data) is Sniffed.HTTP1


def test_such_a_line_is_not_waited_for_for_ever() -> None:
    data = b"OPTIONS sip:" + b"a" * LONGEST
    assert sniff(data[:LONGEST]) is Sniffed.UNDECIDED
    assert sniff(data) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "line",
    [
        *(b"GET / RTSP/1.0", b"OPTIONS rtsp://a RTSP/1.0", b"DESCRIBE rtsp://a/b RTSP/2.0"),
        *(b"SETUP * RTSP/1.0", b"SOURCE /mount ICE/1.0", b"PLAY\trtsp://a\x0bRTSP/1.0 "),
    ],
)
def test_relatives_of_http_that_some_servers_serve_get_the_strict_parser(line: bytes) -> None:
    data = line + b"\r\n"
    assert sniff(data) is decision(data) is Sniffed.HTTP1


# What lenient servers overlook before a request line and between its words (`str.split`).
@pytest.mark.parametrize("blank", [bytes((c,)) for c in BLANKS], ids=repr)
@pytest.mark.parametrize(
    "line",
    [
        *(b"GET / HTTP/1.1\r\n", b"GET /x\r\n\r\n", b"GET /x\n", b"FOO / HTTP/1.0\r\n"),
        *(b"get / HTTP/1.1\r\n", b"FOO /x\r\n", b"GET x\r\n"),
    ],
)
def test_no_blank_before_a_request_or_in_it_makes_it_something_else(
    blank: bytes, line: bytes
) -> None:
    for data in blank + line, blank * 3 + line, b" " + blank + b"\r\n" + line:
        assert sniff(data) is decision(data) is Sniffed.HTTP1
    if blank != b"\n":
        data = line.replace(b" ", blank)
        assert sniff(data) is decision(data) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"FOO /path\r\n", id="path"),
        pytest.param(b"get /path\r\n", id="lower case"),
        pytest.param(b"PROPFIND /\n", id="bare LF"),
        pytest.param(b"FOO http://a.example/\r\n", id="URL"),
        pytest.param(b"FOO   /path \t\r\n", id="blanks"),
        pytest.param(b"FOO /\xff\0\tHTTP\r\n", id="binary target"),
        pytest.param(b"\x0bFOO\x1c/\x85\r\n", id="odd blanks"),
    ],
)
def test_a_method_and_a_target_and_nothing_else_is_http_0_9(data: bytes) -> None:
    # RFC 1945 5: a simple request.
    assert sniff(data) is decision(data) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "first",
    [pytest.param(bytes((c,)), marks=[pytest.mark.amount] if c % 16 else ()) for c in range(256)],
    ids=repr,
)
def test_any_byte_before_a_request_line_leaves_it_one(first: bytes) -> None:
    for line in b"GET / HTTP/1.1\r\nHost: a\r\n", b"FOO\t/\x0cHTTP/1.0 \n":
        assert sniff(first + line) is Sniffed.HTTP1


@pytest.mark.parametrize(
    "first", [b"\xef\xbb\xbf", b"\xc2\xa0", b"\xe2\x80\xa8", b"\0\1\2", b"\xff" * 40, b"\0 \0"]
)
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/01.001", b"HTTP/+1.1", b"HTTP/9.9 \x1f"])
def test_odd_bytes_before_a_line_that_ends_with_a_version_leave_it_a_request(
    first: bytes, version: bytes
) -> None:
    assert sniff(first + b"GET /x " + version + b"\r\n") is Sniffed.HTTP1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'\x92\xa3tag\xd9"GET / HTTP/1.1" 200\n', id="a log line in MessagePack"),
        pytest.param(b"\x00\x08HTTP/1.1\0\n", id="AJP"),
        pytest.param(b"\x0f\0SERVER_PROTOCOL\x08\0HTTP/1.1\n", id="uwsgi"),
        pytest.param(b"\0HTTP/1.1\n", id="no blank before the version"),
        pytest.param(b"\x05\x01\0", id="SOCKS"),
        pytest.param(b"\xff\xfb\x1f", id="Telnet"),
        pytest.param(b"\x1f\x8b\x08\0", id="gzip"),
        pytest.param(b"EHLO mail.example\r\n", id="SMTP"),
        pytest.param(b"AUTH secret\r\n", id="Redis with a word"),
        pytest.param(b"KEYS *\r\n", id="Redis with a star"),
        pytest.param(b"NICK me\r\n", id="IRC"),
        pytest.param(b"get a b /c\r\n", id="memcached with three keys"),
        pytest.param(b"/index\r\n", id="Gopher"),
    ],
)
def test_what_no_server_reads_as_http_is_something_else(data: bytes) -> None:
    assert sniff(data) is Sniffed.OTHER
    assert decision(data) is Sniffed.OTHER


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


# What was told to be something else, as it goes on


def forwarded(*segments: bytes) -> bytes:
    """What an app gets as it came, of a client that sends these segments; all of it for HTTP/2."""
    seen, out = b"", b""
    doubt: Doubt | None = None
    watched = True
    for segment in segments:
        if doubt is None:
            seen += segment
            says = sniff(seen)
            if says is Sniffed.HTTP1:
                return b""
            if says is Sniffed.UNDECIDED:
                continue
            doubt, segment = Doubt(), seen
            watched = says is Sniffed.OTHER
        if watched:
            says = doubt.feed(segment)
            if says is Sniffed.HTTP1:
                return out
            watched = says is Sniffed.UNDECIDED
        out += segment
    return out


# What Waitress takes for no part of a line (`bytes.rstrip`).
ENDS = [b" ", b"\t", b"\x0b\x0c", b"\r", b"\n", b" \n\n \t"]
# More than is waited for.
MUCH = LONGEST + 800
# Whatever comes byte by byte is read anew with each, so they are few.
FIELDS = b"FOO x\r\n" + b"A: b\r\n" * 3 + (b"A: " + b"b" * 500 + b"\r\n") * 20


@pytest.mark.parametrize(
    ("data", "before"),
    [
        (b"\x01GET /x HTTP/1.1\r\nA: b\r\n\r\n", b"\x01GET /x HTTP/1.1\r"),
        (b"\xff" * MUCH + b"GET /x HTTP/1.1\r\n", b"\xff" * MUCH + b"GET /x HTTP/1.1\r"),
        (b"\xffX " + b"x" * MUCH + b" HTTP/1.1\n", b"\xffX " + b"x" * MUCH + b" HTTP/1.1"),
        (b"\xff X HTTP/1.1" + b" " * MUCH + b"\n", b"\xff X HTTP/1.1" + b" " * MUCH),
        (b"FOO x\r\n\r\n", b"FOO x\r\n\r"),
        *(
            (b"FOO x" + end + b"\r\nA: b\r\n\r\n", b"FOO x" + end + b"\r\nA: b\r\n\r")
            for end in ENDS
        ),
        (b"FOO x\r\nA: b\r\n c\r\nX-F:\r\n\r\n", b"FOO x\r\nA: b\r\n c\r\nX-F:\r\n\r"),
        pytest.param(FIELDS, FIELDS[:LONGEST], marks=pytest.mark.amount),
    ],
    ids=lambda data: str(data[:20]),
)
def test_of_what_turns_out_as_http_the_app_gets_no_whole_request(
    data: bytes, before: bytes
) -> None:
    assert forwarded(*bytewise(data)) == before
    assert forwarded(data) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\n GET / HTTP/1.1\r\n",
        b"\xff" * MUCH + b" HTTP/1.1x\n",
        b"\xff" * MUCH + b"HTTP/1.1\n",
        b"AUTH secret\r\nPING\r\n\r\n",
        b"NICK me\r\nUSER me 0 * :Me\r\n\r\n",
        b"EHLO a\r\nMAIL FROM:<b>\r\n\r\n",
        b"EHLO a\r\nAUTH PLAIN\r\n",
        b"FOO x\nA: b\n\n",
        b"FOO x\ny\r\nA: b\r\n\r\n",
        b"AUTH secret\nPING\n\r\n\r\n",
        b"foo x\r\n\r\n",
        b"FOO x y\r\n\r\n",
    ],
    ids=lambda data: str(data[:20]),
)
def test_of_anything_else_the_app_gets_every_byte(data: bytes) -> None:
    assert forwarded(data) == forwarded(*bytewise(data)) == data


# Servers that take much.


@pytest.mark.parametrize("serves", [wsgiref_serves, cheroot_serves, waitress_serves, node_serves])
def test_these_servers_serve_what_is_right(serves: object) -> None:
    assert callable(serves)
    assert serves(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not serves(b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert not serves(b"hello\r\n\r\n")


PARTS = [
    *(b"GET", b"FOO", b"get", b"/x", b"x", b"HTTP/1.1", b"HTTP/", b"1.0", b"http://a/", b"*"),
    *(b" ", b"\t", b"\r\n", b"\n", b"\r", b"\x0b", b"\x1c", b"\x85", b"\xa0", b"\0", b"\xff"),
    *(b"A: b", b":", b"{", b"\xc2", b"\x16", b"OPTIONS", b"CONNECT", b"sip:a", b"SIP/2.0"),
    *(b"RTSP/1.0", b"SOURCE", b"ICE/1.0", b"icap://a", b"ICAP/1.0"),
]
blanks = st.sampled_from([b"", b" ", b"\t", b"\x0b", b"\xa0", b"\r\n", b"\x1f ", b"\x01", b"\xff"])
starts = pieces(PARTS, 8) | st.builds(
    lambda a, method, b, target, c, version, d: a + method + b + target + c + version + d,
    *(blanks, st.sampled_from([b"GET", b"FOO", b"G\xc4T", b"foo"]), blanks),
    *(st.sampled_from([b"/x", b"x", b"http://a/", b"/\xff"]), blanks),
    *(st.sampled_from([b"", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0001.1", b"HTTP/ 1.1"]), blanks),
)
ends = st.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\nA: b\r\n\r\n", b"\n\r\n", b"\r\n"])


@given(starts, ends, places(60, 6))
@example(b"\x01GET / HTTP/1.1", b"\r\n\r\n", [1])
@example(b"FOO x", b"\r\n\r\n", [7])
@example(b"SOURCE /x ICE/1.0", b"\r\n\r\n", [7])
@example(b"DESCRIBE /x RTSP/1.0", b"\r\n\r\n", [20])
@example(b"FOO x", b"\r\nA: b\r\n\r\n", [8, 12])
@example(b"FOO x ", b"\r\n\r\n", [7])
@example(b"FOO x\n \t", b"\r\n\r\n", [6])
@example(b"\xc2\xa0FOO /x HTTP/+1.1_0", b"\r\n\r\n", [1])
def test_no_server_behind_us_reads_a_request_in_what_is_forwarded_as_it_came(
    start: bytes, end: bytes, cuts: list[int]
) -> None:
    data = start + end
    for segments in [data], segments_of(data, cuts), bytewise(data):
        sent = forwarded(*segments)
        assert not wsgiref_serves(sent)
        assert not cheroot_serves(sent)
        assert not waitress_serves(sent)
        assert not node_serves(sent)


words = st.binary(max_size=6) | among(TOKEN, 6)
parts = words | st.sampled_from(
    [*METHODS, b" ", b"\t", b"\r\n", b"\n", b"/", b"HTTP/1.1", b"HTTP/"]
)
first_bytes = st.lists(parts, max_size=8).map(b"".join) | st.integers(0, 24).map(
    lambda end: HTTP2_PREFACE[:end] + b" HTTP/1.1\r\n"
)


@given(first_bytes)
def test_more_bytes_never_change_what_was_decided_for_text(data: bytes) -> None:
    # With a byte that no text has it may depend on the cut, which only the next law restricts.
    if data.isascii() and not data.translate(None, TEXT + b"\r\n"):
        assert decision(data) is sniff(data)


@given(among(TOKEN, 16, 1), st.binary(max_size=30))
@example(b"FOO", b"/\0")
def test_no_cut_takes_a_request_past_the_strict_parser(method: bytes, target: bytes) -> None:
    line = method + b" " + target.translate(None, b"\n") + b" HTTP/1.1\r\n"
    assert decision(line) is Sniffed.HTTP1
