"""A client of HTTP/2 that ends its side, on real sockets: what is whole is answered, and what is
not is heard of by the app."""

from collections.abc import Iterator

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.frames import END_HEADERS, WHOLE, Code, Kind, headers
from tests.e2e.http2_counting_app import counting_app
from tests.e2e.http2_raw_client import http2_client
from tests.e2e.process import Sidecar, sidecar


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Sidecar, int]]:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running:
        yield running, port


@pytest.mark.parametrize("waits", [True, False])
async def test_the_app_hears_what_will_never_be_whole_and_answers_the_rest(
    waits: bool, ground: tuple[Sidecar, int]
) -> None:
    running, app_port = ground
    async with counting_app(app_port) as apps, http2_client(running.port) as client:
        await client.greet()
        app = await apps.connection(0)
        upload = client.ask("/upload", "POST", flags=END_HEADERS)
        whole = client.ask("/hold") if waits else upload
        await app.until(lambda: app.highest == whole)
        client.transport.write_eof()
        if waits:
            await app.until(lambda: app.frames[Kind.RST_STREAM] == 1)
            assert [*app.open] == [whole]
            app.send(headers(whole, b"\x88", WHOLE))
            assert await client.answered(whole) == "200"
        await app.until(lambda: app.ended)
        assert app.frames[Kind.RST_STREAM] == 1
        await client.until(lambda: client.ended)
        assert client.goaway in (None, Code.NO_ERROR)
    assert "Traceback" not in running.process.output
