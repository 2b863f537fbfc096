"""One request to `gate serve`: the rollout, the error budget and the record of migrations are
looked at together, and judged in one report."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

from msgspec import Struct

from drainproxy.rollout.migration.state import Damaged, State

from .combine import combined, judge_migration, without_way_back
from .look import Rollout, look_at_budget, look_at_canary
from .prometheus import Server
from .record import Question, Record
from .report import Report
from .request import GateRequest, budget, question, rollout


class Evaluation(Struct, frozen=True):
    """A rollout, and what else decides about it: `budget` is source and service."""

    rollout: Rollout
    budget: tuple[str, str] | None = None
    question: Question | None = None


def evaluation_of(asked: GateRequest) -> Evaluation:
    """What to look at; LookupError if a version is not named, ValueError for all else."""
    return Evaluation(rollout(asked), budget(asked), question(asked))


async def evaluate(server: Server, record: Record, evaluation: Evaluation) -> Report:
    """One look at each at the same time, so that all together take no longer than the timeout."""
    now = time.time()
    looks: list[Awaitable[Report]] = [look_at_canary(server, evaluation.rollout, now)]
    if evaluation.budget is not None:
        looks.append(look_at_budget(server, *evaluation.budget, now))
    looking = asyncio.gather(*looks)
    if evaluation.question is None:
        reports = await looking
        return reports[0] if len(reports) == 1 else combined(reports)
    reports, state = await asyncio.gather(
        looking, _recorded(record, evaluation.question, server.timeout)
    )
    answers = record.answers(evaluation.question, state, datetime.now(UTC))
    more = []
    if answers.deploy is not None:
        more.append(judge_migration("migration", answers.deploy.verdict, answers.deploy.reason))
    found = combined(reports, more)
    if answers.rollback is None:
        return found
    return without_way_back(found, answers.rollback.verdict, answers.rollback.reason)


async def _recorded(record: Record, question: Question, seconds: float) -> State | Damaged | None:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(record.load, question)
    except TimeoutError:
        return Damaged(f"the record of {question.app}: no answer within {seconds:g} s")
