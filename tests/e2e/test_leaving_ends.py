"""`leaving` ends although somebody knocks all the time, if it is nobody who asks for anything."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from threading import Event, Thread
from time import monotonic

import pytest
from h2.events import ResponseReceived

from tests.e2e.conformance.frames import PREFACE, ping, settings
from tests.e2e.conftest import DemoApp
from tests.e2e.either_app import either_app
from tests.e2e.h2_client import h2_client
from tests.e2e.process import BUSY, Sidecar, sidecar

# What the bound is to the tick, tests/sidecar/test_new_clients.py proves.
QUIET = 0.5
# By the machine alone `leaving` would take three quarters of an hour.
DRAIN = ("--drain-delay", "0s", "--drain-quiet", f"{QUIET}s", "--drain-timeout", "1h")
LAST = b"Host: a.example\r\nConnection: close\r\n\r\n"
KUBELET = b"GET /hello HTTP/1.1\r\nUser-Agent: kube-probe/1.33\r\n" + LAST
HEALTH = b"GET /healthz HTTP/1.1\r\n" + LAST
ASKS = b"GET /hello HTTP/1.1\r\n" + LAST

Knock = Callable[[int, ExitStack], None]


def silent(port: int, open_ones: ExitStack) -> None:
    """Connects, says nothing and stays."""
    open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))


def pings(port: int, open_ones: ExitStack) -> None:
    """The same over HTTP/2, where one can say something and ask for nothing (RFC 9113 6.7)."""
    client = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
    client.sendall(PREFACE + settings() + ping())


def silent_of_either(port: int, open_ones: ExitStack) -> None:
    """One of each."""
    silent(port, open_ones)
    pings(port, open_ones)


def scans(port: int, _: ExitStack) -> None:
    """Looks whether the port is open."""
    socket.create_connection(("127.0.0.1", port)).close()


def says(request: bytes) -> Knock:
    def knock(port: int, _: ExitStack) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=BUSY) as client:
            client.sendall(request)
            while client.recv(65536):
                pass

    return knock


@contextmanager
def knocking(running: Sidecar, knock: Knock, every: float) -> Iterator[None]:
    """As long as somebody listens."""
    over = Event()

    def knock_on() -> None:
        with ExitStack() as open_ones, suppress(OSError):
            while not over.wait(every):
                knock(running.port, open_ones)
            over.wait()

    thread = Thread(target=knock_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


NOBODY = {
    "silent connections": (silent_of_either, 0.1),
    "a port scanner": (scans, 0.02),
    "probes of the kubelet": (says(KUBELET), 0.25),
    "probes of health": (says(HEALTH), 0.25),
}


def seconds_of_leaving(running: Sidecar) -> float:
    """How long it takes from the beginning of a drain to the end of `leaving`."""
    began = monotonic()
    running.post("/drain")
    running.process.until(lambda: running.phase not in ("announced", "leaving"))
    seconds = monotonic() - began
    running.cut()
    return seconds


@pytest.mark.parametrize("protocol", ["auto", pytest.param("http", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("knock", "every"), NOBODY.values(), ids=NOBODY)
def test_who_asks_for_nothing_does_not_hold_it_up(
    knock: Knock, every: float, protocol: str, demo_app: DemoApp
) -> None:
    with (
        sidecar(demo_app.address, *DRAIN, protocol=protocol) as running,
        knocking(running, knock, every),
    ):
        assert seconds_of_leaving(running) < QUIET + 3 + BUSY


def test_silent_connections_of_tcp_do_not_either(demo_app: DemoApp) -> None:
    app = f"127.0.0.1:{demo_app.tcp_port}"
    with sidecar(app, *DRAIN, protocol="tcp") as running, knocking(running, silent, 0.1):
        assert seconds_of_leaving(running) < QUIET + 3 + BUSY


def test_whoever_asks_holds_it_up_for_leaving_timeout_at_most(demo_app: DemoApp) -> None:
    with (
        sidecar(demo_app.address, *DRAIN, "--leaving-timeout", "1500ms") as running,
        knocking(running, says(ASKS), 0.05),
    ):
        assert 1.5 <= seconds_of_leaving(running) < 1.5 + BUSY


# Over HTTP/2

Fields = list[tuple[str, str]]


def request(path: str, *more: tuple[str, str], method: str = "GET") -> Fields:
    usual = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")]
    return [*usual, *more]


GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
PROBES = [
    request("/", ("user-agent", "kube-probe/1.33")),
    request("/healthz"),
    request("/grpc.health.v1.Health/Check", *GRPC, method="POST"),
    request("/grpc.health.v1.Health/Watch", *GRPC, method="POST"),
]


@asynccontextmanager
async def asking(running: Sidecar, requests: list[Fields]) -> AsyncIterator[None]:
    """Each again and again, on a connection of its own, as long as somebody listens."""

    async def ask_on(fields: Fields) -> None:
        with suppress(ConnectionError):
            while True:
                async with h2_client(running.port) as client:
                    await client.until(ResponseReceived, client.request(fields))
                # The pace of those who ask.
                await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(ask_on(fields)) for fields in requests]
    yield
    for task in tasks:
        task.cancel()
    for told in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(told, asyncio.CancelledError | None)


@pytest.mark.parametrize(
    ("requests", "bound", "least", "most"),
    [(PROBES, "1h", 0.0, QUIET + 3), ([request("/"), *PROBES], "2s", 2.0, 2.0)],
    ids=["probes", "somebody among probes"],
)
async def test_over_http2_only_who_asks_for_something_holds_it_up(
    requests: list[Fields], bound: str, least: float, most: float, app_port: int
) -> None:
    options = (*DRAIN, "--leaving-timeout", bound)
    with sidecar(f"127.0.0.1:{app_port}", *options) as running:
        async with either_app(app_port), asking(running, requests):
            seconds = await asyncio.to_thread(seconds_of_leaving, running)
    assert least <= seconds < most + BUSY
