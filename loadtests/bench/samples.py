"""What was measured: one sample per measure, target and round, and the medians over rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    measure: str
    target: str
    round: int
    values: Mapping[str, float]


@dataclass(slots=True)
class Samples:
    """All samples of a run, in the order they were taken."""

    taken: list[Sample] = field(default_factory=list)

    def add(self, measure: str, target: str, round_: int, **values: float) -> None:
        self.taken.append(Sample(measure, target, round_, values))

    def targets(self, measure: str) -> list[str]:
        """The targets that have samples of `measure`, in the order of their first one."""
        return list(dict.fromkeys(s.target for s in self.taken if s.measure == measure))

    def median(self, measure: str, value: str, target: str) -> float | None:
        rounds = self._rounds(measure, value, target)
        return median(rounds.values()) if rounds else None

    def ratio(self, measure: str, value: str, target: str, beside: str) -> float | None:
        """Median of the ratios round by round: what slowed a whole round cancels out."""
        ours = self._rounds(measure, value, target)
        theirs = self._rounds(measure, value, beside)
        ratios = [ours[r] / theirs[r] for r in ours if theirs.get(r)]
        return median(ratios) if ratios else None

    def errors(self, measure: str, target: str) -> int:
        """Requests that failed and connections that were lost, all rounds together."""
        return int(sum(self._rounds(measure, "errors", target).values()))

    def _rounds(self, measure: str, value: str, target: str) -> dict[int, float]:
        return {
            s.round: s.values[value]
            for s in self.taken
            if s.measure == measure and s.target == target and value in s.values
        }
