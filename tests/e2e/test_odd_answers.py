"""What app servers send and clients cope with passes, written so that all clients read it alike."""

import asyncio
import http.client

import pytest

from tests.e2e.process import Sidecar
from tests.e2e.tap import Peer, answering, client, tap

ASK = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CODED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HELLO = CODED + b"5\r\nhello\r\n0\r\n\r\n"

# RFC 9112 2.2, 4, 5.1, 6.1, 6.3, 7.1.1; RFC 9110 5.5, 5.6.3, 6.5.1
ODD: dict[str, tuple[bytes, bytes]] = {
    "blank before a colon": (PLAIN.replace(b":", b" :", 1), PLAIN),
    "tab before a colon": (PLAIN.replace(b":", b"\t:", 1), PLAIN),
    "blank before the colon of TE": (HELLO.replace(b":", b" :"), HELLO),
    "tab before a length": (PLAIN.replace(b": ", b":\t"), PLAIN),
    "tab after a length": (PLAIN.replace(b": 2", b": 2\t"), PLAIN),
    "tab before chunked": (HELLO.replace(b": ", b":\t"), HELLO),
    "the same length twice": (PLAIN.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\n"), PLAIN),
    "the same length in a list": (PLAIN.replace(b": 2", b": 2, 2"), PLAIN),
    "the same length in a longer list": (PLAIN.replace(b": 2", b":2,2 ,\t2"), PLAIN),
    "chunked twice": (
        HELLO.replace(b": chunked", b": chunked\r\nTransfer-Encoding:chunked"),
        HELLO,
    ),
    "chunked twice in a list": (HELLO.replace(b": chunked", b": Chunked, chunked"), HELLO),
    "identity": (
        PLAIN.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: identity\r\n\r\n"),
        PLAIN,
    ),
    "LF as line end": (PLAIN.replace(b"\r\n", b"\n"), PLAIN),
    "LF as line end and CR LF in the body": (
        b"HTTP/1.1 200 OK\nContent-Length: 6\n\na\r\n\r\nb",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na\r\n\r\nb",
    ),
    "two blanks in the status line": (PLAIN.replace(b" 200 ", b"  200 "), PLAIN),
    "control byte in a value": (
        PLAIN.replace(b"\r\n", b"\r\nX: a\x1bb\r\n", 1),
        PLAIN.replace(b"\r\n", b"\r\nX: a b\r\n", 1),
    ),
    "blank after a size": (HELLO.replace(b"5\r", b"5 \r"), HELLO),
    "padded sizes": (HELLO.replace(b"5\r", b"5       \r").replace(b"0\r", b"0\t\r"), HELLO),
    "many zeros before a size": (HELLO.replace(b"5\r", b"0" * 30 + b"5\r"), HELLO),
    "blank in an extension": (HELLO.replace(b"5\r", b"5 ; a = b\r"), HELLO),
    "extension of 8 KB": (HELLO.replace(b"5\r", b"5;a=" + b"b" * 8192 + b"\r"), HELLO),
    "trailer that may not be one": (HELLO[:-2] + b"Set-Cookie: a=b\r\n\r\n", HELLO),
    "trailer with a blank in its name": (HELLO[:-2] + b"Server Timing: x\r\n\r\n", HELLO),
    "trailer with UTF-8 in its name": (HELLO[:-2] + b"X-\xc3\xa4: x\r\n\r\n", HELLO),
    "blank before the colon of a trailer": (
        HELLO[:-2] + b"Digest : x\r\n\r\n",
        HELLO[:-2] + b"Digest: x\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_answer_reaches_the_client_in_its_right_form(
    name: str, running: Sidecar, app_port: int
) -> None:
    odd, right = ODD[name]
    async with tap(app_port, answering(odd, odd, PLAIN)) as app, client(running.port) as peer:
        for _ in range(2):
            peer.send(ASK)
            assert await peer.take(len(right)) == right
        # Both connections are in step.
        peer.send(ASK)
        assert await peer.take(len(PLAIN)) == PLAIN
        assert len(app.connections) == 1


@pytest.mark.parametrize("name", [name for name, (odd, _) in ODD.items() if len(odd) < 1000])
async def test_an_odd_answer_may_come_one_byte_at_a_time(
    name: str, running: Sidecar, app_port: int
) -> None:
    odd, right = ODD[name]

    async def drips(app: Peer) -> None:
        await app.take_head()
        await app.drip(odd)

    async with tap(app_port, drips), client(running.port) as peer:
        peer.send(ASK)
        assert await peer.take(len(right)) == right


async def test_16_kb_of_extensions_pass_in_a_long_answer(running: Sidecar, app_port: int) -> None:
    chunks = (b"1000;id=%040x\r\n" % 1 + b"x" * 4096 + b"\r\n") * 500 + b"0\r\n\r\n"
    async with tap(app_port, answering(CODED + chunks)), client(running.port) as peer:
        peer.send(ASK)
        assert await peer.take(len(CODED) + len(chunks)) == CODED + chunks


@pytest.mark.parametrize("name", ["padded sizes", "extension of 8 KB", "LF as line end"])
async def test_a_client_library_reads_what_was_meant(
    name: str, running: Sidecar, app_port: int
) -> None:
    odd, right = ODD[name]

    def fetch() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        finally:
            connection.close()

    async with tap(app_port, answering(odd)):
        body = await asyncio.to_thread(fetch)
        assert body == (b"hello" if right == HELLO else b"ok")
