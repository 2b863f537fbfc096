"""What is changed on the way, and what we say ourselves."""

import pytest

from drainproxy.wire.http1 import parse_response
from drainproxy.wire.rewrite import (
    answer,
    append_forwarded,
    close_after,
    with_host,
    with_plain_lines,
    with_upgrade,
    without_framing,
)
from tests.wire.heads import MOST_FIELDS, request_of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([b"A: b"], [b"A: b", b"Connection: close"]),
        ([], [b"Connection: close"]),
        ([b"Connection: close"], [b"Connection: close"]),
        ([b"connection: Keep-Alive", b"Keep-Alive: timeout=5"], [b"Connection: close"]),
        ([b"Connection: x,, close", b"A: b"], [b"A: b", b"Connection: close, x"]),
        ([b"Connection: x", b"Connection: y"], [b"Connection: close, x, y"]),
        ([b"X-Connection: keep-alive"], [b"X-Connection: keep-alive", b"Connection: close"]),
    ],
)
def test_close_takes_the_place_of_keep_alive(before: list[bytes], after: list[bytes]) -> None:
    line = b"HTTP/1.1 200 Connection: keep-alive"
    head = close_after(b"\r\n".join([line, *before]) + b"\r\n\r\n")
    assert head == b"\r\n".join([line, *after]) + b"\r\n\r\n"
    assert parse_response(head, b"GET", MOST_FIELDS).closes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            [b"Host: a"],
            [
                b"Host: a",
                b"X-Forwarded-For: 10.0.0.1",
                b"X-Forwarded-Proto: http",
                b"X-Forwarded-Host: a",
            ],
        ),
        (
            [b"x-forwarded-for: 1.1.1.1 ", b"Host: a", b"A: b"],
            [
                b"x-forwarded-for: 1.1.1.1, 10.0.0.1",
                b"Host: a",
                b"A: b",
                b"X-Forwarded-Proto: http",
                b"X-Forwarded-Host: a",
            ],
        ),
        (
            [b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-For: 2.2.2.2", b"X-Forwarded-Proto: https"],
            [
                b"X-Forwarded-For: 1.1.1.1",
                b"X-Forwarded-For: 2.2.2.2, 10.0.0.1",
                b"X-Forwarded-Proto: https",
            ],
        ),
        (
            [b"X-Forwarded-Host: b", b"Host: a"],
            [
                b"X-Forwarded-Host: b",
                b"Host: a",
                b"X-Forwarded-For: 10.0.0.1",
                b"X-Forwarded-Proto: http",
            ],
        ),
        # RFC 9110 5.6.1: a list has no empty member that we write.
        *(
            (
                [b"X-Forwarded-Proto: https", b"X-Forwarded-For:" + blanks],
                [b"X-Forwarded-Proto: https", b"X-Forwarded-For: 10.0.0.1"],
            )
            for blanks in (b"", b" \t")
        ),
        (
            [b"X-Forwarded-For: ::", b"X-Forwarded-Proto: https"],
            [b"X-Forwarded-For: ::, 10.0.0.1", b"X-Forwarded-Proto: https"],
        ),
        # RFC 7239: what is said in the standard field is not contradicted.
        (
            [b"Forwarded: for=1.1.1.1;proto=https", b"Host: a"],
            [
                b"Forwarded: for=1.1.1.1;proto=https",
                b"Host: a",
                b"X-Forwarded-For: 10.0.0.1",
                b"X-Forwarded-Host: a",
            ],
        ),
        (
            [b"Host: a", b"forwarded: for=1.1.1.1", b'FORWARDED: for=b; Host="b";Proto="https"'],
            [
                b"Host: a",
                b"forwarded: for=1.1.1.1",
                b'FORWARDED: for=b; Host="b";Proto="https"',
                b"X-Forwarded-For: 10.0.0.1",
            ],
        ),
        (
            [b'Forwarded: for="_a;proto=https"', b"X-Forwarded-Host: b"],
            [
                b'Forwarded: for="_a;proto=https"',
                b"X-Forwarded-Host: b",
                b"X-Forwarded-For: 10.0.0.1",
                b"X-Forwarded-Proto: http",
            ],
        ),
        (
            [b"Forwarded: proto=https", b"X-Forwarded-Proto: http", b"X-Forwarded-For: 1.1.1.1"],
            [
                b"Forwarded: proto=https",
                b"X-Forwarded-Proto: http",
                b"X-Forwarded-For: 1.1.1.1, 10.0.0.1",
            ],
        ),
    ],
)
def test_the_client_is_appended_and_what_the_first_proxy_saw_stands(
    before: list[bytes], after: list[bytes]
) -> None:
    request = request_of(*before, line=b"GET /x HTTP/1.0", host=False)
    assert request.forwarded is any(b"forwarded" in line.lower() for line in before)
    head = append_forwarded(request.head, request.host, b"10.0.0.1", b"http")
    assert head == b"\r\n".join([b"GET /x HTTP/1.0", *after]) + b"\r\n\r\n"


@pytest.mark.parametrize(
    "before", [[b"host: a", b"A: b"], [b"A: b", b"HOST:a ", b"Host: c"], [b"A: b"]]
)
def test_a_host_takes_the_place_of_every_other(before: list[bytes]) -> None:
    head = with_host(b"\r\n".join([b"GET http://b/ HTTP/1.1", *before]) + b"\r\n\r\n", b"b:1")
    assert head == b"GET http://b/ HTTP/1.1\r\nHost: b:1\r\nA: b\r\n\r\n"


def test_each_field_is_written_in_its_place() -> None:
    head = b"POST / HTTP/1.1\r\nA:\tb\r\ncontent-length:\t007 \r\nHost:\ta\r\nC: d\r\n\r\n"
    plain = b"POST / HTTP/1.1\r\nA:\tb\r\ncontent-length: 007\r\nHost: a\r\nC: d\r\n\r\n"
    assert with_plain_lines(head) == with_plain_lines(plain) == plain


@pytest.mark.parametrize("status", [400, 408, 414, 431, 501, 502, 503, 504, 505])
def test_an_answer_of_ours_is_whole_and_ends_the_connection(status: int) -> None:
    data = answer(status, 'it said "no"')
    head, _, body = data.partition(b"\r\n\r\n")
    answered = parse_response(head + b"\r\n\r\n", b"GET", MOST_FIELDS)
    assert (answered.status, answered.length, answered.closes) == (status, len(body), True)
    assert body == b'drainproxy: it said "no"\n'
    assert b"Proxy-Status: drainproxy; details=\"it said 'no'\"" in head.split(b"\r\n")
    assert answer(status, 'it said "no"', body=False) == head + b"\r\n\r\n"
    assert b"Retry-After: 7" in answer(status, "", retry_after=7).split(b"\r\n")


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x"], []),
        ([b"Upgrade: H2C"], []),
        ([b"Upgrade: a", b"Upgrade: h2c", b"Connection: x"], [b"Connection: x"]),
        (
            [b"Connection: close", b"Upgrade: h2c", b"Connection: upgrade", b"Content-Length: 5"],
            [b"Content-Length: 5", b"Connection: close"],
        ),
    ],
)
def test_h2c_never_reaches_the_app(fields: list[bytes], kept: list[bytes]) -> None:
    request = request_of(*fields)
    lines = [b"GET / HTTP/1.1", b"Host: a.example", *kept]
    assert request.head == b"\r\n".join(lines) + b"\r\n\r\n"
    assert request.upgrade == b""
    assert request.closes is (b"Connection: close" in kept)
    assert request.length == (5 if b"Content-Length: 5" in kept else 0)


@pytest.mark.parametrize(
    ("upgrade", "connection", "fields"),
    [
        (b"websocket", (b"upgrade", b"x"), b"Upgrade: websocket\r\nConnection: x, upgrade\r\n"),
        (b"", (b"upgrade", b"http2-settings", b"x"), b"Connection: x\r\n"),
        (b"", (b"upgrade",), b""),
    ],
)
def test_an_offer_is_another_or_none(
    upgrade: bytes, connection: tuple[bytes, ...], fields: bytes
) -> None:
    before = b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nA: b\r\nHTTP2-Settings: x\r\nConnection: y\r\n\r\n"
    after = b"GET / HTTP/1.1\r\nA: b\r\n" + fields + b"\r\n"
    assert with_upgrade(before, connection, upgrade) == after


def test_a_head_that_ends_its_answer_loses_the_fields_that_announce_a_body() -> None:
    head = b"HTTP/1.1 204 No\r\nA: b\r\ntransfer-encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    assert parse_response(head, b"GET", MOST_FIELDS).misframed
    mended = without_framing(head)
    assert mended == b"HTTP/1.1 204 No\r\nA: b\r\n\r\n"
    assert not parse_response(mended, b"GET", MOST_FIELDS).misframed


@pytest.mark.parametrize(
    ("status", "method"), [(b"304", b"GET"), (b"204", b"PUT"), (b"103", b"GET")]
)
def test_chunks_that_do_not_come_are_not_announced(status: bytes, method: bytes) -> None:
    # RFC 9112 6.1; Python's http.client waits for the first of them behind a 304.
    line = b"HTTP/1.1 %b X\r\n" % status
    head = line + b"Transfer-Encoding: chunked\r\n\r\n"
    assert parse_response(head, method, MOST_FIELDS).misframed
    assert without_framing(head) == line + b"\r\n"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(("status", "method"), [(b"200", b"HEAD"), (b"304", b"GET")])
def test_two_framings_of_no_body_are_both_taken_out(
    version: bytes, status: bytes, method: bytes
) -> None:
    line = b"HTTP/%b %b X\r\n" % (version, status)
    head = line + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert parse_response(head, method, MOST_FIELDS).misframed
    assert without_framing(head) == line + b"\r\n"
    assert not parse_response(line + b"Content-Length: 5\r\n\r\n", method, MOST_FIELDS).misframed
