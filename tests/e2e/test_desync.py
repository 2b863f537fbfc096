"""What two parsers could read differently stops at the proxy; what passes, passes byte for byte."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.process import Sidecar, sidecar
from tests.e2e.tap import Peer, answering, client, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
MOST_HEADER_BYTES = 65536


@pytest.fixture(scope="module")
def appending(app_port: int) -> Iterator[Sidecar]:
    """As by default."""
    with sidecar(f"127.0.0.1:{app_port}") as running:
        yield running


def get(
    *fields: bytes, line: bytes = b"GET /bad HTTP/1.1", host: bytes = b"Host: a.example"
) -> bytes:
    return b"\r\n".join([line, host, *fields]) + b"\r\n\r\n"


def post(*fields: bytes, line: bytes = b"POST /bad HTTP/1.1") -> bytes:
    return get(*fields, line=line)


CHUNKED = b"Transfer-Encoding: chunked"
REFUSED: dict[str, tuple[int, bytes]] = {
    "TE and CL": (400, post(CHUNKED, b"Content-Length: 5")),
    "CL and TE": (400, post(b"Content-Length: 5", CHUNKED)),
    "two CL": (400, post(b"Content-Length: 5", b"Content-Length: 6")),
    "the same CL twice": (400, post(b"Content-Length: 5", b"Content-Length: 5")),
    "CL list": (400, post(b"Content-Length: 5, 5")),
    "CL no number": (400, post(b"Content-Length: five")),
    "CL plus": (400, post(b"Content-Length: +5")),
    "CL minus": (400, post(b"Content-Length: -5")),
    "CL hex": (400, post(b"Content-Length: 0x5")),
    "CL empty": (400, post(b"Content-Length:")),
    "CL overflow": (400, post(b"Content-Length: 18446744073709551621")),
    "CL with an underscore": (400, post(b"Content_Length: 5")),
    "TE with an underscore": (400, post(b"Transfer_Encoding: chunked")),
    "TE gzip": (501, post(b"Transfer-Encoding: gzip")),
    "TE identity": (501, post(b"Transfer-Encoding: identity")),
    "TE gzip, chunked": (400, post(b"Transfer-Encoding: gzip, chunked")),
    "TE chunked, chunked": (400, post(b"Transfer-Encoding: chunked, chunked")),
    "TE twice": (400, post(CHUNKED, CHUNKED)),
    "TE with a comma": (400, post(b"Transfer-Encoding: , chunked")),
    "TE with a tab": (400, post(b"Transfer-Encoding:\tchunked")),
    "TE with a vertical tab": (400, post(b"Transfer-Encoding: \x0bchunked")),
    "TE on 1.0": (400, post(CHUNKED, line=b"POST /bad HTTP/1.0")),
    "TE folded": (400, post(b"Transfer-Encoding:\r\n chunked")),
    "blank before the colon of TE": (400, post(b"Transfer-Encoding : chunked")),
    "blank before the colon of CL": (400, post(b"Content-Length : 5")),
    "tab before the colon": (400, get(b"A\t: b")),
    "bare LF in a value": (400, get(b"A: b\nContent-Length: 5")),
    "bare LF ends the request line": (400, b"GET /bad HTTP/1.1\nHost: a.example\r\n\r\n"),
    "bare LFs only": (400, b"GET /bad HTTP/1.1\nHost: a.example\n\n"),
    "bare LF ends the head": (400, b"GET /bad HTTP/1.1\r\nHost: a.example\r\n\n"),
    "bare CR in a value": (400, get(b"A: b\rContent-Length: 5")),
    "bare CR before the head": (400, b"\r" + get()),
    "obs-fold": (400, get(b"A: b", b" c")),
    "obs-fold with a tab": (400, get(b"A: b", b"\tc")),
    "fold of the first field": (400, get(host=b" Host: a.example")),
    "NUL in a value": (400, get(b"A: b\0c")),
    "NUL in a name": (400, get(b"A\0: b")),
    "control byte in a value": (400, get(b"A: \x01")),
    "control byte in a name": (400, get(b"A\x1f: b")),
    "DEL in a value": (400, get(b"A: \x7f")),
    "field without a colon": (400, get(b"A")),
    "field without a name": (400, get(b": b")),
    "name that is no token": (400, get(b"A(b): c")),
    "NUL in the target": (400, get(line=b"GET /\0 HTTP/1.1")),
    "blank in the target": (400, get(line=b"GET /a b HTTP/1.1")),
    "byte above ASCII in the target": (400, get(line=b"GET /\xe4 HTTP/1.1")),
    "fragment in the target": (400, get(line=b"GET /a#b HTTP/1.1")),
    "user in the target": (400, get(line=b"GET http://me@a.example/ HTTP/1.1")),
    "URL without a host": (400, get(line=b"GET http:///bad HTTP/1.1")),
    "target without a slash": (400, get(line=b"GET bad HTTP/1.1")),
    "two blanks in the request line": (400, get(line=b"GET  /bad HTTP/1.1")),
    "tab in the request line": (400, get(line=b"GET\t/bad HTTP/1.1")),
    "blank before the method": (400, get(line=b" GET /bad HTTP/1.1")),
    "method that is no token": (400, get(line=b"G{T /bad HTTP/1.1")),
    "head in lower case": (400, get(line=b"head /bad HTTP/1.1")),
    "no Host": (400, get(host=b"A: b")),
    "two Hosts": (400, get(b"Host: b.example")),
    "the same Host twice": (400, get(b"host: a.example")),
    "list of Hosts": (400, get(host=b"Host: a.example, b.example")),
    "two Hosts on 1.0": (400, get(b"Host: b.example", line=b"GET /bad HTTP/1.0")),
    "upgrade with CL": (
        400,
        post(b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 5"),
    ),
    "upgrade with TE": (400, post(b"Connection: upgrade", b"Upgrade: websocket", CHUNKED)),
    "unasked upgrade with CL": (400, post(b"Upgrade: websocket", b"Content-Length: 5")),
    "X_Forwarded_For": (400, get(b"X_Forwarded_For: 10.0.0.1")),
    "Connection: X-Forwarded-For": (400, get(b"Connection: close, X-Forwarded-For")),
    "Connection: Content-Length": (400, post(b"Content-Length: 5", b"Connection: Content-Length")),
    "Connection: Host": (400, get(b"Connection: keep-alive", b"connection:host")),
    "CONNECT": (501, get(line=b"CONNECT a.example:443 HTTP/1.1")),
    "HTTP/0.9": (400, b"GET /bad\r\n\r\n"),
    "HTTP/0.9 by name": (505, get(line=b"GET /bad HTTP/0.9")),
    "HTTP/1.2": (505, get(line=b"GET /bad HTTP/1.2")),
    "HTTP/2.0": (505, get(line=b"GET /bad HTTP/2.0")),
    "http in lower case, another method": (400, get(line=b"get /bad HTTP/1.1x HTTP/1.1")),
    "101 fields": (431, get(*[b"A: b"] * 100)),
}
refused_heads = pytest.mark.parametrize("name", REFUSED)


async def refusal(peer: Peer) -> int:
    """The status of the one and last answer that `peer` gets, which is ours."""
    head = await peer.take_head()
    lines = head.lower().split(b"\r\n")
    assert b"connection: close" in lines
    assert any(line.startswith(b"proxy-status: drainproxy;") for line in lines)
    (length,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    body = await peer.take_the_rest()
    assert len(body) == length
    assert peer.error is None
    return int(head[9:12])


async def ask_once(port: int) -> bytes:
    """A good request of another client, after which the app has seen all that came before."""
    good = get(line=b"GET /good HTTP/1.1")
    async with client(port) as other:
        other.send(good)
        assert await other.take(len(OK)) == OK
    return good


@refused_heads
async def test_the_app_sees_nothing_of_a_refused_head(
    name: str, plain: Sidecar, app_port: int
) -> None:
    status, head = REFUSED[name]
    async with tap(app_port, answering(OK)) as app:
        async with client(plain.port) as whole:
            whole.send(head + SMUGGLED)
            assert await refusal(whole) == status
        async with client(plain.port) as cut:
            dripping = asyncio.create_task(cut.drip(head + SMUGGLED))
            assert await refusal(cut) == status
            dripping.cancel()
        assert app.received == b""
        assert await ask_once(plain.port) == app.received


@refused_heads
async def test_a_good_request_before_a_bad_one_is_answered_first(
    name: str, plain: Sidecar, app_port: int
) -> None:
    status, head = REFUSED[name]
    good = get(line=b"GET /good HTTP/1.1")
    async with tap(app_port, answering(OK, OK)) as app, client(plain.port) as peer:
        peer.send(good + head + SMUGGLED)
        assert await peer.take(len(OK)) == OK
        assert await refusal(peer) == status
        assert app.received == good


BODY = b"5\r\nhello\r\n0\r\n\r\n"
FRAGMENTS_OF_HTTP = b"\r\n\r\n0\r\n\r\n" + SMUGGLED
ACCEPTED: dict[str, bytes] = {
    "GET": get(),
    "no fields but Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.0 kept alive": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n",
    "an unknown method": get(line=b"BREW-COFFEE /pot?milk=%20 HTTP/1.1"),
    "a method in lower case": get(line=b"get / HTTP/1.1"),
    "a URL as target": get(line=b"GET http://a.example/x HTTP/1.1"),
    "OPTIONS *": get(line=b"OPTIONS * HTTP/1.1"),
    "100 fields": get(*[b"A: b"] * 99),
    "odd but legal fields": get(b"A:", b"!#$%&'*+-.^_`|~: \t\"\\\xff:,; \t", b"a_b: c"),
    "blanks around a length": post(b"Content-Length:  2 ") + b"ab",
    "a length of 0": post(b"Content-Length: 0"),
    "a body": post(b"content-length: 5") + b"hello",
    "a body that looks like requests": post(b"Content-Length: %d" % len(FRAGMENTS_OF_HTTP))
    + FRAGMENTS_OF_HTTP,
    "a GET with a body": get(b"Content-Length: 5") + b"hello",
    "chunks": post(CHUNKED) + b"5\r\nhello\r\n00A\r\n0123456789\r\n" + BODY,
    "chunks that look like requests": post(b"TRANSFER-ENCODING:CHUNKED")
    + b"%x\r\n%b\r\n" % (len(FRAGMENTS_OF_HTTP), FRAGMENTS_OF_HTTP)
    + BODY,
    "chunk extensions": post(CHUNKED) + b'5;a;b=c;d="e;\\"f"\r\nhello\r\n0;g\r\n\r\n',
    "trailers": post(CHUNKED, b"Trailer: Digest") + b"5\r\nhello\r\n0\r\nDigest: x\r\nA:\r\n\r\n",
    "no chunk at all": post(CHUNKED) + b"0\r\n\r\n",
    "an upgrade to something unknown": get(b"Connection: upgrade", b"Upgrade: tea"),
    "an upgrade without Connection": get(b"Upgrade: websocket"),
    "Connection: close": get(b"Connection: close"),
}
accepted_requests = pytest.mark.parametrize("name", ACCEPTED)


async def check_forwarding(
    request: bytes, expected: bytes, port: int, app_port: int, *, drip: bool = False
) -> None:
    """The app gets `expected` and nothing else for `request`, whose client gets its answer."""
    async with tap(app_port, answering(OK)) as app, client(port) as peer:
        if drip:
            await peer.drip(request)
        else:
            peer.send(request)
        assert await peer.take(len(OK)) == OK
        connection = await app.connection()
        # The answer to a request with a body may be out before the whole of it is in.
        await connection.until(lambda: len(connection.received) >= len(expected))
        assert app.received == expected


@accepted_requests
@pytest.mark.parametrize("drip", [False, True], ids=["whole", "one byte at a time"])
async def test_a_request_reaches_the_app_as_it_was_sent(
    name: str, drip: bool, plain: Sidecar, app_port: int
) -> None:
    request = ACCEPTED[name]
    await check_forwarding(request, request, plain.port, app_port, drip=drip)


@accepted_requests
async def test_only_the_forwarded_fields_are_added_at_the_end_of_the_head(
    name: str, appending: Sidecar, app_port: int
) -> None:
    request = ACCEPTED[name]
    head, _, body = request.partition(b"\r\n\r\n")
    host = next((line[5:] for line in head.split(b"\r\n") if line.startswith(b"Host:")), None)
    added = [b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: http"]
    if host is not None:
        added.append(b"X-Forwarded-Host: " + host.strip())
    expected = b"\r\n".join([head, *added]) + b"\r\n\r\n" + body
    await check_forwarding(request, expected, appending.port, app_port, drip=True)


async def test_a_client_that_came_through_proxies_is_appended(
    appending: Sidecar, app_port: int
) -> None:
    request = get(b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Proto: https", b"A: b")
    expected = request.replace(b"10.0.0.1", b"10.0.0.1, 127.0.0.1").removesuffix(b"\r\n")
    expected += b"X-Forwarded-Host: a.example\r\n\r\n"
    await check_forwarding(request, expected, appending.port, app_port)


async def test_the_app_never_hears_of_h2c(plain: Sidecar, app_port: int) -> None:
    request = get(
        b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"
    )
    await check_forwarding(request, get(), plain.port, app_port)


async def test_empty_lines_before_a_request_are_passed_over(plain: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering(OK, OK)) as app, client(plain.port) as peer:
        for _ in range(2):
            peer.send(b"\r\n\r\n" + get())
            assert await peer.take(len(OK)) == OK
        assert app.received == get() * 2


BAD_BODIES: dict[str, bytes] = {
    "size with 0x": b"0x5\r\nhello\r\n",
    "size with plus": b"+5\r\nhello\r\n",
    "size with minus": b"-5\r\nhello\r\n",
    "size with an underscore": b"0_5\r\nhello\r\n",
    "blank before the size": b" 5\r\nhello\r\n",
    "blank after the size": b"5 \r\nhello\r\n",
    "no size": b"\r\nhello\r\n",
    "size of 16 digits": b"0000000000000005\r\nhello\r\n",
    "size that overflows": b"10000000000000005\r\nhello\r\n",
    "bare LF after the size": b"5\nhello\r\n",
    "bare LF in an extension": b"5;a\nhello\r\n",
    "bare LF in a quoted extension": b'5;a="\\\n"\r\nhello\r\n',
    "bare CR after the size": b"5\rhello\r\n",
    "blank in an extension": b"5; a\r\nhello\r\n",
    "extension without a name": b"5;\r\nhello\r\n",
    "chunk longer than its size": b"4\r\nhello\r\n",
    "chunk without its end": b"5\r\nhello",
    "bare LF after a chunk": b"5\r\nhello\n",
    "trailer that frames": b"0\r\nContent-Length: 5\r\n\r\n",
    "trailer that routes": b"0\r\nHost: b.example\r\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "blank before the colon of a trailer": b"0\r\nA : b\r\n\r\n",
    "bare LF in a trailer": b"0\r\nA: b\nC: d\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("before", [b"", b"3\r\nabc\r\n"], ids=["at once", "after a chunk"])
async def test_a_bad_chunk_ends_the_request_for_client_and_app(
    name: str, before: bytes, plain: Sidecar, app_port: int
) -> None:
    bad = BAD_BODIES[name] + BODY + SMUGGLED
    async with tap(app_port, answering(OK)) as app:
        async with client(plain.port) as whole:
            whole.send(post(CHUNKED) + before + bad)
            assert await refusal(whole) == 400
        async with client(plain.port) as cut:
            dripping = asyncio.create_task(cut.drip(post(CHUNKED) + before + bad))
            # A torn chunk may have told the app so much that it has answered.
            assert (await cut.take_the_rest()).startswith((b"HTTP/1.1 400 ", OK))
            dripping.cancel()
        await ask_once(plain.port)
        await app.left()
        assert SMUGGLED not in app.received
        assert BODY not in app.received


async def test_a_request_after_a_body_without_a_boundary_is_another_request(
    plain: Sidecar, app_port: int
) -> None:
    first = post(b"Content-Length: 3") + b"abc"
    async with tap(app_port, answering(OK, OK)) as app, client(plain.port) as peer:
        peer.send(first + SMUGGLED)
        assert await peer.take(2 * len(OK)) == OK * 2
        assert app.received == first + SMUGGLED
