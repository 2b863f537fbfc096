"""Heads of answers that are not quite right: what becomes of them, and that all read it alike."""

import h11
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import CHUNKED, parse_response
from drainproxy.wire.mend import doubtful, mended
from tests.wire.drawn import pieces

OK = b"HTTP/1.1 200 OK"
LENGTH, CHUNKS = b"Content-Length: 2", b"Transfer-Encoding: chunked"
# What comes behind the head on the connection, and looks like more of it.
BEHIND = b"A: b\n\nC: d\r\n\r\n"


def head(*lines: bytes, line_end: bytes = b"\r\n") -> bytes:
    return line_end.join([*lines, b"", b""])


def read(data: bytes) -> bytes:
    """What goes on instead of the head that `data` is, which is found before whatever follows it
    and read strictly in the end."""
    written, end = mended(data + BEHIND)
    assert end == len(data)
    parse_response(written, b"GET", 100)
    assert mended(written) == (written, len(written)), "it is as it should be then"
    return written


@pytest.mark.parametrize(
    ("fields", "instead"),
    [
        # RFC 9112 5.1: blanks before the colon are removed.
        ([b"Content-Length : 2"], [LENGTH]),
        ([b"Transfer-Encoding \t : chunked"], [CHUNKS]),
        ([b"Server\t: x", LENGTH], [b"Server: x", LENGTH]),
        ([b"Connection : close", b"A:b"], [b"Connection: close", b"A:b"]),
        # RFC 9110 5.6.3: a tab is a blank.
        ([b"Content-Length:\t2"], [LENGTH]),
        ([b"Content-Length: 2 \t"], [LENGTH]),
        ([b"Transfer-Encoding:\tchunked\t"], [CHUNKS]),
        ([b"transfer-encoding: \t Chunked"], [CHUNKS]),
        ([b"Content-Type:\ttext/html\t", LENGTH], [b"Content-Type: text/html", LENGTH]),
        ([b"Connection: close\t,\tx", LENGTH], [b"Connection: close , x", LENGTH]),
        # RFC 9112 6.3: one number, said several times.
        ([LENGTH, LENGTH], [LENGTH]),
        ([b"Content-Length: 2, 2"], [LENGTH]),
        ([b"Content-Length: 2,2,2", b"content-length: 02"], [LENGTH]),
        ([b"A: b", LENGTH, b"C: d", b"CONTENT-LENGTH : 2"], [b"A: b", b"C: d", LENGTH]),
        ([b"Content-Length: 0 ,\t0"], [b"Content-Length: 0"]),
        # 6.1 and RFC 9110 5.6.1: chunked is never applied twice; a list may have empty elements.
        ([CHUNKS, CHUNKS], [CHUNKS]),
        ([b"Transfer-Encoding: chunked, chunked"], [CHUNKS]),
        ([b"Transfer-Encoding: chunked", b"transfer-encoding:\tCHUNKED ,"], [CHUNKS]),
        ([b"Transfer-Encoding: , chunked"], [CHUNKS]),
        ([b"Transfer-Encoding: identity", LENGTH], [LENGTH]),
        ([b"Transfer-Encoding: identity, chunked"], [CHUNKS]),
        # RFC 9110 5.5
        ([b"X-Name: a\x01b\x7f\x1bc", LENGTH], [b"X-Name: a b  c", LENGTH]),
        ([b"A: \x0b\xff\t", LENGTH], [b"A:  \xff\t", LENGTH]),
    ],
)
def test_what_everyone_reads_alike_is_written_in_the_one_right_way(
    fields: list[bytes], instead: list[bytes]
) -> None:
    assert read(head(OK, *fields)) == head(OK, *instead)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        # RFC 9112 4: blanks between the words, and a reason that may be missing.
        (b"HTTP/1.1  200 \t OK", OK),
        (b"HTTP/1.1\t200\tOK", OK),
        (b"HTTP/1.0 404", b"HTTP/1.0 404 "),
        (b"HTTP/1.1 200 O\x01K", b"HTTP/1.1 200 O K"),
        (b"HTTP/1.1 200 Tr\xe8s bien", b"HTTP/1.1 200 Tr\xe8s bien"),
    ],
)
def test_a_status_line_has_single_blanks(line: bytes, instead: bytes) -> None:
    assert read(head(line, LENGTH)) == head(instead, LENGTH)


@pytest.mark.parametrize("fields", [[], [LENGTH], [b"A: b", b"C : d", b"Content-Length:\t2"]])
def test_lines_may_end_with_lf_if_all_of_them_do(fields: list[bytes]) -> None:
    # RFC 9112 2.2
    assert read(head(OK, *fields, line_end=b"\n")) == read(head(OK, *fields))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n", id="LF, CR LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n", id="CR LF, LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\n", id="CR LF, LF, LF"),
        pytest.param(b"HTTP/1.1 200 OK\nA: b\r\nC: d\n\n", id="CR LF among LF"),
        pytest.param(b"HTTP/1.1 200 OK\nA: b\rC: d\n\n", id="CR among LF"),
        pytest.param(head(OK, b"A: b\nC: d"), id="LF among CR LF"),
        pytest.param(head(OK, b"A: b\rC: d"), id="CR among CR LF"),
        pytest.param(head(OK, b"A: \0"), id="NUL"),
        pytest.param(head(b"HTTP/1.1 200 \0"), id="NUL in the reason"),
        pytest.param(head(b"HTTP/1.1 200 \r"), id="CR after the reason"),
        pytest.param(head(b"HTTP/1.2 200 OK"), id="HTTP/1.2"),
        pytest.param(head(b"HTTP/1.1 20 OK"), id="two digits"),
        pytest.param(head(b"HTTP/1.1 2000 OK"), id="four digits"),
        pytest.param(head(b"HTTP/1.1 099 OK"), id="status below 100"),
        pytest.param(head(b"HTTP/1.1\x0b200 OK"), id="vertical tab in the status line"),
        pytest.param(head(b"http/1.1 200 OK"), id="lower case"),
        pytest.param(head(b" HTTP/1.1 200 OK"), id="blank before"),
        pytest.param(b"\n" + head(OK), id="empty line before"),
        pytest.param(head(OK, b"A: b", b" c"), id="obs-fold"),
        pytest.param(head(OK, b"A"), id="no colon"),
        pytest.param(head(OK, b": b"), id="no name"),
        pytest.param(head(OK, b" : b"), id="blank name"),
        pytest.param(head(OK, b"A b: c"), id="blank in a name"),
        pytest.param(head(OK, b"Content-Length\x0b: 2"), id="vertical tab after a name"),
        pytest.param(head(OK, b"Content-Length\xa0: 2"), id="no-break space after a name"),
        pytest.param(head(OK, b"Content-Length: 2, 3"), id="two numbers"),
        pytest.param(head(OK, LENGTH, b"Content-Length : 3"), id="two lengths"),
        pytest.param(head(OK, b"Content-Length: 2,"), id="a number and nothing"),
        pytest.param(head(OK, b"Content-Length: 2 2"), id="no comma"),
        pytest.param(head(OK, b"Content-Length: +2, +2"), id="plus"),
        pytest.param(head(OK, b"Content-Length: -2"), id="minus"),
        pytest.param(head(OK, b"Content-Length: 0x2"), id="0x"),
        pytest.param(head(OK, b"Content-Length:"), id="empty length"),
        pytest.param(head(OK, b"Content-Length: \xb2"), id="another digit"),
        pytest.param(head(OK, b"Content-Length: \x0b2"), id="vertical tab before a number"),
        pytest.param(head(OK, b"Content-Length: " + b"9" * 19), id="overflow"),
        pytest.param(head(OK, b"Transfer-Encoding: gzip, chunked"), id="gzip, chunked"),
        pytest.param(head(OK, b"Transfer-Encoding: chunked;a=b"), id="parameter"),
        pytest.param(head(OK, b"Transfer-Encoding: \x0bchunked"), id="vertical tab, chunked"),
        pytest.param(head(OK, CHUNKS, b"Transfer-Encoding: x"), id="chunked and x"),
    ],
)
def test_a_head_that_two_readers_may_take_differently_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        mended(data)
    assert caught.value.status == 502


@pytest.mark.parametrize(
    "fields",
    [
        [LENGTH, CHUNKS],
        [b"Content-Length: 2, 2", b"Transfer-Encoding: chunked, chunked"],
        [b"Transfer-Encoding : chunked", b"Content-Length : 2"],
    ],
)
def test_a_length_beside_chunked_stays_one_for_the_strict_parser_to_refuse(
    fields: list[bytes],
) -> None:
    # RFC 9112 6.3: it ought to be handled as an error.
    with pytest.raises(Refused, match="Transfer-Encoding with Content-Length"):
        read(head(OK, *fields))


# What has not ended


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-x\r\n", id="another protocol"),
        pytest.param(b"+", id="the first byte of another protocol"),
        pytest.param(b"HTTP/2", id="another version"),
        pytest.param(b"\r\n", id="an empty line"),
        pytest.param(b"HTTP/1.1 200 OK\n", id="LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\n", id="LF later"),
        pytest.param(b"HTTP/1.1 OK\r\n", id="no status"),
        # What ends no head for us may have ended it for the app, which says nothing more then.
        pytest.param(OK + b"\r\r\nA: b\r\r\n\r\r\n", id="CR CR LF"),
        pytest.param(OK + b"\rA: b\r\r", id="CR"),
        pytest.param(OK + b"\r\nA: b\r\r", id="CR later"),
        pytest.param(OK + b"\r\nA: b\0", id="NUL"),
        pytest.param(OK + b"\r\nA: b\r\n \r\nok", id="a line of blanks"),
        pytest.param(OK + b"\r\nA: b\r\n<p>\r\n", id="a body behind no empty line"),
        pytest.param(OK + b"\r\nA b: c\r\n", id="no name"),
        pytest.param(OK + b"\r\n: c\r\n", id="an empty name"),
    ],
)
def test_the_beginning_of_no_strict_head_is_not_simply_waited_with(data: bytes) -> None:
    assert doubtful(data)
    assert decision(data)


def decision(data: bytes) -> bool:
    """Whether it is doubtful at any of its bytes, of which each is asked about once."""
    return any(doubtful(data[: end + 1], end) for end in range(len(data)))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=repr)
@pytest.mark.parametrize("fields", [b"A: b\r\r", b"A: \0", b"<p>\n", b" \nok", b"\xff: a\n"])
def test_what_cannot_become_a_head_is_refused_before_it_has_ended(
    fields: bytes, line_end: bytes
) -> None:
    data = OK + line_end + fields.replace(b"\n", line_end)
    for seen in 0, len(OK):
        with pytest.raises(Refused, match="502"):
            mended(data, seen)


@pytest.mark.parametrize(
    "data",
    [
        *(b"H", b"HTTP/1.", b"HTTP/1.1 20", OK, OK + b"\r", OK + b"\r\nA: b\r\n", OK + b"\r\n\r"),
        *(OK + b"\r\nA : b\r\nC:\x01\xff\r\n(", OK + b"\r\nA: b\r\n ", OK + b"\r\nA: b\r"),
    ],
)
def test_the_beginning_of_a_strict_head_is_waited_with(data: bytes) -> None:
    assert not doubtful(data)
    assert not decision(data)


@pytest.mark.parametrize("data", [OK + b"\n", OK + b"\nA: b", OK + b"\nA: b\n"])
def test_the_beginning_of_a_head_of_lf_lines_is_waited_with(data: bytes) -> None:
    assert mended(data) == (b"", 0)
    assert mended(data + b"\n\n")[1]


# Against another reader

PIECES = [
    *(LENGTH, CHUNKS, b"Content-Length: 2, 2", b"Content-Length: 3", b"A: b", b"A\x01: b"),
    *(b" ", b"\t", b",", b":", b"\r", b"\n", b"\0", b"\x0b", b"\r\n", b"\n\n", b"chunked"),
    *(b"Transfer-Encoding:", b"Content-Length :", b"2", b"HTTP/1.1 200 OK"),
]
noise = pieces(PIECES, 8)


@given(noise | st.binary(max_size=40) | pieces(PIECES, 5, b"\r\n") | pieces(PIECES, 5, b"\n"))
def test_what_is_written_is_read_by_h11_as_by_us(noise: bytes) -> None:
    for start in b"", OK + b"\r\n", OK + b"\n":
        try:
            written, end = mended(start + noise + b"\r\n\r\n")
            assume(end)
            ours = parse_response(written, b"GET", 100)
        except Refused:
            continue
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(written)
        theirs = client.next_event()
        assert isinstance(theirs, h11.InformationalResponse | h11.Response)
        named = dict(theirs.headers)
        assert (b"transfer-encoding" in named) is (ours.length == CHUNKED)
        assert int(named.get(b"content-length", ours.length)) == ours.length


@given(noise)
def test_a_head_is_found_whole_however_little_of_it_came_before(noise: bytes) -> None:
    data = OK + b"\n" + noise
    assume(b"\r" not in noise)
    try:
        written, end = mended(data)
    except Refused:
        return
    for cut in range(len(OK) + 1, end):
        assert mended(data[:cut]) == (b"", 0)
    assert not end or mended(data[:end]) == (written, end)
