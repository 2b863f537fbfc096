"""Taking in who has connected, also when that fails."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from drainproxy.relay.counters import Counters
from drainproxy.sidecar import acceptor
from drainproxy.sidecar.acceptor import RETRY_AFTER, Acceptor


class Guest(asyncio.Protocol):
    """Counts itself."""

    def __init__(self, guests: list["Guest"]) -> None:
        self.transport: Any = None
        guests.append(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport


class Door(socket.socket):
    """A listening socket whose `accept` fails with the errors that are put in."""

    errors: list[int]
    asked = 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.asked += 1
        if self.errors:
            number = self.errors[0]
            if number not in USED_UP or len(self.errors) > 1:
                self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
GONE = (errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.EPERM)


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        door.errors = []
        door.bind(("127.0.0.1", 0))
        door.setblocking(False)
        yield door


async def until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not ready():  # noqa: ASYNC110 - a socket has no event
            await asyncio.sleep(0.005)


def knock(door: socket.socket, times: int = 1) -> list[socket.socket]:
    return [socket.create_connection(door.getsockname()) for _ in range(times)]


def shut(clients: list[socket.socket], guests: list[Guest]) -> None:
    for client in clients:
        client.close()
    for guest in guests:
        guest.transport.abort()


async def test_whoever_comes_gets_a_protocol_of_his_own(door: Door) -> None:
    guests: list[Guest] = []
    taking = Acceptor(door, lambda: Guest(guests), Counters())
    clients = knock(door, 20)
    await until(lambda: len(guests) == 20 and not taking.entering)
    assert {guest.transport.get_extra_info("peername") for guest in guests} == {
        client.getsockname() for client in clients
    }
    taking.close()
    shut(clients, guests)


async def test_those_who_come_at_once_are_taken_in_one_by_one(door: Door) -> None:
    """Each costs more than to read a request: others are heard in between."""
    guests: list[Guest] = []
    taking = Acceptor(door, lambda: Guest(guests), Counters())
    clients = knock(door, 20)
    seen = []
    while len(guests) < 20:
        await asyncio.sleep(0)
        seen.append(len(guests))
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 2
    await until(lambda: not taking.entering)
    taking.close()
    shut(clients, guests)


@pytest.mark.parametrize("error", USED_UP)
async def test_when_all_is_used_up_who_comes_waits_and_is_taken_in_later(
    error: int, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    guests: list[Guest] = []
    counters = Counters()
    door.errors = [error]
    taking = Acceptor(door, lambda: Guest(guests), counters)
    clients = knock(door, 3)
    with caplog.at_level(logging.ERROR, "drainproxy"):
        await until(lambda: counters.accept_failures >= 3)
    # It is asked again after a while, and not as fast as possible.
    assert door.asked == counters.accept_failures
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot accept connections at the moment: {os.strerror(error)}"
    ]
    assert guests == []
    door.errors = []
    await until(lambda: len(guests) == 3 and not taking.entering)
    taking.close()
    shut(clients, guests)


async def test_it_is_not_asked_more_often_than_it_should_be(door: Door) -> None:
    loop = asyncio.get_running_loop()
    door.errors = [errno.EMFILE]
    taking = Acceptor(door, lambda: Guest([]), Counters())
    clients = knock(door)
    began = loop.time()
    await until(lambda: door.asked == 5)
    assert loop.time() - began > 3.5 * RETRY_AFTER
    taking.close()
    shut(clients, [])


@pytest.mark.parametrize("error", GONE)
async def test_who_is_gone_before_he_was_taken_in_keeps_out_nobody(error: int, door: Door) -> None:
    guests: list[Guest] = []
    counters = Counters()
    door.errors = [error, error]
    taking = Acceptor(door, lambda: Guest(guests), counters)
    clients = knock(door, 2)
    await until(lambda: len(guests) == 2 and not taking.entering)
    assert counters.accept_failures == 0
    taking.close()
    shut(clients, guests)


async def test_an_error_that_nobody_knows_does_not_spin_either(door: Door) -> None:
    counters = Counters()
    door.errors = [errno.EINVAL]
    taking = Acceptor(door, lambda: Guest([]), counters)
    clients = knock(door)
    await until(lambda: counters.accept_failures == 1)
    asked = door.asked
    await asyncio.sleep(0)
    assert door.asked == asked
    taking.close()
    shut(clients, [])


async def test_closing_takes_in_who_waits_and_forgets_what_was_to_be_tried_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "RETRY_AFTER", 0.01)
    guests: list[Guest] = []
    counters = Counters()
    door.errors = [errno.EMFILE]
    taking = Acceptor(door, lambda: Guest(guests), counters)
    clients = knock(door, 3)
    await until(lambda: counters.accept_failures >= 1)
    door.errors = []
    where = door.getsockname()
    taking.close()
    assert taking.entering
    await until(lambda: len(guests) == 3 and not taking.entering)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    shut(clients, guests)


async def test_closing_while_nothing_can_be_taken_in_ends_all_the_same(door: Door) -> None:
    counters = Counters()
    door.errors = [errno.EMFILE]
    taking = Acceptor(door, lambda: Guest([]), counters)
    clients = knock(door)
    taking.close()
    failures = counters.accept_failures
    # When it would be tried again.
    await asyncio.sleep(2 * RETRY_AFTER)
    assert counters.accept_failures == failures
    shut(clients, [])


async def test_one_that_fails_when_it_is_taken_in_is_said_and_harms_nobody(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    guests: list[Guest] = []
    made: list[Guest] = []

    def factory() -> Guest:
        if not made:
            made.append(Guest([]))
            raise OSError(errno.ENOMEM, "no memory")
        return Guest(guests)

    taking = Acceptor(door, factory, Counters())
    clients = knock(door, 2)
    with caplog.at_level(logging.WARNING, "drainproxy"):
        await until(lambda: len(guests) == 1 and not taking.entering)
    assert "cannot accept a connection" in caplog.text
    taking.close()
    shut(clients, guests)
