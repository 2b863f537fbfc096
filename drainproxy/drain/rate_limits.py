"""Rate limits: so many of something in so many seconds."""

from collections import deque
from math import inf

# The resolution of the window of what was begun: so many marks.
_MARKS = 32


class RateLimit:
    """Allows `most` in each window of `window` seconds. A window begins with the first `spend`
    after the end of the last one; `ends`: the end of the current one."""

    __slots__ = ("_left", "ends", "most", "window")

    def __init__(self, most: int, window: float) -> None:
        self.most = most
        self.window = window
        self._left = most
        self.ends = 0.0

    def spend(self, now: float) -> bool:
        """Take one; False if none is left in this window."""
        if now >= self.ends:
            self.ends = now + self.window
            self._left = self.most
        self._left -= 1
        return self._left >= 0

    @property
    def spent(self) -> int:
        """How many `spend` calls there were in this window, those that failed included."""
        return self.most - self._left


class ProportionalLimit:
    """Allows `most` in any `window` seconds, and more as long as they are at most half of what was
    begun in the window. `begun`, `spent`: the two numbers at the last `spend`.

    The caller counts what is begun: call `mark` with the count at `mark_at` or later, before the
    next one begins. So the window in which the two are compared is shorter than `window`, by 1/32
    of it at most.
    """

    __slots__ = ("_lately", "_marks", "_total", "begun", "mark_at", "most", "spent", "window")

    def __init__(self, most: int, window: float) -> None:
        self.most = most
        self.window = window
        self._total = 0
        # The moments of the last `most` + 1 calls of `spend`. None before the first, since a deque
        # takes more memory than all else here, and most limits are never used.
        self._lately: deque[float] | None = None
        # Moments, and how many were begun and spent before each.
        self._marks: list[tuple[float, int, int]] = []
        self.mark_at = -inf
        self.begun = self.spent = 0

    def mark(self, now: float, begun: int) -> None:
        """Note how many were begun before this moment."""
        begins = now - self.window
        self._marks = [each for each in self._marks if each[0] > begins]
        self._marks.append((now, begun, self._total))
        self.mark_at = now + self.window / _MARKS

    def spend(self, now: float, begun: int) -> bool:
        """Take one. `begun`: how many were begun in all. False if `most` is exceeded and more than
        half of what was begun in the window is spent."""
        if now >= self.mark_at:
            self.mark(now, begun)
        if self._lately is None:
            self._lately = deque(maxlen=self.most + 1)
        self._total += 1
        self._lately.append(now)
        begins = now - self.window
        _, begun_before, spent_before = next(each for each in self._marks if each[0] > begins)
        self.begun, self.spent = begun - begun_before, self._total - spent_before
        too_many = len(self._lately) > self.most and self._lately[0] > begins
        return not too_many or 2 * self.spent <= self.begun
