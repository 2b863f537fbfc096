"""What a day looks like to a rollout: waves between half of --users and all, for --run-time or 5
minutes, so that a rollout meets the rise, the peak and the fall."""

from math import pi, sin

from locust import LoadTestShape


class Rollout(LoadTestShape):
    """A wave a minute."""

    use_common_options = True
    WAVE_SECONDS = 60

    def tick(self) -> tuple[int, float] | None:
        """(users, users per second), or None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = (options and options.users) or 100
        seconds = (options and options.run_time) or 300
        now = self.get_run_time()
        if now > seconds:
            return None
        wave = (1 + sin(2 * pi * now / self.WAVE_SECONDS)) / 2
        return max(1, round(users * (1 + wave) / 2)), users
