"""The end of accepting: while thousands connect, the listener closes and nobody is reset."""

import asyncio
import signal
import socket
from collections import Counter
from time import monotonic
from typing import Any

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.flow import serving
from tests.e2e.process import Sidecar, sidecar

RATE, SECONDS = 2000, 3.0
# `leaving` is over 1.5 s after the signal, quiet or not; what is in flight then has its time.
DRAIN = (
    *("--drain-delay", "0s", "--drain-quiet", "1s", "--leaving-timeout", "1500ms"),
    *("--drain-timeout", "20s"),
)
QUESTION = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class App(asyncio.Protocol):
    """Answers everything."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


async def ask_once(port: int) -> str:
    """One connection, one question: what came of it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, ("127.0.0.1", port))
        except ConnectionRefusedError:
            return "refused"
        try:
            await loop.sock_sendall(sock, QUESTION)
            answer = await loop.sock_recv(sock, 4096)
        except ConnectionError as error:
            return type(error).__name__
        return "answered" if answer.endswith(b"ok") else f"{answer!r}"


async def connect_all_the_time(running: Sidecar) -> tuple[Counter[str], float]:
    """SIGTERM, and from then on so many each second: what came of them, and the true rate."""
    tasks: list[asyncio.Task[str]] = []
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        running.process.send_signal(signal.SIGTERM)
        began = monotonic()
        while (passed := monotonic() - began) < SECONDS:
            while len(tasks) < RATE * passed:
                tasks.append(group.create_task(ask_once(running.port)))
            # The pace of the clients.
            await asyncio.sleep(0.001)
    return Counter(task.result() for task in tasks), len(tasks) / SECONDS


@pytest.mark.alone
@pytest.mark.parametrize(
    "time", ["the first time", pytest.param("the second time", marks=pytest.mark.slow)]
)
async def test_of_two_thousand_who_connect_each_second_nobody_is_reset(time: str) -> None:
    (app,) = free_ports(1)
    async with serving(app, App):
        with sidecar(f"127.0.0.1:{app}", *DRAIN) as running:
            ends, rate = await connect_all_the_time(running)
            assert await asyncio.to_thread(running.process.wait) == 0
    assert ends.keys() == {"answered", "refused"}, ends
    # A busy machine has fewer clients; what is said of them holds all the same.
    assert min(ends.values()) > ends.total() / 12, ends
    assert rate > RATE / 4
