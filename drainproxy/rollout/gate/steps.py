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
# Analyses that run beside each other ask in one moment.
_IN_ONE_MOMENT: Final = 5.0
# Who invents rollouts makes others forgotten.
_MOST: Final = 1000


_Key = tuple[str, str, str]


class _Step(Struct):
    """`silence`: seconds between the last two questions that did not come in one moment."""

    weight: float | None
    began: float
    asked: float
    silence: float = 0.0

    def hear(self, now: float, otherwise: float, at_least: float = 0.0) -> None:
        """Somebody asks about it; whether it still lasts depends on when he did before. After a
        silence of `at_least` so many seconds what is counted begins `otherwise`."""
        silence = now - self.asked
        if silence > max(_FORGOTTEN_AFTER, _LONGER * self.silence, at_least):
            self.weight, self.began = None, otherwise
        self.asked = now
        if silence > _IN_ONE_MOMENT:
            self.silence = silence


class Steps:
    """The steps of all rollouts, by their two versions and the release; moments are seconds since
    1970. Where each release has the same selectors, as with Flagger, the pods of the one before are
    in the window of the next: so one that was never seen begins at the first question."""

    def __init__(self) -> None:
        self._steps: dict[_Key, _Step] = {}

    def within_step(self, rollout: Rollout, now: float) -> Rollout:
        """The rollout, counted since its step began and no longer than its window. At 0 and at
        100 % there are no two versions with users, and it is the window that says what counts."""
        key = _key(rollout)
        step = self._steps.get(key)
        if step is not None:
            if rollout.release:
                step.hear(now, now, rollout.window)
            else:
                step.hear(now, -inf)
        if rollout.weight is not None:
            if not 0 < rollout.weight < 100:
                return rollout
            if step is None or step.weight != rollout.weight:
                step = self._begin(key, rollout.weight, now - rollout.warm_up, now)
        elif step is None and rollout.release:
            step = self._begin(key, None, now, now)
        if step is None:
            return rollout
        return replace(rollout, window=min(rollout.window, max(now - step.began, 1.0)))

    def passed(self, rollout: Rollout, now: float) -> None:
        """The engine was told to go on; whoever names weights says himself when it does."""
        if rollout.weight is None:
            self._begin(_key(rollout), None, now, now)

    def _begin(self, key: _Key, weight: float | None, began: float, now: float) -> _Step:
        before = self._steps.pop(key, None)
        while len(self._steps) >= _MOST:
            del self._steps[next(iter(self._steps))]
        step = _Step(weight, began, now, before.silence if before else 0.0)
        self._steps[key] = step
        return step


def _key(rollout: Rollout) -> _Key:
    return rollout.canary, rollout.stable, rollout.release
