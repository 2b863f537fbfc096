"""The result of a smoke test: its attempts, and the verdict."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Verdict = Literal["pass", "fail", "skip"]

NO_STEPS = "it has no steps, so nothing was tested"


class Attempt(Struct, frozen=True):
    """One try: how long it took, in seconds, and what was wrong."""

    seconds: float
    problems: tuple[str, ...] = ()


class StepResult(Struct, frozen=True):
    """All tries of a step. The last one counts; without any it was skipped."""

    name: str
    kind: str
    line: int | None
    attempts: tuple[Attempt, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether it passed."""
        if not self.attempts:
            return "skip"
        return "fail" if self.attempts[-1].problems else "pass"

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong in the end."""
        return self.attempts[-1].problems if self.attempts else ()


class SmokeResult(Struct, frozen=True):
    """A whole run; `seconds` includes the pauses between attempts."""

    name: str
    source: str
    url: str
    steps: tuple[StepResult, ...]
    began: datetime
    seconds: float

    @property
    def problem(self) -> str:
        """What is wrong with the test as a whole."""
        return "" if self.steps else NO_STEPS

    @property
    def verdict(self) -> Verdict:
        """Pass if there is a step and every step passed: one that was skipped proves nothing."""
        passed = all(step.verdict == "pass" for step in self.steps)
        return "pass" if self.steps and passed else "fail"

    def count(self, verdict: Verdict) -> int:
        """How many steps ended so."""
        return sum(step.verdict == verdict for step in self.steps)
