"""Real servers that read much as HTTP serve nothing that the strict parser has not seen."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from itertools import product

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import Process, Sidecar, accepts, program, sidecar
from tests.e2e.programs import tool
from tests.e2e.tap import client

NODE = """
require("http").createServer((request, response) => {
    console.log("served", request.url)
    response.end("ok")
}).listen(+process.argv[1], "127.0.0.1")
"""
SERVERS = ["cheroot.wsgi", "eventlet.wsgi", "gevent.pywsgi", "waitress", "werkzeug.serving", "node"]
FIELDS = b"Host: a.example\r\nX-Forwarded-For: 192.0.2.66\r\nConnection: close\r\n\r\n"
BEFORE = [
    *(b"", b" ", b"\t", b"\x0b", b"\x1c", b"\x85", b"\xa0", b"\n", b"\r", b"\0", b"\x01", b"\x16"),
    *(b"\xff", b"\xef\xbb\xbf", b"\xc2\xa0", b" \r\n", b"X\r\n"),
]
LINES = [
    *(b"GET /bad HTTP/1.1 ", b"GET\x0b/bad\x0bHTTP/1.1", b"G\xe9T /bad HTTP/1.0", b"GET /bad"),
    *(b"FOO bad", b"FOO bad ", b"FOO bad\n", b"GET bad\t", b"FOO /bad HTTP/01.1", b"GET /bad\r"),
    *(b"GET /bad RTSP/1.0", b"SOURCE /bad ICE/1.0", b"GET /bad HTTP/1.2", b"get /bad HTTP/1.1 "),
]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Process, Sidecar]]:
    (port,) = free_ports(1)
    command: tuple[str, ...]
    if request.param == "node":
        command = tool("node"), "-e", NODE, str(port)
    elif find_spec(request.param.partition(".")[0]) is None:
        pytest.skip(f"{request.param} is not installed")
    else:
        command = sys.executable, "-m", "tests.e2e.lenient_app", request.param, str(port)
    with (
        program(*command, ready=lambda: accepts(port)) as app,
        sidecar(f"127.0.0.1:{port}") as running,
    ):
        yield app, running


async def says(port: int, head: bytes, cut: int) -> None:
    """One client, in two pieces if it is cut, until it has been answered."""
    async with client(port) as peer:
        peer.send(head[:cut])
        # As a rule what comes then is read alone; the law holds in any case.
        await asyncio.sleep(0.01 if cut < len(head) else 0)
        peer.send(head[cut:])
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await peer.until(lambda: peer.ended)


@pytest.mark.slow
async def test_a_server_that_reads_it_never_gets_it(server: tuple[Process, Sidecar]) -> None:
    app, running = server
    # What is right is served: the others had the chance.
    await says(running.port, b"GET /good HTTP/1.1\r\n" + FIELDS, 100)
    app.until(lambda: "served /good" in app.output)
    heads = [a + b + b"\r\n" + FIELDS for a, b in product(BEFORE, LINES)]
    cuts = (1, 5, 1000)
    asked = [(head, cut) for head, cut in product(heads, cuts)]
    for at in range(0, len(asked), 100):
        await asyncio.gather(*(says(running.port, *each) for each in asked[at : at + 100]))
    await says(running.port, b"GET /last HTTP/1.1\r\n" + FIELDS, 100)
    app.until(lambda: "served /last" in app.output)
    assert [line for line in app.output.splitlines() if line.startswith("served")] == [
        *("served /good", "served /last")
    ]
