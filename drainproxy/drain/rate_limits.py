"""Rate limits: so many of something in so many seconds."""

from collections import deque
from math import inf

# How finely what was begun is told apart by time: so many marks in a window.
_MARKS = 32


class RateLimit:
    """`most` in each window of `window` seconds. A window begins with the first `spend` after the
    one before has ended; the present one ends at `ends`."""

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
        """How many were taken in this window, or asked for in vain."""
        return self.most - self._left


class ProportionalLimit:
    """`most` in any `window` seconds; more than that as long as they are at most half of what was
    begun in the window.

    The moments of spendings are kept, as many as matter. What is begun is counted instead: call
    `mark` with the count, at `mark_at` or later, before something is begun. So the window in which
    the two are compared is shorter than `window` by 1/32 of it at most.
    """

    __slots__ = ("_lately", "_marks", "_total", "begun", "mark_at", "most", "spent", "window")

    def __init__(self, most: int, window: float) -> None:
        self.most = most
        self.window = window
        self._total = 0
        # The moments of the last spendings, one more than are allowed. Most never spend anything,
        # and a deque takes more memory than all else here.
        self._lately: deque[float] | None = None
        # Moments, and how much had been begun and spent before each of them.
        self._marks: list[tuple[float, int, int]] = []
        self.mark_at = -inf
        # Within the window before the last spending.
        self.begun = self.spent = 0

    def mark(self, now: float, begun: int) -> None:
        """Note that so much had been begun before this moment."""
        begins = now - self.window
        self._marks = [each for each in self._marks if each[0] > begins]
        self._marks.append((now, begun, self._total))
        self.mark_at = now + self.window / _MARKS

    def spend(self, now: float, begun: int) -> bool:
        """Take one, when so much has been begun in all; False if that is too many, and more than
        half of what was begun."""
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
