"""What a lenient server behind us would read as HTTP is refused, whatever its first bytes are."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.e2e.process import Sidecar, sidecar
from tests.e2e.tap import Peer, answering, client, tap

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FIELDS = b"Host: a.example\r\nX-Forwarded-For: 192.0.2.66\r\nConnection: close\r\n\r\n"
GOOD = b"GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n"
HEAD = b"GET /bad HTTP/1.1\r\n" + FIELDS
# RFC 9112 3 and RFC 1945 5, as wsgiref, Werkzeug, gevent, Eventlet, Cheroot or Waitress read them.
LENIENT: dict[str, bytes] = {
    "vertical tab before": b"\x0b" + HEAD,
    "form feed before": b"\x0c" + HEAD,
    "file separator before": b"\x1c" + HEAD,
    "unit separator before": b"\x1f" + HEAD,
    "NEL before": b"\x85" + HEAD,
    "no-break space before": b"\xa0" + HEAD,
    "blank before": b" " + HEAD,
    "tab before": b"\t" + HEAD,
    "bare LF before": b"\n" + HEAD,
    "bare CR before": b"\r" + HEAD,
    "all of them before": b"\x1d\x1e \t\x0b\x0c\x85\xa0" + HEAD,
    "blank line before": b" \r\n" + HEAD,
    "vertical tab and lower case": b"\x0b" + HEAD.replace(b"GET", b"get"),
    "vertical tabs between": HEAD.replace(b" ", b"\x0b", 2),
    "another method, odd blanks between": b"FOO\x1f/bad\xa0HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"GET /bad\r\n\r\n",
    "HTTP/0.9 after a blank": b" GET /bad\r\n\r\n",
    "HTTP/0.9 after a vertical tab": b"\x0bGET /bad\r\n\r\n",
    "HTTP/0.9 with LF": b"GET /bad\n",
    "HTTP/0.9 with LF after NEL": b"\x85GET\x85/bad\n\n",
    "HTTP/0.9 with fields": b"\tGET /bad\r\n" + FIELDS,
    "HTTP/0.9 of another method": b"FOO /bad\r\n" + FIELDS,
    "HTTP/0.9 without a slash": b" GET bad\r\n\r\n",
    "bare LFs": HEAD.replace(b"\r", b""),
}
# One segment tells what these are; byte by byte they begin as something else.
ODD: dict[str, bytes] = {
    "control byte before": b"\x01" + HEAD,
    "NUL before": b"\0" + HEAD,
    "first byte of TLS before": b"\x16" + HEAD,
    "UTF-8 mark before": b"\xef\xbb\xbf" + HEAD,
    "UTF-8 blank before": b"\xc2\xa0" + HEAD,
    "odd byte in the method": HEAD.replace(b"GET", b"G\xe9T"),
    "odd byte and HTTP/1.0": b"\xff" + HEAD.replace(b"1.1", b"1.0"),
    "HTTP/0.9 of two words": b"FOO bad\r\n" + FIELDS,
    "HTTP/0.9 of two words, a blank behind": b"FOO bad \r\n" + FIELDS,
}
OPAQUE: dict[str, bytes] = {
    "TLS": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 HTTP/",
    "PostgreSQL": b"\0\0\0\x08\x04\xd2\x16\x2f",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "Redis, a line": b"AUTH secret\r\n",
    "SMTP": b"EHLO mail.example\r\n",
    "memcached": b"get key\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
    "a log line in MessagePack": b'\x92\xa3tag\xd9"GET / HTTP/1.1" 200\n',
}


async def is_refused(peer: Peer) -> bool:
    head = await peer.take_head()
    await peer.take_the_rest()
    return head.startswith(b"HTTP/1.1 400 ") and b"\r\nProxy-Status: drainproxy;" in head


@pytest.mark.parametrize("name", LENIENT | ODD)
async def test_the_app_gets_nothing_of_it(name: str, running: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering(OK)) as app, client(running.port) as peer:
        peer.send((LENIENT | ODD)[name])
        assert await is_refused(peer)
        assert app.received == b""


@pytest.mark.parametrize("name", LENIENT)
async def test_nor_when_it_comes_one_byte_at_a_time(
    name: str, running: Sidecar, app_port: int
) -> None:
    async with tap(app_port, answering(OK)) as app, client(running.port) as peer:
        dripping = asyncio.create_task(peer.drip(LENIENT[name]))
        assert await is_refused(peer)
        dripping.cancel()
        assert app.received == b""


@pytest.mark.parametrize("name", ODD)
async def test_what_begins_as_something_else_is_cut_before_it_is_a_request(
    name: str, running: Sidecar, app_port: int
) -> None:
    async with tap(app_port, answering(OK)) as app, client(running.port) as peer:
        for byte in ODD[name]:
            if not peer.ended:
                peer.send(bytes((byte,)))
                # As a rule each is read alone then; the law holds in any case.
                await asyncio.sleep(0.001)
        assert await is_refused(peer)
        await app.left()
        # Neither the line that ends with a version nor the empty line after any.
        assert b" HTTP/1.1\r\n" not in app.received
        assert b"\r\n\r\n" not in app.received


@pytest.mark.parametrize("name", OPAQUE)
async def test_other_protocols_have_a_tunnel(name: str, running: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering()) as app, client(running.port) as peer:
        peer.send(OPAQUE[name])
        connection = await app.connection()
        assert await connection.take(len(OPAQUE[name])) == OPAQUE[name]
        connection.send(b"\x05\0")
        assert await peer.take(2) == b"\x05\0"
        # Who has been answered speaks its own protocol, whatever is carried in it.
        peer.send(HEAD)
        assert await connection.take(len(HEAD)) == HEAD


async def test_who_means_tcp_gets_it(app_port: int) -> None:
    with sidecar(f"127.0.0.1:{app_port}", protocol="tcp") as plain:
        async with tap(app_port, answering()) as app, client(plain.port) as peer:
            peer.send(LENIENT["vertical tab before"])
            connection = await app.connection()
            assert await connection.take(len(HEAD) + 1) == b"\x0b" + HEAD


# A server that speaks first


@pytest.fixture(scope="module")
def quick(app_port: int) -> Iterator[Sidecar]:
    """One that does not wait long for the client."""
    with sidecar(f"127.0.0.1:{app_port}", "--header-timeout", "200ms") as running:
        yield running


async def test_a_server_that_speaks_first_is_heard_after_header_timeout(app_port: int) -> None:
    at_once = ("--header-timeout", "300ms")
    with sidecar(f"127.0.0.1:{app_port}", *at_once) as running:
        async with tap(app_port, answering()) as app, client(running.port) as peer:
            connection = await app.connection()
            assert running.get("/status")[1]["in_flight"]["tcp"] == 0
            connection.send(b"220 mail\r\n")
            assert await peer.take(10) == b"220 mail\r\n"
            peer.send(HEAD)
            assert await connection.take(len(HEAD)) == HEAD
            assert running.get("/status")[1]["in_flight"]["tcp"] == 1
        assert running.process.output.count("add /tcp to the forward") == 1


@pytest.mark.parametrize("name", LENIENT)
async def test_silence_is_no_way_past_the_parser(name: str, quick: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering(OK)) as app, client(quick.port) as peer:
        await app.connection()
        peer.send(LENIENT[name])
        assert await is_refused(peer)
        assert app.received == b""


async def test_after_a_silence_a_request_is_served(quick: Sidecar, app_port: int) -> None:
    async with tap(app_port, answering(OK)) as app, client(quick.port) as peer:
        await app.connection()
        peer.send(GOOD)
        assert (await peer.take_head()).startswith(b"HTTP/1.1 200 ")


# A real server that reads such heads


@pytest.fixture
def served(app_port: int) -> Iterator[list[str]]:
    """What a server of the standard library has served, by path."""
    paths: list[str] = []

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with make_server("127.0.0.1", app_port, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield paths
        server.shutdown()
        thread.join()


async def test_a_server_that_reads_them_never_serves_one(
    served: list[str], running: Sidecar
) -> None:
    for head in (LENIENT | ODD).values():
        async with client(running.port) as peer:
            peer.send(head)
            assert await is_refused(peer)
    for head in ODD.values():
        async with client(running.port) as peer:
            peer.send(head[:1])
            # As a rule it is read alone then; the law holds in any case.
            await asyncio.sleep(0.01)
            peer.send(head[1:])
            assert await is_refused(peer)
    async with client(running.port) as peer:
        peer.send(GOOD)
        assert (await peer.take_head()).startswith(b"HTTP/1.0 200 ")
    assert served == ["/good"]
