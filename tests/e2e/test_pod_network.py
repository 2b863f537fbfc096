"""Injected pods with a network of their own: how clients are led to the sidecar, in which family.

Where a Service was rewritten to the sidecar's number, its clients connect to that; where they are
redirected, they connect to the app's.
"""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e.netns import CLIENT, NODE, POD, Namespace, pod
from tests.e2e.netpod import APP, SIDECAR, NetPod, running_netpod, until
from tests.e2e.programs import tool

Network = tuple[Namespace, Namespace]

DRAIN = {"drain-delay": "500ms", "drain-quiet": "500ms", "drain-spread": "1s"}
REDIRECT = {"capture": "redirect"}
ALL = {"IPv4": "0.0.0.0", "IPv6": "::"}
ASKERS = 10
# Seconds that a request is in flight when the pod is deleted.
SLOW = 1.5
# Within these a bypass is told.
SOON = 10.0


def uvicorn(family: str) -> tuple[str, ...]:
    where = ("--host", ALL[family], "--port", str(APP))
    return ("uvicorn", *where, "--lifespan", "off", "tests.e2e.pod_app:app")


@contextmanager
def network(*families: str) -> Iterator[Network]:
    with pod(*families) as made:
        yield made


@pytest.fixture(scope="module")
def both() -> Iterator[Network]:
    with network() as made:
        yield made


def needs_nftables(inside: Namespace) -> None:
    tool("nft")
    rules = subprocess.run(
        [*inside.prefix, "nft", "list", "tables"], capture_output=True, check=False
    )
    if rules.returncode:
        pytest.skip("no nftables in this kernel")


class Asker:
    """Asks one thing after the other until it is told to go; each connection is a new one at first,
    as of a Service that has not heard of the deletion yet."""

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self.answers = 0
        self.gone = False

    async def work(self, slow: asyncio.Barrier) -> None:
        reader, writer = await asyncio.open_connection(*self._where)
        await self._ask(reader, writer, 0)
        await slow.wait()
        await self._ask(reader, writer, SLOW)
        while not self.gone:
            await self._ask(reader, writer, 0.05)
        assert await reader.read() == b""
        writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> None:
        request = f"POST /echo?seconds={seconds} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert await reader.readexactly(2) == b"hi"
        self.answers += 1
        self.gone = b"connection: close" in head.lower()


async def ask_all(address: str, port: int, started: list[bool]) -> int:
    """The answers that came, of which none was lost."""
    askers = [Asker(address, port) for _ in range(ASKERS)]
    slow = asyncio.Barrier(ASKERS + 1)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for asker in askers:
            tasks.create_task(asker.work(slow))
        await slow.wait()
        started.append(True)
    return sum(asker.answers for asker in askers)


def deleted_under_load(network: Network, running: NetPod, port: int) -> None:
    """Nobody loses anything, and the app was the last to hear of it."""
    started: list[bool] = []
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(
            network[1].enter, lambda: asyncio.run(ask_all(running.address, port, started))
        )
        until(lambda: bool(started) or work.done(), 15)
        running.sidecar.until(lambda: running.json("/status")["in_flight"]["http1"] == ASKERS)
        report = running.delete()
        answers = work.result(30)
    assert answers >= 2 * ASKERS
    assert (report["verdict"], report["why"]) == ("clean", "prestop")
    assert report["in_flight_at_start"]["http1"] == ASKERS


@pytest.mark.parametrize(
    ("settings", "port", "family"),
    [
        pytest.param({}, SIDECAR, "IPv6", id="Service rewritten, IPv6 alone"),
        pytest.param(REDIRECT, APP, "IPv4", id="redirect, IPv4 alone"),
        pytest.param({}, SIDECAR, "IPv4", id="Service rewritten, IPv4", marks=pytest.mark.slow),
        pytest.param(REDIRECT, APP, "IPv6", id="redirect, IPv6", marks=pytest.mark.slow),
    ],
)
def test_a_pod_that_is_deleted_under_load_loses_nothing(
    settings: dict[str, str], port: int, family: str, tmp_path: Path
) -> None:
    """The pod has addresses of this family alone, and all settings but the drain's are defaults."""
    with network(family) as made, ExitStack() as stack:
        if settings:
            needs_nftables(made[0])
        running = stack.enter_context(
            running_netpod(made, uvicorn(family), tmp_path, {**DRAIN, **settings}, family)
        )
        deleted_under_load(made, running, port)


@pytest.mark.parametrize("family", ["IPv4", pytest.param("IPv6", marks=pytest.mark.slow)])
@pytest.mark.parametrize("settings", [{}, pytest.param(REDIRECT, marks=pytest.mark.slow)])
def test_an_app_that_binds_the_address_of_the_pod_alone_is_reached(
    settings: dict[str, str], family: str, tmp_path: Path
) -> None:
    pod_ip = {"app-host": "pod-ip", "app-source": "127.0.0.6", **DRAIN, **settings}
    with network(family) as made, ExitStack() as stack:
        if settings:
            needs_nftables(made[0])
        _, _, _, *others = uvicorn(family)
        app = ("uvicorn", "--host", POD[family], *others)
        running = stack.enter_context(running_netpod(made, app, tmp_path, pod_ip, family))
        deleted_under_load(made, running, APP if settings else SIDECAR)


# Who reaches the app past the sidecar


@contextmanager
def connection(outside: Namespace, family: str, source: str, port: int) -> Iterator[None]:
    """One that is held open for the block."""
    where, from_there = (POD[family], port), (source, 0)
    held = outside.enter(lambda: socket.create_connection(where, 5, source_address=from_there))
    with held:
        yield


@pytest.mark.parametrize("family", ["IPv4", pytest.param("IPv6", marks=pytest.mark.slow)])
def test_who_bypasses_is_counted_and_named_and_probes_are_not(
    both: Network, family: str, tmp_path: Path
) -> None:
    _, outside = both
    app = ("http.server", "--bind", "::", str(APP))
    with running_netpod(both, app, tmp_path, {}, family) as running, ExitStack() as stack:
        # The kubelet probes the app itself, from the node, without an end.
        end = monotonic() + 4.5
        while monotonic() < end:
            with connection(outside, family, NODE[family], APP):
                sleep(0.05)  # as long as a probe may take
        assert running.bypassed() == 0
        # Clients of the sidecar are none either.
        stack.enter_context(connection(outside, family, CLIENT[family], SIDECAR))
        with connection(outside, family, CLIENT[family], APP):
            until(lambda: running.bypassed() == 1, SOON)
            (told,) = running.json("/status")["bypassed"]
            assert (told["port"], told["from"]) == (APP, [CLIENT[family]])
            (line,) = [
                each for each in running.sidecar.output.splitlines() if "app directly" in each
            ]
            for part in CLIENT[family], str(APP), str(SIDECAR), "drainproxy.io/capture":
                assert part in line
            # Who stays is no probe, also if he comes from the node.
            with connection(outside, family, NODE[family], APP):
                until(lambda: running.bypassed() == 2, SOON)
        until(lambda: running.bypassed() == 0, SOON)
        assert running.sidecar.output.count("of the app directly") == 1


@pytest.mark.slow
def test_with_a_redirect_nobody_bypasses(both: Network, tmp_path: Path) -> None:
    inside, outside = both
    needs_nftables(inside)
    app = ("http.server", "--bind", "::", str(APP))
    with running_netpod(both, app, tmp_path, REDIRECT) as running, ExitStack() as stack:
        for source in CLIENT, NODE:
            stack.enter_context(connection(outside, "IPv4", source["IPv4"], APP))
        running.sidecar.until(lambda: running.json("/status")["connections"]["unknown"] == 2)
        # That nothing is reported has no event to wait for: two looks pass, 2 s apart.
        sleep(4.5)
        assert running.bypassed() == 0
