"""Who has a place at the admin port, and who loses his."""

import asyncio
from typing import Any

import pytest

from drainproxy.relay.counters import Counters
from drainproxy.sidecar import admin_connections as module
from drainproxy.sidecar.admin_connections import AdminConnection, AdminConnections

MOST = 4


class Transport:
    """A transport that was aborted or not; `unread` waits in the system."""

    def __init__(self) -> None:
        self.aborted = False
        self.unread = False

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("192.0.2.7", 5000)}[name]


class Handler:
    """What aiohttp hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *what: self.heard.append((name, *what))


class Admin:
    """An admin port whose clock stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "has_unread", lambda transport: transport.unread)
        self.time = 100.0
        self.counters = Counters()
        self.told: list[tuple[str, str]] = []
        self.connections = AdminConnections(
            MOST,
            Handler,
            self.counters,
            lambda: self.time,
            lambda reason, peer, words, facts=None: self.told.append((reason, peer)),
        )

    def comes(self, says: bytes = b"") -> AdminConnection:
        self.time += 0.01
        connection = self.connections.connection()
        connection.connection_made(Transport())  # type: ignore[arg-type]  # as much as it asks for
        if says:
            connection.data_received(says)
        return connection

    def asks(self) -> AdminConnection:
        connection = self.comes(b"GET /livez HTTP/1.1\r\n\r\n")
        self.connections.asks(connection.handler)
        return connection

    def answered(self) -> AdminConnection:
        connection = self.asks()
        self.connections.answered(connection.handler)
        return connection

    def waits(self) -> AdminConnection:
        connection = self.asks()
        self.connections.may_wait(connection.handler)
        return connection

    def after(self, seconds: float) -> None:
        self.time += seconds
        self.connections._sweep()

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.counters.rejected)


@pytest.fixture
async def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    return Admin(monkeypatch)


def gone(*connections: AdminConnection) -> list[bool]:
    return [connection.transport.aborted for connection in connections]


async def test_while_there_are_places_nobody_goes(admin: Admin) -> None:
    there = [admin.comes(), admin.asks(), admin.answered(), admin.waits()]
    assert gone(*there) == [False] * 4
    assert admin.rejected == {}


async def test_who_has_said_nothing_for_the_longest_goes_first(admin: Admin) -> None:
    answered, first, second = admin.answered(), admin.comes(), admin.comes(b"G")
    admin.asks()
    newest = admin.comes()
    assert gone(answered, first, second, newest) == [False, True, False, False]
    admin.comes()
    assert gone(answered, second, newest) == [False, True, False]
    assert admin.rejected == {"admin-connections": 2}
    assert admin.told == [("admin-connections", "192.0.2.7:5000")] * 2
    assert len(admin.connections) == MOST


async def test_then_who_was_answered_longest_ago(admin: Admin) -> None:
    there = [admin.answered() for _ in range(MOST)]
    admin.connections.asks(there[0].handler)
    admin.time += 1
    admin.connections.answered(there[0].handler)
    admin.comes()
    assert gone(*there) == [False, True, False, False]


async def test_then_whose_answer_takes_longest(admin: Admin) -> None:
    there = [admin.asks() for _ in range(MOST)]
    newest = admin.comes()
    assert gone(*there, newest) == [True, False, False, False, False]


async def test_whoever_waits_for_a_drain_and_may_keeps_his_place(admin: Admin) -> None:
    there = [admin.waits() for _ in range(MOST)]
    newest = admin.comes()
    assert gone(*there, newest) == [False, False, False, False, True]
    admin.connections.answered(there[2].handler)
    assert gone(admin.comes(), *there) == [False, False, False, True, False]


async def test_who_has_asked_and_was_not_heard_yet_is_not_silent(admin: Admin) -> None:
    there = [admin.comes() for _ in range(MOST)]
    for connection in there[:2]:
        connection.transport.unread = True
    admin.comes()
    assert gone(*there) == [False, False, True, False]


async def test_where_all_are_about_to_be_answered_the_newest_goes(admin: Admin) -> None:
    there = [admin.comes() for _ in range(MOST)]
    for connection in there:
        connection.transport.unread = True
    assert gone(admin.comes(), *there) == [True, *[False] * MOST]


async def test_a_place_that_was_left_can_be_had(admin: Admin) -> None:
    there = [admin.comes() for _ in range(MOST)]
    there[1].connection_lost(None)
    admin.comes()
    assert gone(*there) == [False] * MOST


@pytest.mark.parametrize("says", [b"", b"GET /livez HTTP/1.1\r\nHost: a"])
async def test_a_request_comes_as_a_whole_within_ten_seconds(says: bytes, admin: Admin) -> None:
    connection = admin.comes(says)
    for byte in b"slowly...":
        admin.after(1)
        if says:
            connection.data_received(bytes((byte,)))
    assert gone(connection) == [False]
    admin.after(1)
    assert gone(connection) == [True]
    assert admin.rejected == {"header-timeout": 1}
    assert admin.told == [("header-timeout", "192.0.2.7:5000")]


async def test_the_next_request_may_be_waited_for_but_not_drawn_out(admin: Admin) -> None:
    one, other = admin.answered(), admin.answered()
    admin.after(60)
    one.data_received(b"G")
    admin.after(5)
    one.data_received(b"E")
    assert gone(one, other) == [False, False]
    admin.after(5)
    assert gone(one, other) == [True, False]
    admin.after(5)
    assert gone(other) == [True]
    assert admin.rejected == {}


async def test_an_answer_ends_some_day_but_a_drain_takes_its_time(admin: Admin) -> None:
    asks, waits = admin.asks(), admin.waits()
    admin.after(29)
    assert gone(asks, waits) == [False, False]
    admin.after(1)
    assert gone(asks, waits) == [True, False]
    admin.after(100_000)
    assert gone(waits) == [False]


async def test_aiohttp_hears_of_who_speaks_and_of_nobody_else(admin: Admin) -> None:
    silent, speaks = admin.comes(), admin.comes(b"GET")
    assert silent.handler is None
    assert silent.eof_received() is None
    silent.pause_writing()
    silent.resume_writing()
    silent.connection_lost(None)
    speaks.pause_writing()
    speaks.resume_writing()
    speaks.eof_received()
    speaks.connection_lost(None)
    assert [heard[0] for heard in speaks.handler.heard] == [
        *("connection_made", "data_received", "pause_writing", "resume_writing"),
        *("eof_received", "connection_lost"),
    ]


async def test_of_who_has_left_nothing_is_remembered(admin: Admin) -> None:
    connection = admin.asks()
    connection.connection_lost(None)
    # Its handler runs on.
    admin.connections.answered(connection.handler)
    assert len(admin.connections) == 0
    assert admin.connections._by_handler == {}


async def test_at_the_end_everybody_goes_and_nobody_else_comes(admin: Admin) -> None:
    there = [admin.comes(), admin.asks()]
    await admin.connections.close(0.01)
    assert gone(*there, admin.comes()) == [True, True, True]


async def test_at_the_end_who_is_being_answered_gets_the_answer_first(admin: Admin) -> None:
    silent, asks = admin.comes(), admin.asks()
    closing = asyncio.ensure_future(admin.connections.close(60))
    await asyncio.sleep(0)
    assert gone(silent, asks) == [False, False]
    admin.connections.answered(asks.handler)
    for _ in range(5):
        await asyncio.sleep(0)
    assert gone(silent, asks) == [True, True]
    assert not closing.done()
    for connection in (silent, asks):
        connection.connection_lost(None)
    async with asyncio.timeout(10):
        await closing


async def test_it_is_looked_at_them_by_itself_while_somebody_is_there(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SWEEP_EVERY", 0.01)
    connection = admin.comes()
    admin.time += 10
    async with asyncio.timeout(10):
        while not connection.transport.aborted or admin.connections._sweeping:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)
    assert gone(admin.comes()) == [False]
    assert admin.connections._sweeping
    await admin.connections.close(0.01)
