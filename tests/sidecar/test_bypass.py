"""Connections that bypass the sidecar are reported, and no others."""

import asyncio
import logging
import socket
from collections.abc import Iterable, Iterator
from time import sleep
from typing import Any

import pytest

from drainproxy.config import Address, Forward, UnixSocket
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar import bypass, peers
from drainproxy.sidecar.bypass import Bypass, BypassDetector

from .fake_sidecar import FakeSidecar, connect
from .test_peers import entry

POD, NODE = "10.0.0.2", "10.0.0.1"
OUTSIDE = entry(POD, 8080, "10.0.9.9", 50000)
PROBE = entry(POD, 8080, NODE, 50001)
WITHIN = entry("127.0.0.1", 8080, "127.0.0.1", 50002)


def look(judge: BypassDetector, found: Iterable[bytes], ours: Iterable[bytes] = ()) -> set[bytes]:
    """Those that bypass the sidecar, and did not before."""
    steps = judge.judge(judge.unknown({*found}), lambda each: each in {*ours})
    while True:
        try:
            next(steps)
        except StopIteration as end:
            new: set[bytes] = end.value
            return new


def judge() -> BypassDetector:
    return BypassDetector([peers.packed(NODE)])


def test_who_comes_from_outside_is_counted_at_once_and_as_long_as_he_stays() -> None:
    it = judge()
    assert look(it, {OUTSIDE}) == it.bypassing == {OUTSIDE}
    assert look(it, {OUTSIDE}) == set()
    assert it.bypassing == {OUTSIDE}
    assert look(it, {}) == it.bypassing == set()


@pytest.mark.parametrize("entry", [PROBE, WITHIN])
def test_who_may_be_a_probe_is_counted_if_he_stays(entry: bytes) -> None:
    it = judge()
    assert look(it, {entry}) == set()
    assert look(it, {entry}) == it.bypassing == {entry}


@pytest.mark.parametrize("entry", [PROBE, WITHIN])
def test_probes_that_come_again_and_again_are_not_counted(entry: bytes) -> None:
    it = judge()
    for number in range(10):
        again = entry[:2] + (50000 + number).to_bytes(2, "big") + entry[4:]
        assert look(it, {again}) == it.bypassing == set()


def test_our_own_connections_are_never_counted_and_not_judged_again() -> None:
    it = judge()
    look(it, {WITHIN}, ours={WITHIN})
    for _ in range(3):
        # Also when the session that it belonged to is over, and the connection is not.
        assert it.unknown({WITHIN}) == set()
        assert look(it, {WITHIN}) == it.bypassing == set()
    # A port that is used again is somebody else.
    look(it, {})
    look(it, {WITHIN})
    assert look(it, {WITHIN}) == {WITHIN}


# On real sockets


@pytest.fixture
def app() -> Iterable[socket.socket]:
    """An app that listens on all addresses."""
    with socket.create_server(("0.0.0.0", 0), backlog=100) as app:
        yield app


def port_of(app: socket.socket) -> int:
    port: int = app.getsockname()[1]
    return port


def looked(watch: Bypass) -> int:
    """How many bypass the sidecar, after two looks."""
    for _ in range(2):
        for _ in watch.look():
            continue
    return watch.connections


def client(app: socket.socket, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port_of(app)))


def test_a_client_of_the_app_is_told_by_port_and_peer(
    app: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    sidecar = FakeSidecar(Address("localhost", port_of(app)))
    with client(app), client(app):
        assert looked(sidecar.bypass) == 2
        assert looked(sidecar.bypass) == 2
        assert sidecar.bypass.status() == [
            {
                "port": port_of(app),
                "connections": 2,
                "within_pod": 2,
                "from": ["127.0.0.1"],
                "instead": "127.0.0.1:0",
            }
        ]
    assert looked(sidecar.bypass) == 0
    assert sidecar.bypass.status() == []
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for part in "127.0.0.1", str(port_of(app)), "drainproxy.io/capture":
        assert part in record.getMessage()


class AppConnection:
    """As much of a transport as is asked for."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def get_extra_info(self, name: str) -> Any:
        return {"sockname": self._sock.getsockname()}[name]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_a_session_holds_is_ours(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as app, client(app, host) as own:
        sidecar = FakeSidecar(Address("localhost", port_of(app)))
        session = Tcp(sidecar.context, sidecar.routes[0])
        connect(sidecar, session)
        session.app = AppConnection(own)  # type: ignore[assignment] # as much of it as is used
        assert looked(sidecar.bypass) == 0
        with client(app, host):
            assert looked(sidecar.bypass) == 1


def test_who_is_connected_to_somebody_else_on_the_same_port_is_none_of_ours() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as app,
        socket.create_server(("127.0.0.2", port_of(app))) as other,
        client(app, "127.0.0.2"),
    ):
        assert looked(FakeSidecar(Address("127.0.0.1", port_of(app))).bypass) == 0
        assert looked(FakeSidecar(Address("127.0.0.2", port_of(other))).bypass) == 1


@pytest.mark.parametrize(
    "app", [UnixSocket("/a"), Address("db.example", 5432), Address("192.0.2.1", 1)]
)
async def test_an_app_elsewhere_cannot_be_watched(app: Address | UnixSocket) -> None:
    forward = Forward(Address("", 1), app)
    await asyncio.wait_for(Bypass(FakeSidecar().context, [forward]).watch(), 5)


async def test_where_no_system_tells_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> Any:
        raise PermissionError("not for you")

    monkeypatch.setattr(peers, "established", refuse)
    caplog.set_level(logging.INFO, "drainproxy.bypass")
    await asyncio.wait_for(FakeSidecar().bypass.watch(), 5)
    assert "not for you" in caplog.text


async def test_a_look_that_takes_long_is_not_taken_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def spread(steps: object) -> float:
        return 0.1 if len(pauses) else 0.0

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(bypass, "_spread", spread)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await FakeSidecar().bypass.watch()
    assert pauses == [bypass.LOOK_EVERY, pytest.approx(20), pytest.approx(20)]


def test_others_have_their_turn_between_the_steps_of_a_look(app: socket.socket) -> None:
    clients = [client(app) for _ in range(90)]
    watch = FakeSidecar(Address("127.0.0.1", port_of(app))).bypass
    assert sum(1 for _ in watch.look()) >= 4
    for each in clients:
        each.close()


async def test_time_that_the_machine_gave_to_others_makes_no_look_rarer() -> None:
    def steps() -> Iterator[None]:
        # Whoever is not running is not looking.
        sleep(0.2)
        yield

    assert await bypass._spread(steps()) < 0.1
