"""What a drain tells while it goes on, by a clock of ours."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest.mock import Mock

import pytest

from drainproxy.drain.ledger import CUT, KINDS, Ledger
from drainproxy.drain.machine import Input, Machine, Timing
from drainproxy.drain.report import Account, DrainReport
from drainproxy.sidecar import drain_log
from drainproxy.sidecar.drain_log import DrainLog, counted, told
from drainproxy.sidecar.logs import TextFormatter
from tests.drain.work import Work
from tests.e2e.process import PATIENCE

Lines = Callable[[], list[str]]


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine(clock: Clock) -> Machine:
    made = Machine(Timing(5.0, 2.0, 25.0), clock())
    made.handle(Input.BOUND, clock())
    return made


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    caplog.set_level(logging.INFO, "drainproxy")
    propagated = logging.getLogger("drainproxy").propagate
    logging.getLogger("drainproxy").propagate = True
    yield lambda: caplog.messages
    logging.getLogger("drainproxy").propagate = propagated


def step(machine: Machine, log: DrainLog, clock: Clock, at: float, in_flight: int) -> None:
    """What the supervisor does when the machine wants a tick."""
    clock.now = at
    machine.tick(at, 0.0, in_flight)
    log.look()


async def test_each_phase_is_a_line_with_its_length_and_what_is_in_flight(
    machine: Machine, clock: Clock, lines: Lines
) -> None:
    ledger = Ledger()
    work = Work(opened=90.0)
    ledger.open(work)
    log = DrainLog(machine, ledger, clock)
    machine.drain("admin", clock())
    log.look()
    step(machine, log, clock, 105.0, 1)
    step(machine, log, clock, 107.0, 1)
    ledger.close(work, CUT)
    step(machine, log, clock, 110.0, 0)

    assert lines() == [
        "announced took 5.0 s, now leaving: 1 in flight (1 http1)",
        "leaving took 2.0 s, now closed: 1 in flight (1 http1)",
        "closed took 3.0 s, now drained: none in flight",
    ]


async def test_what_is_in_flight_at_the_end_is_said_to_be_cut(
    machine: Machine, clock: Clock, lines: Lines
) -> None:
    ledger = Ledger()
    ledger.open(Work(opened=90.0))
    log = DrainLog(machine, ledger, clock)
    machine.drain("admin", clock())
    step(machine, log, clock, 125.0, 1)
    # The supervisor cuts after it has looked.
    assert lines()[-1].endswith("now drained: 1 in flight (1 http1), cut now")


async def test_a_second_drain_is_told_anew(machine: Machine, clock: Clock, lines: Lines) -> None:
    log = DrainLog(machine, Ledger(), clock)
    for _ in range(2):
        machine.drain("admin", clock())
        log.look()
        machine.undrain(clock())
        log.look()

    assert lines() == 2 * ["announced took 0.0 s, now serving: none in flight"]


async def test_what_is_waited_for_is_told_again_and_again_and_never_at_length(
    machine: Machine, clock: Clock, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_log, "EVERY", 0.001)
    monkeypatch.setattr(drain_log, "_LATER", 0.0)
    ledger = Ledger()
    for age in range(50):
        ledger.open(Work(opened=99.0 - age, path=f"/{'x' * 500}?key={age}"))
    log = DrainLog(machine, ledger, clock)
    machine.drain("admin", clock())
    log.look()
    clock.now = 103.0
    async with asyncio.timeout(PATIENCE):
        while len(lines()) < 2:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)
    machine.undrain(clock())
    log.look()
    seen = len(lines())
    await asyncio.sleep(0.01)

    assert lines()[0].startswith(
        "announced for 3.0 s, 22.0 s left: 50 in flight (50 http1); http1 /xxx"
    )
    assert "key=" not in lines()[0]
    assert len(lines()[0]) < 200
    assert len(lines()) == seen, "nobody waits any more"


def test_no_line_between_two_phases_when_the_first_ends_as_usual(
    machine: Machine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers = Mock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: timers)
    log = DrainLog(machine, Ledger(), clock)
    machine.drain("admin", clock())
    log.look()
    delay, _ = timers.call_later.call_args.args
    assert delay > machine.timing.delay

    step(machine, log, clock, 105.0, 1)

    timers.call_later.return_value.cancel.assert_called_once()
    assert timers.call_later.call_count == 2, "each phase is waited for anew"


def test_kinds_without_any_are_left_out() -> None:
    assert counted({"http1": 2, "sse": 0, "tcp": 1}) == "3 in flight (2 http1, 1 tcp)"
    assert counted({"http1": 0}) == "none in flight"


def report_of(**cut: int) -> DrainReport:
    """Of a drain of 25 s that has cut so many of each kind."""
    ledger = Ledger()
    account = Account(ledger, now=0.0)
    for each in [Work(kind) for kind, count in cut.items() for _ in range(count)]:
        ledger.open(each)
        ledger.close(each, CUT)
    return account.close("SIGTERM", {}, now=25.0)


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ({}, "clean in 25.0 s, 0 were in flight"),
        ({"grpc": 1}, "cut 1 in 25.0 s: 1 grpc"),
        ({"http1": 3, "websocket": 9}, "cut 12 in 25.0 s: 9 websocket, 3 http1"),
        (dict.fromkeys(KINDS, 1000), "cut 6000 in 25.0 s: 1000 websocket ..."),
    ],
)
def test_a_report_fits_a_terminal_however_much_was_cut(cut: dict[str, int], words: str) -> None:
    text = told(report_of(**cut))
    assert text == f"drained: {words}"
    record = logging.makeLogRecord({"msg": text, "levelname": "INFO"})
    assert len(TextFormatter().format(record)) <= 80


def test_what_was_cut_is_told_where_the_verdict_leaves_little_room() -> None:
    report = replace(report_of(websocket=1, sse=1), verdict="cut 2, unanswered 300")
    assert told(report) == "drained: cut 2, unanswered 300 in 25.0 s: 1 websocket ..."
    report = replace(report_of(), verdict="unanswered 300")
    assert told(report) == "drained: unanswered 300 in 25.0 s"
