"""When the step began that a question is about: what is counted begins anew at each weight.

The evidence compares totals, and two weights in one count mislead it: in a window that is mostly of
5 % and ends at 25 %, errors that both versions have had since look as if they were the canary's.
No engine says when a step began, but what it asks tells. Who names the weight asks about a new one
when the warm-up of its pods is over; and who is told to go on, and names none, goes on at once.
"""

from math import inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .look import Rollout

# Engines ask every half or whole minute while a step lasts, or as seldom as they did before; an
# abort is followed by a longer silence.
_FORGOTTEN_AFTER: Final = 180.0
_LONGER: Final = 3.0
# Who invents rollouts makes others forgotten.
_MOST: Final = 1000


class _Step(Struct):
    """`silence`: seconds between the last two questions."""

    weight: float | None
    began: float
    asked: float
    silence: float = 0.0

    def hear(self, now: float) -> None:
        """Somebody asks about it; whether it still lasts depends on when he did before."""
        silence = now - self.asked
        if silence > max(_FORGOTTEN_AFTER, _LONGER * self.silence):
            self.weight, self.began = None, -inf
        self.asked, self.silence = now, silence


class Steps:
    """The steps of all rollouts, by their two versions; moments are seconds since 1970."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], _Step] = {}

    def within_step(self, rollout: Rollout, now: float) -> Rollout:
        """The rollout, counted since its step began and no longer than its window. At 0 and at
        100 % there are no two versions with users, and it is the window that says what counts."""
        versions = rollout.canary, rollout.stable
        step = self._steps.get(versions)
        if step is not None:
            step.hear(now)
        if rollout.weight is not None:
            if not 0 < rollout.weight < 100:
                return rollout
            if step is None or step.weight != rollout.weight:
                step = self._begin(versions, rollout.weight, now - rollout.warm_up, now)
        if step is None:
            return rollout
        return replace(rollout, window=min(rollout.window, max(now - step.began, 1.0)))

    def passed(self, rollout: Rollout, now: float) -> None:
        """The engine was told to go on; whoever names weights says himself when it does."""
        if rollout.weight is None:
            self._begin((rollout.canary, rollout.stable), None, now, now)

    def _begin(
        self, versions: tuple[str, str], weight: float | None, began: float, now: float
    ) -> _Step:
        before = self._steps.pop(versions, None)
        while len(self._steps) >= _MOST:
            del self._steps[next(iter(self._steps))]
        step = _Step(weight, began, now, before.silence if before else 0.0)
        self._steps[versions] = step
        return step
