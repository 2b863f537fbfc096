"""More and more users, up to --users in --run-time or 5 minutes: where does it bend?"""

from loadtests.shapes.common import Shape


class Ramp(Shape):
    """A straight line."""

    def at(self, now: float, users: int, seconds: float) -> tuple[int, float]:
        """As many as the share of the time that is over."""
        return max(1, round(users * now / seconds)), users / seconds + 1
