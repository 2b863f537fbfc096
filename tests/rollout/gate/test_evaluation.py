"""The canary, the budget and the migrations are one verdict, as `gate all` has it."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from drainproxy.rollout.gate.evaluation import evaluate, evaluation_of, together
from drainproxy.rollout.gate.judgement import SignalJudgement
from drainproxy.rollout.gate.prometheus import PrometheusServer
from drainproxy.rollout.gate.record import MigrationQuestion, RecordSource
from drainproxy.rollout.gate.report import GateReport, report
from drainproxy.rollout.gate.request import GateRequest
from drainproxy.rollout.migration.state import Damaged, State
from tests.rollout.gate import served
from tests.rollout.gate.fake_prometheus import serving
from tests.rollout.gate.test_record import EXPANDED, recorded

CANARY = 'version="2"'


def asked(**more: str) -> GateRequest:
    return GateRequest(canary=CANARY, stable='version="1"', warm_up="0s", **more)


async def looked(
    asked: GateRequest, record: RecordSource, bad: int = 0, patience: float = 20.0
) -> GateReport:
    async with serving(served.prometheus(bad, CANARY)) as url:
        return await evaluate(PrometheusServer(url, timeout=patience), record, evaluation_of(asked))


@pytest.mark.parametrize(
    ("bad", "more", "verdict", "would"),
    [
        (0, {}, "pass", None),
        (0, {"app": "shop", "version": "7"}, "pass", None),
        (0, {"app": "shop", "version": "6"}, "fail", None),
        (50, {"app": "shop", "version": "7"}, "fail", None),
        (50, {"app": "shop", "previous": "6"}, "hold", "fail"),
        (0, {"app": "other", "version": "7"}, "hold", None),
        # Nobody has rules for it here.
        (0, {"service": "shop"}, "hold", None),
        (0, {"service": "shop", "app": "shop", "version": "7"}, "hold", None),
    ],
)
async def test_all_that_is_asked_for_decides(
    tmp_path: Path, bad: int, more: dict[str, str], verdict: str, would: str | None
) -> None:
    found = await looked(asked(**more), RecordSource(recorded(tmp_path)), bad)
    assert (found.verdict, found.would) == (verdict, would)
    names = {each.signal for each in found.signals}
    assert ("migration" in names) == ("version" in more)
    assert ("error budget" in names) == ("service" in more)


async def test_where_there_is_a_way_back_a_fail_is_one(tmp_path: Path) -> None:
    record = RecordSource(recorded(tmp_path, EXPANDED))
    found = await looked(asked(app="shop", version="7", previous="6"), record, 50)
    assert (found.verdict, found.would) == ("fail", None)


@pytest.mark.parametrize("question", [None, MigrationQuestion("shop", "", 7)])
async def test_no_look_waits_for_another(
    tmp_path: Path, question: MigrationQuestion | None
) -> None:
    meeting = asyncio.Barrier(2)

    async def look(signal: str) -> GateReport:
        await meeting.wait()
        return report([SignalJudgement(signal, "pass", "fine")], [])

    async with asyncio.timeout(10):
        looks = [look("errors"), look("error budget")]
        found = await together(looks, RecordSource(recorded(tmp_path)), question, 1.0)
    names = ["errors", "error budget", *(["migration"] if question else [])]
    assert (found.verdict, [each.signal for each in found.signals]) == ("pass", names)


def test_no_command_waits_for_a_record_that_hangs() -> None:
    released = threading.Event()

    class Endless(RecordSource, frozen=True):
        def load(self, question: MigrationQuestion) -> State | Damaged | None:
            released.wait(60)
            return None

    found = asyncio.run(together([], Endless(), MigrationQuestion("shop", "", 7), 0.05))
    assert not released.is_set()
    released.set()
    assert "no answer within 0.05 s" in found.reason


async def test_what_a_record_raises_is_not_lost() -> None:
    class Broken(RecordSource, frozen=True):
        def load(self, question: MigrationQuestion) -> State | Damaged | None:
            raise LookupError(question.app)

    with pytest.raises(LookupError, match="shop"):
        await together([], Broken(), MigrationQuestion("shop", "", 7), 5.0)


class Hanging(RecordSource, frozen=True):
    """An API server that does not answer."""

    def load(self, question: MigrationQuestion) -> State | Damaged | None:
        # Longer than the gate waits for it.
        time.sleep(1.5)
        raise AssertionError(question)


async def test_a_record_that_does_not_come_in_time_is_a_hold() -> None:
    async with asyncio.timeout(10):
        found = await looked(
            asked(app="shop", version="7", previous="6"), Hanging(), 50, patience=1.0
        )
    assert found.verdict == "hold"
    assert "no answer within 1 s" in found.reason
