"""A calm load, ten times as many users for 20 seconds, and calm again: --run-time or 2 minutes."""

from loadtests.shapes.common import Shape


class Spike(Shape):
    """--users at the peak, which is in the middle."""

    SECONDS = 120.0
    PEAK_SECONDS = 20

    def at(self, now: float, users: int, seconds: float) -> tuple[int, float]:
        """All, or a tenth."""
        peak = abs(now - seconds / 2) < self.PEAK_SECONDS / 2
        return users if peak else max(1, users // 10), users
