"""What the sidecar costs: memory at rest, memory for each idle connection, time to start.

Connections are held by `loadtests.bench`, which measures the same beside other proxies.
"""

import resource
import statistics
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from drainproxy.rehearsal.ports import free_ports
from loadtests.bench.idle import GET, UPGRADE, held
from tests.e2e.flow import resident
from tests.e2e.process import Sidecar, accepts, sidecar, started

AT_REST = 45 << 20
PER_CONNECTION = 8 << 10
AFTER_A_LONG_HEAD = 6 << 10
LONG = (GET[0][:-2] + b"Cookie: " + b"c" * 60_000 + b"\r\n\r\n", GET[1])
# Of CPU, whoever else runs here; the clock may show a busy machine.
START = 0.6
START_BY_THE_CLOCK = 2.0

CONNECTIONS = 5000
FEWER = 1000
FIRST = 200

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc"),
]


@pytest.fixture
def connections() -> Iterator[int]:
    """How many the system lets us hold: two descriptors each in the sidecar, one here."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield CONNECTIONS if hard > 2 * CONNECTIONS + 1000 else FEWER
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@pytest.fixture(scope="module")
def idle_app() -> Iterator[str]:
    """Answers and keeps the connection."""
    (port,) = free_ports(1)
    with started("loadtests.bench.idle_app", str(port), ready=lambda: accepts(port)):
        yield f"127.0.0.1:{port}"


def open_now(running: Sidecar, kind: str) -> float:
    return running.metric(f'drainproxy_connections{{kind="{kind}"}}')


def test_after_the_start_it_is_small_and_ready_soon(idle_app: str) -> None:
    times, work, sizes = [], [], []
    for _ in range(5):
        began = monotonic()
        with sidecar(idle_app) as running:
            times.append(monotonic() - began)
            sizes.append(resident(running.process.pid))
            work.append(running.metric("process_cpu_seconds_total"))
    told = (
        f"ready after {statistics.median(times):.2f} s, {statistics.median(work):.2f} s of CPU,"
        f" {max(sizes) / (1 << 20):.1f} MB"
    )
    print(told)
    assert statistics.median(work) < START, told
    assert min(times) < START_BY_THE_CLOCK, told
    assert max(sizes) <= AT_REST, told


@pytest.mark.parametrize(
    ("kind", "conversation"),
    [
        # The test behind this one proves it of HTTP/1, within less.
        pytest.param("http1", GET, id="http1", marks=pytest.mark.slow),
        pytest.param("websocket", UPGRADE, id="websocket"),
    ],
)
async def test_an_idle_connection_costs_little(
    kind: str, conversation: tuple[bytes, bytes], connections: int, idle_app: str
) -> None:
    # Without long heads, of which the first ones leave room for others, half of them show the same.
    await idle_connections_cost(kind, conversation, connections // 2, idle_app, PER_CONNECTION)


async def test_an_idle_connection_that_had_a_long_head_costs_no_more(
    connections: int, idle_app: str
) -> None:
    await idle_connections_cost("http1", LONG, connections, idle_app, AFTER_A_LONG_HEAD)


async def idle_connections_cost(
    kind: str, conversation: tuple[bytes, bytes], connections: int, idle_app: str, most: int
) -> None:
    with sidecar(idle_app) as running:
        # What the first of all needs, and the first scrape, is not the cost of a connection.
        async with held(running.port, FIRST, conversation):
            assert open_now(running, kind) == FIRST
        before = resident(running.process.pid)
        async with held(running.port, connections, conversation) as clients:
            after = resident(running.process.pid)
            assert open_now(running, kind) >= connections
            assert clients.lost == 0
            each = (after - before) / connections
            told = f"{connections} idle {kind} connections: {each / 1024:.2f} KB each"
            print(told)
            assert each <= most, told
