"""More and more users, up to --users in --run-time or 5 minutes: where does it bend?"""

from locust import LoadTestShape


class Ramp(LoadTestShape):
    """A straight line."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """(users, users per second), or None at the end."""
        options = self.runner.environment.parsed_options if self.runner else None
        users = (options and options.users) or 100
        seconds = (options and options.run_time) or 300
        now = self.get_run_time()
        if now > seconds:
            return None
        return max(1, round(users * now / seconds)), users / seconds + 1
