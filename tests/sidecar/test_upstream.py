"""Reaching the app, and what is said when it cannot be reached."""

import asyncio
import errno
import logging
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from drainproxy.config import Address, UnixSocket
from drainproxy.sidecar.presence import Presence
from drainproxy.sidecar.sockets import reset
from drainproxy.sidecar.upstream import Upstream


class Side:
    """Stands in for the app's side of a pair: keeps how it went."""

    def __init__(self) -> None:
        self.went: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.went.set_result(transport)

    def refused(self, reason: str) -> None:
        self.went.set_result(reason)

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


async def reach(
    target: Address | UnixSocket,
    connect_timeout: float = 5.0,
    keepalive: float = 0.0,
    source: str | None = None,
    presence: Presence | None = None,
    *,
    may_return: bool = False,
) -> Any:
    """The transport, or the reason why there is none."""
    side: Any = Side()
    timeouts = (lambda: connect_timeout, lambda: keepalive)
    Upstream(target, *timeouts, source, presence, lambda: may_return).connect(side)
    return await asyncio.wait_for(side.went, 10)


def listening(host: str, family: int = socket.AF_INET, backlog: int = 10) -> socket.socket:
    sock = socket.socket(family)
    sock.bind((host, 0))
    sock.listen(backlog)
    return sock


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
async def test_localhost_is_whichever_family_the_app_has_bound(host: str, family: int) -> None:
    with listening(host, family) as app:
        transport = await reach(Address("localhost", app.getsockname()[1]))
        assert transport.get_extra_info("peername")[0] == host
        transport.abort()


@pytest.mark.parametrize(
    ("host", "family", "source", "seen"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.6", "127.0.0.6"),
        ("localhost", socket.AF_INET, "127.0.0.6", "127.0.0.6"),
        ("localhost", socket.AF_INET6, "127.0.0.6", "::1"),
        ("127.0.0.1", socket.AF_INET, "::1", "127.0.0.1"),
    ],
)
async def test_the_app_sees_app_source_where_that_is_of_its_family(
    host: str, family: int, source: str, seen: str
) -> None:
    with listening("::1" if family == socket.AF_INET6 else "127.0.0.1", family) as app:
        transport = await reach(Address(host, app.getsockname()[1]), source=source)
        accepted, peer = app.accept()
        accepted.close()
        assert peer[0] == seen
        transport.abort()


async def test_a_refusal_from_a_source_is_told() -> None:
    with listening("127.0.0.1") as app:
        port = app.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        refused = await reach(Address(host, port), source="127.0.0.6")
        assert refused == "the app does not accept connections"


async def test_an_app_on_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "app")
    with socket.socket(socket.AF_UNIX) as app:
        app.bind(path)
        app.listen()
        transport = await reach(UnixSocket(path))
        reset(transport)
    assert await reach(UnixSocket(str(tmp_path / "none"))) == "the app does not accept connections"


async def test_a_refusal_is_told() -> None:
    with listening("127.0.0.1") as app:
        port = app.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        assert await reach(Address(host, port)) == "the app does not accept connections"


async def test_the_log_has_the_error_that_clients_are_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(Upstream, "_open", AsyncMock(side_effect=unknown))
    target = Address("no.such.host", 9000)
    presence = Presence(str(target), lambda: 0.0)
    for _ in range(2):
        told = await reach(target, presence=presence)
        assert told == "the app does not accept connections"
    (line,) = caplog.messages
    assert line == "the app at no.such.host:9000 cannot be reached: Name or service not known"


async def test_an_app_that_does_not_accept_in_time_is_told() -> None:
    with listening("127.0.0.1", backlog=0) as app:
        address = app.getsockname()
        # One connection fills the queue of such an app; the next SYNs stay without an answer.
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        reason = await reach(Address(*address), connect_timeout=0.2)
        for filler in fillers:
            filler.close()
    assert reason == "the app did not accept the connection in time"


async def test_a_reset_cannot_be_taken_for_an_end() -> None:
    with listening("127.0.0.1") as app:
        transport = await reach(Address(*app.getsockname()))
        accepted, _ = app.accept()
        accepted.setblocking(False)
        reset(transport)
        with accepted, pytest.raises(ConnectionResetError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(accepted, 1), 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("seconds", [0.0, 60.0, 350.0])
async def test_an_app_that_is_idle_is_probed(host: str, seconds: float) -> None:
    with listening("127.0.0.1") as app:
        transport = await reach(Address(host, app.getsockname()[1]), keepalive=seconds)
        sock = transport.get_extra_info("socket")
        assert await eventually(
            lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), int(seconds > 0)
        )
        if seconds:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == seconds
        transport.abort()


async def test_an_app_on_a_unix_socket_is_not_probed(tmp_path: Path) -> None:
    path = str(tmp_path / "app")
    with socket.socket(socket.AF_UNIX) as app:
        app.bind(path)
        app.listen()
        transport = await reach(UnixSocket(path), keepalive=60.0)
        sock = transport.get_extra_info("socket")
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        transport.abort()


async def eventually(look: Callable[[], object], wanted: object) -> bool:
    """Whether that is seen before long."""
    async with asyncio.timeout(5):
        while look() != wanted:  # noqa: ASYNC110 - a socket has no event
            await asyncio.sleep(0)
    return True


async def test_who_gives_up_before_the_app_has_accepted_keeps_no_descriptor() -> None:
    with listening("127.0.0.1", backlog=0) as app:
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(app.getsockname())
        # The loop has some of its own once it has connected to anything.
        before = len(os.listdir("/proc/self/fd")) + 10
        upstream = Upstream(Address(*app.getsockname()), lambda: 600.0)
        sides: list[Any] = [Side() for _ in range(50)]
        for side in sides:
            upstream.connect(side)
        assert await eventually(lambda: len(os.listdir("/proc/self/fd")) > before + 30, True)
        for side in sides:
            upstream.give_up(side)
        assert await eventually(lambda: len(os.listdir("/proc/self/fd")) < before, True)
        assert not any(side.went.done() for side in sides)
        for filler in fillers:
            filler.close()


async def test_once_the_app_has_accepted_there_is_nothing_to_give_up() -> None:
    with listening("127.0.0.1") as app:
        side: Any = Side()
        upstream = Upstream(Address(*app.getsockname()), lambda: 5.0)
        upstream.connect(side)
        transport = await asyncio.wait_for(side.went, 10)
        assert await eventually(lambda: len(upstream._tasks), 0)
        upstream.give_up(side)
        assert not transport.is_closing()
        transport.abort()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_that_no_descriptor_is_left_is_told(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Upstream, "_open", fail)
    assert "no descriptor is left" in await reach(Address("127.0.0.1", 9))


# An app that is away for a moment: a connect that was refused has sent nothing (RFC 9293 3.10.7.1)


def free_address() -> Address:
    with listening("127.0.0.1") as app:
        return Address("127.0.0.1", app.getsockname()[1])


async def test_an_app_that_comes_back_in_time_is_reached() -> None:
    address = free_address()
    reaching = asyncio.ensure_future(reach(address, may_return=True))
    await asyncio.sleep(0.1)
    assert not reaching.done()
    with socket.create_server((address.host, address.port)):
        transport = await reaching
        transport.abort()


async def test_a_unix_socket_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "app")
    reaching = asyncio.ensure_future(reach(UnixSocket(path), may_return=True))
    await asyncio.sleep(0.1)
    with socket.socket(socket.AF_UNIX) as app:
        app.bind(path)
        app.listen()
        transport = await reaching
        transport.abort()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_it_is_tried_until_connect_timeout_in_growing_pauses(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def waits(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds / 10)

    monkeypatch.setattr(asyncio, "sleep", waits)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    address = Address(host, free_address().port)
    assert await reach(address, 0.3, may_return=True) == "the app does not accept connections"
    assert pauses[:6] == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32][: len(pauses)]
    assert len(pauses) >= 4


async def test_how_often_it_was_refused_is_told_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "drainproxy.app")
    address = free_address()
    presence = Presence(str(address), lambda: 0.0)
    presence.there()
    reaching = asyncio.ensure_future(reach(address, presence=presence, may_return=True))
    await asyncio.sleep(0.1)
    with socket.create_server((address.host, address.port)):
        (await reaching).abort()
    away, back = caplog.records
    assert "is away: the app does not accept connections" in away.getMessage()
    assert back.__dict__["fields"]["refused"] >= 2


async def test_who_gives_up_is_not_told() -> None:
    side: Any = Side()
    knocking = Upstream(free_address(), lambda: 5.0)
    knocking.connect(side)
    await asyncio.sleep(0.03)
    knocking.give_up(side)
    await asyncio.sleep(0.05)
    assert not side.went.done()
