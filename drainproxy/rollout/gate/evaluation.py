"""The rollout, the error budget and the record of migrations are looked at together, and judged in
one report: for a request to `gate serve`, and for `gate all`."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from drainproxy.rollout.migration.state import Damaged, State
from drainproxy.rollout.unwaited import in_thread

from .combine import combined, judge_migration, without_way_back
from .look import Rollout, look_at_budget, look_at_canary
from .prometheus import PrometheusServer
from .record import MigrationQuestion, RecordSource
from .report import GateReport
from .request import GateRequest, budget, question, rollout


class Evaluation(Struct, frozen=True):
    """A rollout, and what else decides about it: `budget` is source and service."""

    rollout: Rollout
    budget: tuple[str, str] | None = None
    question: MigrationQuestion | None = None


def evaluation_of(asked: GateRequest) -> Evaluation:
    """What to look at; UnnamedVersionError, or ValueError for all else that is wrong."""
    return Evaluation(rollout(asked), budget(asked), question(asked))


async def evaluate(
    server: PrometheusServer, record: RecordSource, evaluation: Evaluation
) -> GateReport:
    """One look at each."""
    now = time.time()
    looks: list[Awaitable[GateReport]] = [look_at_canary(server, evaluation.rollout, now)]
    if evaluation.budget is not None:
        looks.append(look_at_budget(server, *evaluation.budget, now))
    return await together(looks, record, evaluation.question, server.timeout)


async def together(
    looks: Sequence[Awaitable[GateReport]],
    record: RecordSource,
    question: MigrationQuestion | None,
    seconds: float,
) -> GateReport:
    """All looks and the record at the same time, so that they take no longer than the timeout of
    one, which is that of the record too."""
    looking = asyncio.gather(*looks)
    if question is None:
        reports = await looking
        return reports[0] if len(reports) == 1 else combined(reports)
    reports, state = await asyncio.gather(looking, _recorded(record, question, seconds))
    answers = record.answers(question, state, datetime.now(UTC))
    more = []
    if answers.deploy is not None:
        more.append(judge_migration("migration", answers.deploy.verdict, answers.deploy.reason))
    found = combined(reports, more)
    if answers.rollback is None:
        return found
    return without_way_back(found, answers.rollback.verdict, answers.rollback.reason)


async def _recorded(
    record: RecordSource, question: MigrationQuestion, seconds: float
) -> State | Damaged | None:
    try:
        async with asyncio.timeout(seconds):
            return await in_thread(lambda: record.load(question))
    except TimeoutError:
        return Damaged(f"the record of {question.app}: no answer within {seconds:g} s")
