"""The same load for hours, for --run-time or 8 hours: does anything grow?"""

from locust import LoadTestShape


class Soak(LoadTestShape):
    """--users all the time, after a minute."""

    use_common_options = True
    WARM_UP_SECONDS = 60

    def tick(self) -> tuple[int, float] | None:
        """(users, users per second), or None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = (options and options.users) or 50
        seconds = (options and options.run_time) or 8 * 3600
        if self.get_run_time() > seconds:
            return None
        return users, users / self.WARM_UP_SECONDS + 1
