"""What a day looks like to a rollout: waves between half of --users and all, for --run-time or 5
minutes, so that a rollout meets the rise, the peak and the fall."""

from math import pi, sin

from loadtests.shapes.common import Shape


class Rollout(Shape):
    """A wave a minute."""

    WAVE_SECONDS = 60

    def at(self, now: float, users: int, seconds: float) -> tuple[int, float]:
        """Where the wave is."""
        wave = (1 + sin(2 * pi * now / self.WAVE_SECONDS)) / 2
        return max(1, round(users * (1 + wave) / 2)), users
