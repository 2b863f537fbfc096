"""What a drain does to all clients leaves the loop its turns, and nobody is left out."""

import asyncio
import gc
from collections.abc import Iterator
from functools import partial
from math import inf
from typing import Any

import pytest

from drainproxy.drain.ledger import CUT
from drainproxy.drain.machine import TIME_BEFORE_SIGKILL, Phase, Timing
from drainproxy.drain.origin import Origin
from drainproxy.relay.age import Age
from drainproxy.relay.transport import CLOSED, Transport
from drainproxy.sidecar.drain_control import DrainControl
from tests.sidecar.fake_sidecar import FakeSidecar


class Client:
    """One HTTP/2 connection with a stream in flight: whatever is done to it takes 5 ms."""

    kind, path, peer, opened, spoken = "http2", "/", "192.0.2.1:1", 0.0, True

    def __init__(self, sidecar: FakeSidecar) -> None:
        self._sidecar = sidecar
        self.age = Age(0.0, 0.5)
        self.heard: list[str] = []
        context: Any = sidecar.context
        context.registry.sessions.add(self)
        context.ledger.holds.add(self)

    def _hears(self, what: str) -> None:
        self.heard.append(what)
        self._sidecar.ahead += 0.005

    def may_receive_request(self, since: float) -> bool:
        return False

    def say_goodbye(self, why: str) -> None:
        self._hears(f"goodbye: {why}")

    def cancel_goodbye(self) -> None:
        self._hears("cancelled")

    def say_last_goodbye(self, why: str) -> None:
        self._hears(f"last goodbye: {why}")

    def abort(self, why: str) -> None:
        self._hears(f"aborted: {why}")
        context: Any = self._sidecar.context
        context.ledger.close(self, CUT, why)
        context.registry.remove(self)


class Delivered(Client):
    """One that gets its last goodbye, and is gone in the turn after it is aborted."""

    client: Transport = CLOSED
    client_ended = False

    def say_last_goodbye(self, why: str) -> None:
        context = self._sidecar.context
        context.undelivered = lambda client: 5
        context.deliveries.begin(self, self, why)
        context.undelivered = lambda client: 0
        super().say_last_goodbye(why)

    def abort(self, why: str) -> None:
        self._hears(f"aborted: {why}")
        asyncio.get_running_loop().call_soon(self._lost)

    def _lost(self) -> None:
        context: Any = self._sidecar.context
        context.deliveries.lost(self, None)
        context.registry.remove(self)


@pytest.fixture
def sidecar() -> Iterator[Any]:
    made: Any = FakeSidecar(timing=Timing(0.0, inf, 60.0))
    made.listeners, made.start = [], asyncio.create_task
    yield made
    # A drain leaves what there is to the end of the process.
    gc.unfreeze()


async def turns(count: int = 20) -> None:
    """Of the loop, in which each slice of work asks for the next: no clock has a part in it."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_report_is_made_when_all_are_cut_and_not_before(sidecar: Any) -> None:
    control = DrainControl(sidecar)
    clients = [Client(sidecar) for _ in range(4)]
    control.drain_and_exit("SIGTERM")
    control.drain_and_exit("SIGTERM")
    assert sidecar.machine.phase is Phase.DRAINED
    assert (control.report, control.over.is_set()) == (None, False)
    assert sum(len(client.heard) for client in clients) == 1, "the loop has its turn"
    drained = asyncio.create_task(control.drained())
    await turns(1)
    assert not drained.done()
    late = Client(sidecar)
    async with asyncio.timeout(10):
        await control.over.wait()
    said = ["goodbye: drain", "last goodbye: signal", "aborted: signal"]
    assert [client.heard for client in clients] == [said] * 4
    assert late.heard == said[1:], "who goes on as another meanwhile"
    assert (await drained) is control.report is not None
    assert control.report.cut == 5


async def test_where_sigkill_is_near_the_report_comes_before_another_turn(sidecar: Any) -> None:
    control = DrainControl(sidecar)
    clients = [Client(sidecar) for _ in range(4)]
    control.drain_and_exit("SIGTERM", sigkill_near=True)
    assert sum(len(client.heard) for client in clients) == 1, "the loop has its turn"
    await turns()
    sidecar.ahead += TIME_BEFORE_SIGKILL
    control.advance()
    assert [client.heard[-1] for client in clients] == ["aborted: signal"] * 4
    assert control.report is not None
    assert control.report.cut == 4


async def test_a_drain_that_is_taken_back_between_two_slices_tells_nobody_else(
    sidecar: Any,
) -> None:
    control = DrainControl(sidecar)
    clients = [Client(sidecar) for _ in range(3)]
    control.drain(Origin.ADMIN)
    assert sidecar.machine.phase is Phase.LEAVING
    assert control.undrain()
    await turns()
    told = sorted(client.heard for client in clients)
    assert told == [["cancelled"], ["cancelled"], ["goodbye: drain", "cancelled"]]


async def test_no_collection_looks_at_those_who_leave_until_they_may_stay(
    sidecar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    for name in ("freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, partial(called.append, name))
    control = DrainControl(sidecar)
    Client(sidecar)
    control.drain(Origin.ADMIN)
    assert called == ["freeze"]
    assert control.undrain()
    assert called == ["freeze", "unfreeze"]


async def test_a_drain_is_not_taken_back_while_it_cuts(sidecar: Any) -> None:
    sidecar.machine.timing = Timing(0.0, inf, 0.0)
    control = DrainControl(sidecar)
    for _ in range(3):
        Client(sidecar)
    control.drain(Origin.ADMIN)
    assert sidecar.machine.phase is Phase.DRAINED
    assert not control.undrain()
    await turns()
    assert control.report is not None
    assert control.report.cut == 3


async def test_a_client_whose_goodbye_fails_keeps_nobody_from_the_end_of_the_drain(
    sidecar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(why: str) -> None:
        raise ValueError("broken")

    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said["exception"]))
    control = DrainControl(sidecar)
    broken, other = Client(sidecar), Client(sidecar)
    monkeypatch.setattr(broken, "say_goodbye", fail)
    monkeypatch.setattr(broken, "say_last_goodbye", fail)
    control.drain_and_exit("SIGTERM")
    control.drain_and_exit("SIGTERM")
    async with asyncio.timeout(10):
        await control.over.wait()
    assert control.report is not None
    assert control.report.cut == 2
    assert other.heard == ["goodbye: drain", "last goodbye: signal", "aborted: signal"]
    assert [str(error) for error in told] == ["broken"] * 2, "the log has them"


async def test_a_last_goodbye_that_has_arrived_is_none_that_was_cut(sidecar: Any) -> None:
    sidecar.machine.timing = Timing(0.0, inf, 0.0)
    control = DrainControl(sidecar)
    clients = [Delivered(sidecar) for _ in range(3)]
    control.drain(Origin.ADMIN)
    async with asyncio.timeout(10):
        report = await control.drained()
    assert all(client.heard[-1] == "aborted: deadline" for client in clients)
    assert report is not None
    assert (report.cut, report.ended["http2"]["goodbye"]) == (0, 3)


async def test_a_report_is_not_that_of_a_drain_begun_since(sidecar: Any) -> None:
    control = DrainControl(sidecar)
    control.drain(Origin.ADMIN)
    sidecar.ahead += 61
    control.advance()
    first = control.report
    # Something else concerns all meanwhile.
    clients = [Client(sidecar) for _ in range(3)]
    sidecar.context.slices.each(clients, lambda client: client.cancel_goodbye())
    control.drain(Origin.ADMIN)
    assert control.undrain()
    control.drain(Origin.ADMIN)
    await turns()
    assert sidecar.machine.phase is Phase.LEAVING
    assert first is not None
    assert control.report is None, "it is not over"
