"""Steps are asked in their order, as often and as long as they say."""

import asyncio
from collections.abc import Callable

import pytest

from drainproxy.rollout.smoke.answers import Answer, ExecAnswer
from drainproxy.rollout.smoke.model import Action, ExecAction, SmokeTest, Step
from drainproxy.rollout.smoke.result import Attempt, StepResult
from drainproxy.rollout.smoke.run import run
from drainproxy.rollout.smoke.stage import Failed, Stage

Reply = Callable[[Stage], Answer]


def good(_: Stage) -> Answer:
    return ExecAnswer(0)


def bad(_: Stage) -> Answer:
    return ExecAnswer(1)


def broken(_: Stage) -> Answer:
    raise Failed("nobody there")


def odd(_: Stage) -> Answer:
    raise KeyError("first\nsecond")


class Service:
    """Answers each command with the replies it was given, the last one for ever."""

    def __init__(self, **replies: list[Reply]) -> None:
        self._replies = replies
        self.asked: list[str] = []
        self.two_asked = asyncio.Event()

    async def talk(self, action: Action, stage: Stage) -> Answer:
        assert isinstance(action, ExecAction)
        (name,) = action.command
        self.asked.append(name)
        if len(self.asked) == 2:
            self.two_asked.set()
        replies = self._replies.get(name)
        if replies is None:
            stage.waiting_for = "no word"
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")
        return (replies.pop(0) if len(replies) > 1 else replies[0])(stage)


class Watcher:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def begins(self, step: Step) -> None:
        self.heard.append(f"{step.name} begins")

    def retries(self, step: Step, number: int, attempt: Attempt) -> None:
        self.heard.append(f"{step.name} {number} {attempt.problems[0]}")

    def ended(self, result: StepResult) -> None:
        self.heard.append(f"{result.name} {result.verdict}")


def smoke_test(*names: str, retries: int = 0, timeout: float = 10.0) -> SmokeTest:
    steps = (
        Step(name, "exec", ExecAction((name,)), None, timeout, retries, retry_interval=0)
        for name in names
    )
    return SmokeTest("t", "t", tuple(steps))


async def test_steps_are_asked_in_their_order() -> None:
    service, watcher = Service(a=[good], b=[bad], c=[good]), Watcher()
    result = await run(smoke_test("a", "b", "c"), service.talk, watcher)

    assert service.asked == ["a", "b", "c"]
    assert [step.verdict for step in result.steps] == ["pass", "fail", "pass"]
    assert result.steps[1].problems == ("exit code is 1, not 0",)
    assert watcher.heard == [
        *("a begins", "a pass", "b begins", "b fail", "c begins", "c pass"),
    ]


async def test_behind_a_failure_steps_may_be_skipped() -> None:
    service = Service(a=[good], b=[broken], c=[good])
    result = await run(smoke_test("a", "b", "c"), service.talk, Watcher(), fail_fast=True)

    assert service.asked == ["a", "b"]
    assert [step.verdict for step in result.steps] == ["pass", "fail", "skip"]


async def test_a_step_is_asked_again_until_it_passes() -> None:
    service, watcher = Service(a=[broken, bad, good]), Watcher()
    result = await run(smoke_test("a", retries=5), service.talk, watcher)

    assert service.asked == ["a"] * 3
    assert result.verdict == "pass"
    assert watcher.heard == [
        *("a begins", "a 1 nobody there", "a 2 exit code is 1, not 0", "a pass"),
    ]


async def test_a_step_is_asked_no_more_than_its_retries_allow() -> None:
    service = Service(a=[broken])
    result = await run(smoke_test("a", retries=2), service.talk, Watcher())

    assert service.asked == ["a"] * 3
    assert [each.problems for each in result.steps[0].attempts] == [("nobody there",)] * 3


async def test_a_step_that_takes_too_long_says_what_it_waited_for() -> None:
    result = await run(smoke_test("a", timeout=0.05), Service().talk, Watcher())

    assert result.steps[0].problems == ("no word within 0.05 s",)
    # The loop has milliseconds.
    assert 0.04 <= result.steps[0].attempts[0].seconds <= result.seconds


@pytest.mark.parametrize("waits", ["for an answer", "for its next attempt"])
async def test_who_interrupts_gets_what_is_known(waits: str) -> None:
    service, watcher = Service(a=[good], b=[broken]), Watcher()
    names = ("a", "x", "b") if waits == "for an answer" else ("a", "b", "x")
    test = smoke_test(*names, retries=1)
    test = SmokeTest("t", "t", tuple(_patient(step) for step in test.steps))
    running = asyncio.ensure_future(run(test, service.talk, watcher))
    await service.two_asked.wait()
    await asyncio.sleep(0)
    running.cancel()
    result = await running

    assert [step.verdict for step in result.steps] == ["pass", "fail", "skip"]
    assert result.steps[1].problems == ("interrupted",)


def _patient(step: Step) -> Step:
    return Step(step.name, step.kind, step.action, None, 600, step.retries, retry_interval=600)


async def test_what_nobody_foresaw_fails_its_step_in_a_line_and_the_next_one_comes() -> None:
    result = await run(smoke_test("a", "b"), Service(a=[odd], b=[good]).talk, Watcher())

    assert [each.verdict for each in result.steps] == ["fail", "pass"]
    assert result.steps[0].attempts[0].problems == ("KeyError: 'first\\nsecond'",)
