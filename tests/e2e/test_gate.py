"""The gate asks a real Prometheus about real sidecars: it finds each fault, and passes no fault."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from drainproxy.rehearsal.ports import free_ports, release
from tests.conftest import ROOT
from tests.e2e.process import QUICK_DRAIN, Sidecar, is_up, sidecar, started
from tests.e2e.prometheus import Prometheus, prometheus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# What is wrong with each version, and what the gate is to say.
VERDICTS = {"healthy": "pass", "slow": "fail", "failing": "fail", "dropping": "fail"}
VERSIONS = ("stable", *VERDICTS, "idle")
EXIT_CODES = {"pass": 0, "fail": 1, "hold": 3}


class App:
    """One version; requests and WebSockets go wrong as its name says."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._chance = random.Random(version)

    async def hello(self, _: web.Request) -> web.Response:
        if self.version == "slow":
            # The fault itself: slower than any bound that stable keeps.
            await asyncio.sleep(0.3)
        if self.version == "failing" and self._chance.random() < 0.05:
            return web.Response(status=500)
        return web.Response(text="hello")

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        if self.version == "dropping" and request.transport is not None:
            request.transport.abort()
            return socket
        await socket.send_str("answer")
        await socket.close()
        return socket

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes([web.get("/", self.hello), web.get("/ws", self.talk)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


async def ask(client: ClientSession, port: int) -> None:
    """Requests without end, and a WebSocket after each twenty."""
    number = 0
    while True:
        number += 1
        with suppress(ClientError, OSError):
            async with client.get(f"http://127.0.0.1:{port}/") as said:
                await said.read()
            if number % 20 == 0:
                async with client.ws_connect(f"http://127.0.0.1:{port}/ws") as socket:
                    await socket.send_str("question")
                    while (await socket.receive()).type == WSMsgType.TEXT:
                        pass
        # The pace of this client.
        await asyncio.sleep(0.02)


def judged(watching: Prometheus, version: str, *more: str) -> tuple[int, dict[str, Any]]:
    """What `drainproxy gate canary` exits with and says."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "drainproxy", "gate", "canary", "--prometheus", watching.url),
            *("--canary", f'version="{version}"', "--stable", 'version="stable"', "-o", "json"),
            *("--warm-up", "0s", "--window", "2m", "--interval", "1s", *more),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )
    return done.returncode, json.loads(done.stdout)


@contextmanager
def fleet(apps: dict[str, int]) -> Iterator[dict[str, Sidecar]]:
    """A sidecar in front of each app."""
    with ExitStack() as stack:
        yield {
            version: stack.enter_context(sidecar(f"127.0.0.1:{port}"))
            for version, port in apps.items()
        }


async def test_each_fault_is_found_and_a_healthy_version_passes(tmp_path: Path) -> None:
    apps = dict(zip(VERSIONS, free_ports(len(VERSIONS)), strict=True))
    async with AsyncExitStack() as stack:
        for version, port in apps.items():
            await stack.enter_async_context(App(version).served(port))
        sidecars = await asyncio.to_thread(stack.enter_context, fleet(apps))
        targets = {each.admin: {"version": version} for version, each in sidecars.items()}
        watching = await asyncio.to_thread(stack.enter_context, prometheus(tmp_path, targets))
        client = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(10)))
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(ask(client, sidecars[version].port))
                for version in ("stable", *VERDICTS)
                for _ in range(3)
            ]
            waits = ("--wait", "90s")
            looks = [asyncio.to_thread(judged, watching, each, *waits) for each in VERDICTS]
            idle = asyncio.to_thread(judged, watching, "idle", "--wait", "5s")
            *found, nothing = await asyncio.gather(*looks, idle)
            for task in asking:
                task.cancel()
    for (version, wanted), (code, said) in zip(VERDICTS.items(), found, strict=True):
        assert (said["verdict"], code) == (wanted, EXIT_CODES[wanted]), (version, said)
    assert (nothing[1]["verdict"], nothing[0]) == ("hold", 3)
    reasons = [said["reason"].split(":")[0] for _, said in found]
    named = dict(zip(VERDICTS, reasons, strict=True))
    assert named["failing"] == "errors"
    assert named["slow"].startswith("latency")
    assert named["dropping"] == "broken websockets"


def live_twice(watching: Prometheus, ports: Sequence[int], app: int) -> None:
    """A sidecar that is killed, and one in its place, until something of each was scraped."""
    forward = ("--forward", f"127.0.0.1:{ports[0]}=127.0.0.1:{app}")
    command = ("drainproxy", "run", *forward, "--admin", f"127.0.0.1:{ports[1]}", *QUICK_DRAIN)
    mine, before = '{version="failing"}', 0.0

    def was_seen() -> bool:
        begun = watching.value(f"process_start_time_seconds{mine}")
        lived = watching.value(f"time() - process_start_time_seconds{mine}")
        requests = watching.value(f"sum(drainproxy_requests_total{mine})")
        # Two starts within a second are told apart from one by nobody.
        return begun != before and lived > 2 and requests > 60

    for _ in range(2):
        with started(*command, ready=lambda: is_up(ports[1])) as process:
            process.until(was_seen, 30)
            process.send_signal(signal.SIGKILL)
            process.wait()
        before = watching.value(f"process_start_time_seconds{mine}")


def scraped(watching: Prometheus) -> int:
    """What all lives together held when they were last scraped."""
    (starts,) = watching.query('process_start_time_seconds{version="failing"}[2m]')
    lives = dict(starts["values"])
    assert len({*lives.values()}) == 2
    total = 0.0
    for series in watching.query('drainproxy_requests_total{version="failing",kind="http1"}[2m]'):
        lasts = {lives[moment]: float(value) for moment, value in series["values"]}
        total += sum(lasts.values())
    return round(total)


async def test_of_a_sidecar_that_restarts_everything_that_was_scraped_counts_once(
    tmp_path: Path,
) -> None:
    apps = dict(zip(("stable", "failing"), free_ports(2), strict=True))
    ports = free_ports(2)
    async with AsyncExitStack() as stack:
        for version, port in apps.items():
            await stack.enter_async_context(App(version).served(port))
        stable = fleet({"stable": apps["stable"]})
        admin = (await asyncio.to_thread(stack.enter_context, stable))["stable"].admin
        targets = {admin: {"version": "stable"}, ports[1]: {"version": "failing"}}
        watching = await asyncio.to_thread(stack.enter_context, prometheus(tmp_path, targets))
        client = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(10)))
        asking = [asyncio.create_task(ask(client, ports[0])) for _ in range(3)]
        await asyncio.to_thread(live_twice, watching, ports, apps["failing"])
        for task in asking:
            task.cancel()
        _, said = await asyncio.to_thread(judged, watching, "failing")
        (errors,) = (each for each in said["signals"] if each["signal"] == "errors")
        assert errors["canary"]["total"] == await asyncio.to_thread(scraped, watching)
    release(ports)
