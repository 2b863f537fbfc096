"""The verdicts of the gate on a rehearsal's canary, as plain values and in words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drainproxy.rollout.gate.judgement import SignalJudgement, Verdict
from drainproxy.rollout.gate.report import GateReport


@dataclass(frozen=True, slots=True)
class WeightResult:
    """One weight, in percent: the last verdict there, after so many seconds, and what the gate had
    counted of the new version then. `held_by`: how many looks before it each signal held."""

    weight: int
    verdict: Verdict
    reason: str
    seconds: float
    requests_of_new: int
    held_by: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GateResult:
    """The whole ladder. `stopped_at`: the weight, in percent, None if it went through.

    `requests_of_new` and `requests_of_old`: how many events of the signal that decided the verdict
    rests on. `requests`, `users`, `users_struck`: what users asked for between the first weight
    and the verdict, of both versions, how many they were, and how many of them met the fault.
    """

    verdict: Verdict
    reason: str
    stopped_at: int | None
    # Those that failed it, or that held it; empty if it went through.
    signals: Sequence[SignalJudgement]
    requests_of_new: int
    requests_of_old: int
    seconds: float
    requests: int
    users: int
    users_struck: int
    steps: Sequence[WeightResult]

    def problems(self) -> Iterator[str]:
        """Why the new version is not out."""
        if self.verdict == "pass":
            return
        what = "stopped it" if self.verdict == "fail" else "came to no verdict in time"
        yield f"The gate {what} at {self.stopped_at} %, and it was rolled back."
        if not self.signals:
            yield f"{self.verdict}: {self.reason}"
        for each in self.signals:
            yield f"{each.verdict}: {each.signal}: {each.reason}"

    def remarks(self) -> Iterator[str]:
        """What it took."""
        if self.verdict == "pass":
            first = self.steps[0]
            yield (
                f"The gate let it pass {len(self.steps)} weights in {self.seconds:.0f} s; the first"
                f" took {first.requests_of_new:,} requests of the new version and"
                f" {first.seconds:.0f} s."
            )
        else:
            what = _events(self.signals[0].signal if self.signals else "")
            yield (
                f"The verdict took {self.requests_of_new:,} {what} of the new version beside"
                f" {self.requests_of_old:,} of the old, and {self.seconds:.0f} s."
            )
        share = f" ({self.users_struck / self.users:.1%})" if self.users else ""
        yield f"{self.users_struck:,} of {self.users:,} users met a fault{share}."


def _events(signal: str) -> str:
    """What a signal counts."""
    kinds = ("WebSockets", "event streams", "connections")
    return next((kind for kind in kinds if kind.lower() in signal), "requests")


def deciding(report: GateReport) -> SignalJudgement | None:
    """The signal that a verdict rests on: the first of those that decided, or what was counted
    most of."""
    decided = [each for each in report.signals if each.verdict == report.verdict and each.canary]
    if report.verdict == "pass":
        return max(decided, key=lambda each: each.canary.total if each.canary else 0, default=None)
    return next(iter(decided), None)


def requests_of(judgement: SignalJudgement | None) -> tuple[int, int]:
    """How many events of the new version and of the old it rests on."""
    if judgement is None:
        return 0, 0
    canary, stable = judgement.canary, judgement.stable
    return canary.total if canary else 0, stable.total if stable else 0
