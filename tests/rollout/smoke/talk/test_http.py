"""Requests: what goes wrong with them is one clear line, within the timeout."""

import asyncio
import errno
import gzip
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from drainproxy.rollout.smoke.stage import Failed
from drainproxy.rollout.smoke.talk.http import KEPT
from drainproxy.rollout.smoke.talk.sessions import in_body
from tests.rollout.smoke.talk.asked import SHORT, asked
from tests.rollout.smoke.talk.servers import (
    ALERT,
    SETTINGS,
    Script,
    dripping,
    endless,
    gone,
    reset,
    says,
    serving,
    silent,
)

# Coded in gzip, without the last bytes.
CUT = gzip.compress(b"hello")[:20]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (silent, "no answer within 0.3 s"),
        (endless, "status 200 came, "),
        (dripping, "no answer within 0.3 s"),
        (gone, "closed the connection before an answer"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "the answer broke off"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", stays=True), "0 bytes and no end"),
        (reset, "closed the connection before an answer"),
        (
            says(b"HTTP/1.1 200 OK\r\nA: b\r\n"),
            "closed the connection within the head of an answer",
        ),
        (
            says(b"SSH-2.0-OpenSSH_9.2\r\n"),
            "cannot be read as HTTP, alone or behind an answer: 'SSH-2.0-OpenSSH_9.2'",
        ),
        (says(b"an HTTP/0.9 answer"), "alone or behind an answer: 'an HTTP/0.9 answer'"),
        (says(b"'\"\r\n"), "cannot be read as HTTP: Bad status line"),
        (says(ALERT), "did not answer in HTTP but by an alert of TLS"),
        (says(SETTINGS), "did not answer in HTTP/1 but in HTTP/2"),
        (says(b"HTTP/0.9 200 OK\r\n\r\n"), "it answered in HTTP/0.9 to a request in HTTP/1.1"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "cannot be read as HTTP"),
        # It did answer, in HTTP: its body alone, or what stands behind it, is wrong.
        (
            says(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno<html>\r\n"),
            "cannot be read as HTTP, alone or behind an answer: 'no<html>'",
        ),
        (
            says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n<html>\r\n"),
            "cannot be read as HTTP, alone or behind an answer: '<html>'",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
            "cannot be read as HTTP: Invalid character in chunk size",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno"),
            "the body cannot be decoded from gzip, which its Content-Encoding names",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 2\r\n\r\nno"),
            "the body cannot be decoded from deflate, which its Content-Encoding names",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + CUT),
            "the answer broke off: its body in gzip has no end",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", stays=True),
            "(an event stream: an sse step reads those)",
        ),
        (says(b"HTTP/1.1 302 Found\r\nLocation: ftp://x\r\n\r\n"), "which is no URL of HTTP"),
    ],
)
async def test_an_answer_that_is_none_is_one_line(script: Script, problem: str) -> None:
    never = script in (silent, dripping)
    async with serving(script) as port:
        (told,) = await asked(port, "[{http: /a}]", SHORT if never else 2.0)
    assert problem in told
    assert "\n" not in told


async def test_an_answer_without_an_end_is_no_answer_whatever_is_expected_of_it() -> None:
    async with serving(endless) as port:
        (told,) = await asked(port, "[{http: /a, expect: {contains: more, status: 200}}]", SHORT)
    assert told.endswith("bytes and no end within 0.3 s")


def test_a_connection_that_is_reset_in_a_body_breaks_off_the_answer() -> None:
    reset = aiohttp.ClientOSError(errno.ECONNRESET, "Connection reset by peer")
    with pytest.raises(Failed, match="the answer broke off: Conn"), in_body():
        raise reset


async def test_where_nobody_listens_that_is_said() -> None:
    async with serving(gone) as port:
        pass
    (told,) = await asked(port, "[{http: /a}]")
    assert told == f"nothing listens at 127.0.0.1:{port}: connection refused"


async def test_a_name_that_nobody_knows_is_said_to_be_one() -> None:
    (told,) = await asked(1, "[{http: 'http://nowhere.invalid/'}]")
    assert told.startswith("the name nowhere.invalid cannot be resolved")


async def _echo(request: web.Request) -> web.Response:
    fields = sorted(f"{name}: {value}" for name, value in request.headers.items())
    body = await request.read()
    return web.Response(text="\n".join([f"{request.method} {request.path_qs}", *fields, str(body)]))


async def _large(_: web.Request) -> web.Response:
    return web.Response(body=b"a" * KEPT + b"the end")


def _to(place: str) -> object:
    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound(place)

    return redirect


@pytest.fixture
async def app() -> TestServer:
    made = web.Application()
    made.router.add_route("*", "/echo", _echo)
    made.router.add_get("/large", _large)
    for path, to in {"/ring": "/a?token=t", "/a": "/b", "/b": "/a", "/once": "/echo"}.items():
        made.router.add_get(path, _to(to))  # type: ignore[arg-type]
    server = TestServer(made)
    await server.start_server()
    return server


@pytest.mark.parametrize(
    "text",
    [
        "[{http: /echo?x=1, expect: {contains: GET /echo?x=1}}]",
        "[{http: put /echo, expect: {contains: PUT /echo}}]",
        "[{http: {url: /echo, headers: {X-A: b}}, expect: {contains: 'X-A: b'}}]",
        "[{http: {url: /echo, headers: {Host: shop}}, expect: {contains: 'Host: shop'}}]",
        "[{http: {url: /echo, json: {a: b}}, expect: {contains: application/json}}]",
        "[{http: /echo, expect: {contains: 'User-Agent: drainproxy-smoke'}}]",
        "[{http: /echo, expect: {matches: '(?m)^Host: 127', headers: {content-type: plain}}}]",
        "[{http: /once, expect: {contains: GET /echo}}]",
        "[{http: /once, expect: {status: 302, headers: {location: /echo}}}]",
        "[{http: /none, expect: {status: 404}}]",
        "[{http: HEAD /echo}]",
    ],
)
async def test_what_a_service_should_say_it_says(app: TestServer, text: str) -> None:
    assert app.port is not None
    assert await asked(app.port, text) == ()
    await app.close()


async def test_a_redirect_loop_is_said_with_its_ring_and_without_queries(app: TestServer) -> None:
    assert app.port is not None
    (told,) = await asked(app.port, "[{http: /ring}]")
    url = f"http://127.0.0.1:{app.port}"
    assert told == f"redirected 10 times, in a loop: {url}/a -> {url}/b -> {url}/a"
    await app.close()


async def test_a_large_answer_is_read_to_its_end_and_its_beginning_is_looked_at(
    app: TestServer,
) -> None:
    assert app.port is not None
    assert await asked(app.port, "[{http: /large, expect: {contains: aaa}}]") == ()
    (told,) = await asked(app.port, "[{http: /large, expect: {contains: the end}}]")
    assert f"of which the first {KEPT} characters were looked at" in told
    for expect in ("not-contains: the end", "json: {}"):
        (told,) = await asked(app.port, f"[{{http: /large, expect: {{{expect}}}}}]")
        assert told.startswith(f"the body is longer than {KEPT} characters")
    await app.close()


# TLS


class Identities:
    """An authority in a file, and certificates from it."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a server of these names needs."""
        from datetime import UTC, datetime

        past = datetime(2020, 1, 1, tzinfo=UTC)
        leaf = self._authority.issue_cert(*names, not_after=past if expired else None)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        leaf.configure_cert(context)
        return context


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(tmp_path)


ANSWER = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def test_a_certificate_that_is_trusted_is_good(identities: Identities) -> None:
    async with serving(ANSWER, identities.server("127.0.0.1")) as port:
        assert await asked(port, "[{http: /}]", scheme="https", ca=identities.ca) == ()
        tls = f"tls: {{ca: {identities.ca}}}"
        assert await asked(port, f"{{{tls}, steps: [{{http: /}}]}}", scheme="https") == ()


async def test_a_certificate_may_be_of_another_name_that_is_said(identities: Identities) -> None:
    async with serving(ANSWER, identities.server("shop")) as port:
        text = "[{http: {url: /, tls: {server-name: shop}}}]"
        assert await asked(port, text, scheme="https", ca=identities.ca) == ()


async def test_whom_one_does_not_want_to_check_is_not_checked(identities: Identities) -> None:
    async with serving(ANSWER, identities.server("other")) as port:
        text = "[{http: {url: /, tls: {insecure: true}}}]"
        assert await asked(port, text, scheme="https") == ()


@pytest.mark.parametrize(
    ("names", "expired", "trusted", "problem"),
    [
        (
            ("127.0.0.1",),
            False,
            False,
            "is not valid: unable to get local issuer certificate (",
        ),
        (("shop.example",), False, True, "is not valid: IP address mismatch"),
        (("127.0.0.1",), True, True, "is not valid: certificate has expired"),
    ],
)
async def test_a_wrong_certificate_is_said_with_what_is_wrong(
    identities: Identities, names: tuple[str, ...], expired: bool, trusted: bool, problem: str
) -> None:
    async with serving(ANSWER, identities.server(*names, expired=expired)) as port:
        for step in ("http: /", "websocket: /", "sse: /"):
            ca = identities.ca if trusted else ""
            (told,) = await asked(port, f"[{{{step}}}]", scheme="https", ca=ca)
            assert told.startswith(f"the certificate of 127.0.0.1:{port} {problem}"), step


async def test_a_service_without_tls_is_said_to_have_none() -> None:
    async with serving(_plain) as port:
        for step in ("http: /", "websocket: /"):
            (told,) = await asked(port, f"[{{{step}}}]", scheme="https")
            assert told.startswith(f"no TLS with 127.0.0.1:{port}"), step


async def _plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    (told,) = await asked(1, "[{http: /}]", scheme="https", ca=str(file))
    assert told == f"tls: '{file}': No such file or directory"
    file.write_text("nothing")
    (told,) = await asked(1, "[{http: /}]", scheme="https", ca=str(file))
    assert told.startswith(f"tls: '{file}': ")
