"""A calm load, ten times as many users for 20 seconds, and calm again: --run-time or 2 minutes."""

from locust import LoadTestShape


class Spike(LoadTestShape):
    """--users at the peak."""

    use_common_options = True
    PEAK_SECONDS = 20

    def tick(self) -> tuple[int, float] | None:
        """(users, users per second), or None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = (options and options.users) or 100
        seconds = (options and options.run_time) or 120
        now = self.get_run_time()
        if now > seconds:
            return None
        peak = abs(now - seconds / 2) < self.PEAK_SECONDS / 2
        return users if peak else max(1, users // 10), users
