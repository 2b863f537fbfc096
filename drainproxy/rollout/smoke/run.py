"""Runs the steps of a test in order, each as often and as long as it says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from .answers import Answer
from .checks import problems, readable
from .credentials import shown
from .hiding import Hide, hiding_of
from .matching import unmatched
from .model import Action, SmokeTest, Step
from .result import Attempt, SmokeResult, StepResult
from .stage import Failed, Stage

Talk = Callable[[Action, Stage], Awaitable[Answer]]

INTERRUPTED = "interrupted"


class Watcher(Protocol):
    """Who hears how it goes."""

    def begins(self, step: Step) -> None:
        """A step is asked now."""

    def retries(self, step: Step, number: int, attempt: Attempt) -> None:
        """Its attempt of this number failed, and there will be another."""

    def ended(self, result: StepResult) -> None:
        """It is over."""


async def run(
    test: SmokeTest, talk: Talk, watcher: Watcher, *, fail_fast: bool = False
) -> SmokeResult:
    """The result of all steps. Whoever cancels this gets what is known: the step under way has
    failed then, and those behind it are skipped, as behind a failure with `fail_fast`."""
    began, start = datetime.now(UTC), monotonic()
    hiding = hiding_of(test)
    results: list[StepResult] = []
    go_on = True
    for given in test.steps:
        step = replace(given, name=hiding.text(given.name))
        attempts: list[Attempt] = []
        if go_on:
            watcher.begins(step)
            go_on = await _ask(step, _Asking(talk, hiding.of(step.action)), watcher, attempts)
        result = StepResult(step.name, step.kind, step.line, tuple(attempts))
        go_on = go_on and not (fail_fast and result.verdict != "pass")
        watcher.ended(result)
        results.append(result)
    seconds = monotonic() - start
    names = hiding.text(test.name), test.source, hiding.text(shown(test.url))
    return SmokeResult(*names, tuple(results), began, seconds)


class _Asking(NamedTuple):
    """How a step is asked, and what takes out of a problem what nobody should read."""

    talk: Talk
    hide: Hide


async def _ask(step: Step, asking: _Asking, watcher: Watcher, attempts: list[Attempt]) -> bool:
    """Fill in the attempts; whether the next step may come."""
    began = monotonic()
    try:
        for number in range(1, step.retries + 2):
            began = monotonic()
            attempt = await _attempt(step, asking)
            attempts.append(attempt)
            if not attempt.problems:
                break
            if number <= step.retries:
                watcher.retries(step, number, attempt)
                began = monotonic()
                await asyncio.sleep(step.retry_interval)
    except asyncio.CancelledError:
        attempts.append(Attempt(monotonic() - began, (INTERRUPTED,)))
        return False
    return True


async def _attempt(step: Step, asking: _Asking) -> Attempt:
    began, stage = monotonic(), Stage()
    try:
        async with asyncio.timeout(step.timeout):
            answer = await asking.talk(step.action, stage)
            seconds = monotonic() - began
            missed = await unmatched(step.action, answer, stage)
    except TimeoutError:
        wrong: tuple[str, ...] = (f"{stage.waiting_for} within {step.timeout:g} s",)
    except Failed as error:
        wrong = (readable(str(error), asking.hide),)
    except Exception as error:  # what a library raises on an odd answer is no end of the test
        first = next(iter(str(error).splitlines()), "")
        wrong = (f"{type(error).__name__}: {first}".removesuffix(": "),)
    else:
        wrong = problems(step.action, answer, seconds, missed, asking.hide)
    return Attempt(monotonic() - began, tuple(map(asking.hide, wrong)))
