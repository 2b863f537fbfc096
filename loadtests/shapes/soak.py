"""The same load for hours, for --run-time or 8 hours: does anything grow?"""

from loadtests.shapes.common import Shape


class Soak(Shape):
    """--users all the time, after a minute."""

    USERS, SECONDS = 50, 8 * 3600.0
    WARM_UP_SECONDS = 60

    def at(self, now: float, users: int, seconds: float) -> tuple[int, float]:
        """All."""
        return users, users / self.WARM_UP_SECONDS + 1
