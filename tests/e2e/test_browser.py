"""A browser's WebSocket and EventSource work through the sidecar, and hear its goodbye."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import sidecar

# A browser takes its time to start, the more so on a busy machine.
PATIENCE = 40.0
DRAIN = (
    *("--drain-delay", "0s", "--drain-quiet", "1s", "--drain-spread", "0s"),
    *("--drain-timeout", "20s"),
)

PAGE = """<!doctype html>
<title>A page</title>
<script>
  const report = what => fetch("/report", { method: "POST", body: JSON.stringify(what) })
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws")
  const events = new EventSource("/events")
  const echoed = new Promise(resolve => {
    socket.onopen = () => socket.send("hello")
    socket.onmessage = message => resolve(message.data)
  })
  const heard = new Promise(resolve => {
    const numbers = []
    events.onmessage = event => numbers.push(event.data) == 3 && resolve([...numbers])
  })
  Promise.all([echoed, heard]).then(([echo, numbers]) => report({ echo, numbers }))
  socket.onclose = ({ code, reason, wasClean }) => {
    events.close()
    report({ code, reason, wasClean })
  }
</script>
"""


class App:
    """Serves the page, and keeps what it reports."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[Any] = asyncio.Queue()

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        async for message in connection:
            await connection.send_str(message.data)
        return connection

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(10_000):
            await response.write(b"id: %d\ndata: %d\n\n" % (number, number))
            await asyncio.sleep(0.05)
        return response

    async def report(self, request: web.Request) -> web.Response:
        self.reports.put_nowait(await request.json())
        return web.Response()

    async def reported(self) -> Any:
        """The next report of the page."""
        async with asyncio.timeout(PATIENCE):
            return await self.reports.get()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[App, str]]:
    """The app, and its address."""
    app, port = App(), free_ports(1)[0]
    application = web.Application()
    application.router.add_get("/", app.page)
    application.router.add_get("/ws", app.websocket)
    application.router.add_get("/events", app.events)
    application.router.add_post("/report", app.report)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield app, f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@contextmanager
def browsing(browser: str, url: str, folder: Path) -> Iterator[None]:
    """A browser without a window on a page; it and all its processes end with the block."""
    process = subprocess.Popen(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--disable-dev-shm-usage", "--disable-default-apps", "--no-proxy-server"),
            # Whatever else it would like to talk to is not there.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *(f"--user-data-dir={folder}", url),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.timeout(3 * PATIENCE)
async def test_a_page_with_a_websocket_and_an_event_source(browser: str, tmp_path: Path) -> None:
    async with serving() as (app, address):
        with sidecar(address, *DRAIN) as running:
            with browsing(browser, f"http://127.0.0.1:{running.port}/", tmp_path / "profile"):
                assert await app.reported() == {"echo": "hello", "numbers": ["0", "1", "2"]}
                running.process.send_signal(signal.SIGTERM)
                closed = {"code": 1001, "reason": "going away", "wasClean": True}
                assert await app.reported() == closed
                # The page has let its event stream go: nobody is waited for.
                assert await asyncio.to_thread(running.process.wait) == 0
            assert "drained: clean" in running.process.output
