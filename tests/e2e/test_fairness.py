"""Twenty clients that send the smallest structures without end, or have the app send them, keep
nobody waiting: probes, another client, and the end of a drain.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from time import monotonic

import aiohttp
import pytest

from drainproxy.rehearsal.ports import free_ports
from loadtests.bench.flood import NAMES
from tests.e2e.process import BUSY, Sidecar, accepts, sidecar, started

ATTACKERS = 20
# The law: 99 of 100 are answered within 0.1 s, which a quiet machine keeps (TESTS_QUIET=1).
# Attackers, app and clients share the cores, so others have a margin; without turns it is seconds.
PROMPT = 0.1 if os.environ.get("TESTS_QUIET") == "1" else 0.8
SECONDS = 2.0
TIMEOUT = 1.5
CONNECTIONS = "drainproxy_connections_total{"
DRAIN = (
    *("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-timeout", f"{TIMEOUT:g}s"),
    *("--forwarded", "off"),
)

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def flooding_app() -> Iterator[str]:
    (port,) = free_ports(1)
    with started("loadtests.bench.flood", "app", str(port), ready=lambda: accepts(port)):
        yield f"127.0.0.1:{port}"


async def asked_again_and_again(url: str, until: float) -> list[float]:
    """How long each answer took; over a new connection each, as the kubelet asks."""
    took = []
    while monotonic() < until:
        began = monotonic()
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
            session.get(url, timeout=aiohttp.ClientTimeout(30)) as answer,
        ):
            assert answer.status == 200, url
            await answer.read()
        took.append(monotonic() - began)
        # The pace of a client that is in a hurry.
        await asyncio.sleep(0.01)
    return took


async def kept_waiting(running: Sidecar) -> dict[str, float]:
    """What 99 of 100 askers waited at most, in seconds, by what they asked for."""
    urls = {
        **{path: f"http://127.0.0.1:{running.admin}{path}" for path in ("/livez", "/readyz")},
        "/": f"http://127.0.0.1:{running.port}/",
    }
    until = monotonic() + SECONDS
    took = await asyncio.gather(*(asked_again_and_again(url, until) for url in urls.values()))
    return {
        path: sorted(each)[int(0.99 * len(each))] for path, each in zip(urls, took, strict=True)
    }


def have_come(running: Sidecar) -> bool:
    """All attackers, at least once."""
    lines = str(running.get("/metrics")[1]).splitlines()
    counts = [line.split()[1] for line in lines if line.startswith(CONNECTIONS)]
    return sum(map(float, counts)) >= ATTACKERS


ALONE = [pytest.param((name,), id=name, marks=pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("names", [pytest.param(NAMES, id="all of them"), *ALONE])
async def test_a_flood_keeps_nobody_waiting_and_does_not_outlive_the_deadline(
    names: tuple[str, ...], flooding_app: str
) -> None:
    with sidecar(flooding_app, *DRAIN) as running:
        flood = ("clients", str(running.port), str(ATTACKERS), *names)
        with started("loadtests.bench.flood", *flood, ready=lambda: have_come(running)):
            waited = await kept_waiting(running)
            began = monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(running.process.wait) == 0
            assert monotonic() - began < TIMEOUT + BUSY
    assert max(waited.values()) < PROMPT, waited
